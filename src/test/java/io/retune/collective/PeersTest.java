package io.retune.collective;

import static org.assertj.core.api.Assertions.assertThat;

import io.retune.collective.LeafTree.Node;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A wait that does not end would be one of the defects looked for. */
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class PeersTest {
  /** What a wait may last after it was cancelled: the watch looks every 200 ms. */
  private static final long SOON_MS = 2000;

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 5, 7})
  void everyRankHasTheBitsOfTheOneRankSum(int world) throws Exception {
    try (Ranks ranks = new Ranks(world)) {
      // Fewer leaves than ranks, as many, more; vectors shorter than the world and of odd lengths.
      int[] leaves = {1, 3, 7, 8, 13};
      int[] sizes = {3, 1003};
      List<List<int[]>> found =
          ranks.all(
              (rank, peers) -> {
                List<int[]> sums = new ArrayList<>();
                int step = 0;
                for (int n : leaves) {
                  for (int size : sizes) {
                    sums.add(sum(peers, rank, world, ++step, vectors(n, size)));
                  }
                }
                return sums;
              });
      for (int rank = 0; rank < world; rank++) {
        int at = 0;
        for (int n : leaves) {
          for (int size : sizes) {
            assertThat(found.get(rank).get(at++))
                .as("%d leaves of %d floats, rank %d of %d", n, size, rank, world)
                .isEqualTo(Adversarial.bits(Adversarial.treeSum(vectors(n, size), 0, n)));
          }
        }
      }
    }
  }

  @Test
  void aSliceOfManyRecordsArrivesWhole() throws Exception {
    int size = 300_001; // records are of 65,536 floats
    try (Ranks ranks = new Ranks(2)) {
      List<int[]> found = ranks.all((rank, peers) -> sum(peers, rank, 2, 1, vectors(3, size)));

      int[] expected = Adversarial.bits(Adversarial.treeSum(vectors(3, size), 0, 3));
      assertThat(found.get(0)).isEqualTo(expected);
      assertThat(found.get(1)).isEqualTo(expected);
    }
  }

  @Test
  void notesComeByRankToEveryRank() throws Exception {
    String large = "x".repeat(700_000); // three records
    try (Ranks ranks = new Ranks(3)) {
      List<List<String>> found =
          ranks.all(
              (rank, peers) -> {
                byte[] note = (rank == 1 ? large : "rank " + rank).getBytes(StandardCharsets.UTF_8);
                return peers.gather(1, note).stream()
                    .map(n -> new String(n, StandardCharsets.UTF_8))
                    .toList();
              });

      assertThat(found).containsOnly(List.of("rank 0", large, "rank 2"));
    }
  }

  @Test
  void cancellingEndsAWaitForAPeerThatIsSilent() throws Exception {
    AtomicBoolean cancelled = new AtomicBoolean();
    CountDownLatch connected = new CountDownLatch(2);
    try (Ranks ranks = new Ranks(2)) {
      Future<?> waiting =
          ranks.start(
              0,
              cancelled::get,
              (rank, peers) -> {
                connected.countDown();
                return peers.gather(1, new byte[0]);
              });
      Future<?> silent =
          ranks.start(
              1,
              () -> false,
              (rank, peers) -> {
                connected.countDown();
                Thread.sleep(60_000);
                return null;
              });
      assertThat(connected.await(10, TimeUnit.SECONDS)).isTrue();
      assertThat(silent).isNotDone();

      long start = System.nanoTime();
      cancelled.set(true);
      Throwable failure = Ranks.failure(waiting, 10);

      assertThat(millisSince(start)).isLessThan(SOON_MS);
      assertThat(failure)
          .isInstanceOf(UncheckedIOException.class)
          .hasMessageContaining("The connection to rank 1 is lost");
    }
  }

  @Test
  void cancellingEndsAWaitForAPeerThatNeverCalls() throws Exception {
    AtomicBoolean cancelled = new AtomicBoolean();
    try (Ranks ranks = new Ranks(2)) {
      Future<?> waiting = ranks.start(0, cancelled::get, (rank, peers) -> "connected");
      Thread.sleep(300);

      long start = System.nanoTime();
      cancelled.set(true);
      Throwable failure = Ranks.failure(waiting, 10);

      assertThat(millisSince(start)).isLessThan(SOON_MS);
      assertThat(failure).isInstanceOf(IOException.class);
    }
  }

  @Test
  void closingFromAnotherThreadEndsAWait() throws Exception {
    List<Peers> open = new ArrayList<>();
    CountDownLatch connected = new CountDownLatch(2);
    try (Ranks ranks = new Ranks(2)) {
      Future<?> waiting =
          ranks.start(
              0,
              () -> false,
              (rank, peers) -> {
                open.add(peers);
                connected.countDown();
                return peers.gather(1, new byte[0]);
              });
      Future<?> silent =
          ranks.start(
              1,
              () -> false,
              (rank, peers) -> {
                connected.countDown();
                Thread.sleep(60_000);
                return null;
              });
      assertThat(connected.await(10, TimeUnit.SECONDS)).isTrue();
      assertThat(silent).isNotDone();
      Thread.sleep(200);

      long start = System.nanoTime();
      open.get(0).close();
      Throwable failure = Ranks.failure(waiting, 10);

      assertThat(millisSince(start)).isLessThan(SOON_MS);
      assertThat(failure).isInstanceOf(UncheckedIOException.class);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2})
  void aRankThatDiesEndsAllOthersWhateverTheyWaitFor(int dying) throws Exception {
    CountDownLatch connected = new CountDownLatch(3);
    try (Ranks ranks = new Ranks(3)) {
      List<Future<?>> others = new ArrayList<>();
      for (int each = 0; each < 3; each++) {
        Future<?> running =
            ranks.start(
                each,
                () -> false,
                (rank, peers) -> {
                  connected.countDown();
                  if (rank == dying) {
                    // Others are in the middle of a sum of megabytes then.
                    assertThat(connected.await(10, TimeUnit.SECONDS)).isTrue();
                    Thread.sleep(300);
                    return "dead";
                  }
                  return sum(peers, rank, 3, 1, vectors(3, 2_000_000));
                });
        if (each != dying) {
          others.add(running);
        }
      }
      for (Future<?> other : others) {
        assertThat(Ranks.failure(other, 20))
            .isInstanceOf(UncheckedIOException.class)
            .hasMessageContaining("is lost");
      }
    }
  }

  /** Who notices first closes its connections; what that does to the others is not the cause. */
  @RepeatedTest(20)
  void ranksThatAreNotAtTheSameStepAreToldApart() throws Exception {
    try (Ranks ranks = new Ranks(2)) {
      Future<?> first = ranks.start(0, () -> false, (rank, peers) -> peers.gather(1, new byte[1]));
      Future<?> second = ranks.start(1, () -> false, (rank, peers) -> peers.gather(2, new byte[1]));
      List<String> messages = new ArrayList<>();
      for (Future<?> each : List.of(first, second)) {
        messages.add(Ranks.failure(each, 10).getMessage());
      }
      assertThat(messages)
          .anyMatch(
              m ->
                  m.matches(
                      "rank (0|1) sent Header\\[kind=3, step=(1|2), begin=(0|1), end=0\\] instead of "
                          + "Header\\[kind=3, step=(2|1), begin=(0|1), end=0\\]"));
    }
  }

  private static float[][] vectors(int leaves, int size) {
    return Adversarial.vectors(leaves, size, new Random(leaves * 31L + size));
  }

  /** What a rank does in a step: its own leaves, then the sum over all ranks. */
  private static int[] sum(Peers peers, int rank, int world, int step, float[][] vectors) {
    LeafTree tree = new LeafTree(vectors.length);
    VectorPool pool = new VectorPool(vectors[0].length);
    TreeSum partial = new TreeSum(tree, pool);
    Node range = tree.range(rank, world);
    for (int leaf = range.end() - 1; leaf >= range.begin(); leaf--) {
      partial.add(LeafTree.leaf(leaf), vectors[leaf].clone());
    }
    float[] result = new float[vectors[0].length];
    peers.sum(step, tree, partial, pool, result);
    return Adversarial.bits(result);
  }

  private static long millisSince(long start) {
    return (System.nanoTime() - start) / 1_000_000;
  }
}
