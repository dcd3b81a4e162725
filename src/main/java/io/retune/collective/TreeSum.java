package io.retune.collective;

import io.retune.collective.LeafTree.Node;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Sums vectors along a {@link LeafTree}, whatever order they come in and from however many threads:
 * two siblings are added as soon as both are there. Holds at most one vector per level for each
 * thread that adds.
 */
public final class TreeSum {
  private final LeafTree tree;
  private final VectorPool pool;
  private final Map<Node, float[]> waiting = new HashMap<>();

  public TreeSum(LeafTree tree, VectorPool pool) {
    this.tree = tree;
    this.pool = pool;
  }

  /** Takes the sum of the leaves under {@code node}; {@code vector} belongs to this from now on. */
  public void add(Node node, float[] vector) {
    Node at = node;
    while (true) {
      Optional<LeafTree.Family> family = tree.family(at);
      float[] sibling;
      synchronized (waiting) {
        sibling = family.map(f -> waiting.remove(f.sibling())).orElse(null);
        if (sibling == null) {
          waiting.put(at, vector);
          return;
        }
      }
      // IEEE 754 addition commutes: which of the two came first changes no bit.
      for (int i = 0; i < vector.length; i++) {
        vector[i] += sibling[i];
      }
      pool.give(sibling);
      at = family.get().parent();
    }
  }

  /** The sum under {@code node}, which is then the caller's. */
  public float[] take(Node node) {
    synchronized (waiting) {
      float[] vector = waiting.remove(node);
      if (vector == null) {
        throw new IllegalStateException("Not all leaves of " + node + " have been added");
      }
      return vector;
    }
  }
}
