package io.retune.collective;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.retune.collective.LeafTree.Node;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class LeafTreeTest {
  private static final int MOST_LEAVES = 40;
  private static final int VECTOR = 5;

  @Test
  void sevenLeavesAreSplitAsRfc6962Does() {
    LeafTree tree = new LeafTree(7);

    assertThat(tree.subtrees(tree.range(0, 1))).containsExactly(new Node(0, 7));
    assertThat(tree.subtrees(new Node(1, 7)))
        .containsExactly(new Node(1, 2), new Node(2, 4), new Node(4, 7));
    assertThat(tree.subtrees(new Node(0, 6))).containsExactly(new Node(0, 4), new Node(4, 6));
    assertThat(tree.subtrees(new Node(3, 5))).containsExactly(new Node(3, 4), new Node(4, 5));
  }

  @Test
  void aTreeWithoutLeavesIsRefused() {
    assertThatThrownBy(() -> new LeafTree(0))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("A tree needs a leaf");
  }

  @Test
  void theRanksRangesAreAllLeavesInOrderAndTheirSubtreesAreTheRanges() {
    for (int leaves = 1; leaves <= MOST_LEAVES; leaves++) {
      LeafTree tree = new LeafTree(leaves);
      for (int world = 1; world <= leaves + 2; world++) {
        int next = 0;
        for (int rank = 0; rank < world; rank++) {
          Node range = tree.range(rank, world);
          assertThat(range.begin()).isEqualTo(next);
          int at = range.begin();
          for (Node subtree : tree.subtrees(range)) {
            assertThat(subtree.begin()).isEqualTo(at);
            assertThat(subtree.end()).isGreaterThan(at);
            assertThat(tree.family(subtree).map(f -> range.contains(f.parent())).orElse(false))
                .as("%s is as large as it can be in %s of %s", subtree, range, tree)
                .isFalse();
            at = subtree.end();
          }
          assertThat(at).isEqualTo(range.end());
          // So many messages a rank sends at most: one a level on either side.
          assertThat(tree.subtrees(range).size())
              .isLessThanOrEqualTo(2 * (32 - Integer.numberOfLeadingZeros(leaves)));
          next = range.end();
        }
        assertThat(next).isEqualTo(leaves);
      }
    }
  }

  @Test
  void theSumHasTheSameBitsForAnyWorldSizeAndAnyOrderOfAdding() {
    Random random = new Random(1);
    for (int leaves = 1; leaves <= MOST_LEAVES; leaves++) {
      LeafTree tree = new LeafTree(leaves);
      float[][] vectors = Adversarial.vectors(leaves, VECTOR, random);
      float[] expected = Adversarial.treeSum(vectors, 0, leaves);
      for (int world = 1; world <= leaves; world++) {
        VectorPool pool = new VectorPool(VECTOR);
        List<Runnable> partials = new ArrayList<>();
        TreeSum whole = new TreeSum(tree, pool);
        for (int rank = 0; rank < world; rank++) {
          Node range = tree.range(rank, world);
          TreeSum partial = new TreeSum(tree, pool);
          List<Integer> order =
              new ArrayList<>(IntStream.range(range.begin(), range.end()).boxed().toList());
          Collections.shuffle(order, random);
          order.forEach(leaf -> partial.add(LeafTree.leaf(leaf), vectors[leaf].clone()));
          for (Node subtree : tree.subtrees(range)) {
            partials.add(() -> whole.add(subtree, partial.take(subtree)));
          }
        }
        Collections.shuffle(partials, random);
        partials.forEach(Runnable::run);

        assertThat(Adversarial.bits(whole.take(tree.root())))
            .as("%d leaves on %d ranks", leaves, world)
            .isEqualTo(Adversarial.bits(expected));
      }
    }
  }

  @Test
  void theSumHasTheSameBitsForAnyNumberOfThreads() throws Exception {
    Random random = new Random(2);
    int leaves = 37;
    LeafTree tree = new LeafTree(leaves);
    float[][] vectors = Adversarial.vectors(leaves, 1000, random);
    int[] expected = Adversarial.bits(Adversarial.treeSum(vectors, 0, leaves));
    ExecutorService threads = Executors.newFixedThreadPool(8);
    try {
      for (int round = 0; round < 50; round++) {
        TreeSum sum = new TreeSum(tree, new VectorPool(1000));
        List<Integer> order = new ArrayList<>(IntStream.range(0, leaves).boxed().toList());
        Collections.shuffle(order, random);
        List<Future<?>> added = new ArrayList<>();
        for (int leaf : order) {
          added.add(threads.submit(() -> sum.add(LeafTree.leaf(leaf), vectors[leaf].clone())));
        }
        for (Future<?> each : added) {
          each.get();
        }
        assertThat(Adversarial.bits(sum.take(tree.root()))).isEqualTo(expected);
      }
    } finally {
      threads.shutdownNow();
    }
  }

  /** Else the tests above would pass with any order of additions. */
  @Test
  void anotherOrderOfAdditionsGivesOtherBits() {
    float[][] vectors = Adversarial.vectors(8, 1000, new Random(3));
    float[] inOrder = vectors[0].clone();
    for (int leaf = 1; leaf < 8; leaf++) {
      for (int i = 0; i < inOrder.length; i++) {
        inOrder[i] += vectors[leaf][i];
      }
    }
    assertThat(Adversarial.bits(inOrder))
        .isNotEqualTo(Adversarial.bits(Adversarial.treeSum(vectors, 0, 8)));
  }

  @Test
  void numbersAreSummedAlongTheSameTree() {
    // (1e16 + 1) + (-1e16) is 0 in float64, 1e16 + (1 - 1e16) is 1 less exact: order shows.
    assertThat(new LeafTree(3).sum(new double[] {1e16, 1, -1e16})).isEqualTo(0.0);
    assertThat(new LeafTree(4).sum(new double[] {1e16, -1e16, 1, 1})).isEqualTo(2.0);
    assertThatThrownBy(() -> new LeafTree(3).sum(new double[2]))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("2 values for 3 leaves");
  }

  @Test
  void aSumThatLacksALeafIsNotGiven() {
    LeafTree tree = new LeafTree(3);
    TreeSum sum = new TreeSum(tree, new VectorPool(1));
    sum.add(LeafTree.leaf(0), new float[] {1});
    sum.add(LeafTree.leaf(2), new float[] {1});

    assertThatThrownBy(() -> sum.take(tree.root()))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("Not all leaves of Node[begin=0, end=3] have been added");
  }

  @Test
  void vectorsAreUsedAgainSoThatAThreadNeedsOneALevel() {
    VectorPool pool = new VectorPool(3);
    LeafTree tree = new LeafTree(64);
    TreeSum sum = new TreeSum(tree, pool);
    java.util.Set<float[]> used = Collections.newSetFromMap(new java.util.IdentityHashMap<>());
    for (int leaf = 0; leaf < 64; leaf++) {
      float[] vector = pool.take();
      used.add(vector);
      sum.add(LeafTree.leaf(leaf), vector);
    }
    // log2(64) waiting ones and the one being added.
    assertThat(used).hasSize(7);
    assertThatThrownBy(() -> pool.give(new float[2])).isInstanceOf(IllegalArgumentException.class);
  }
}
