package io.retune.collective;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The fixed binary tree over the leaves of a step along which everything is summed: n leaves are
 * split at the largest power of two below n, as in RFC 6962 section 2.1. It depends on the number
 * of leaves and on nothing else, so any division of the leaves among ranks gives the same float
 * additions.
 */
public record LeafTree(int leaves) {
  /** The leaves [begin, end) under one node. */
  public record Node(int begin, int end) {
    private int split() {
      return begin + Integer.highestOneBit(end - begin - 1);
    }

    private Node left() {
      return new Node(begin, split());
    }

    private Node right() {
      return new Node(split(), end);
    }

    boolean isLeaf() {
      return end - begin == 1;
    }

    boolean contains(Node other) {
      return begin <= other.begin && other.end <= end;
    }
  }

  public LeafTree {
    if (leaves < 1) {
      throw new IllegalArgumentException("A tree needs a leaf");
    }
  }

  public static Node leaf(int index) {
    return new Node(index, index + 1);
  }

  public Node root() {
    return new Node(0, leaves);
  }

  /** The contiguous leaves that rank {@code rank} of {@code world} works out; may be none. */
  public Node range(int rank, int world) {
    return new Node(
        (int) ((long) leaves * rank / world), (int) ((long) leaves * (rank + 1) / world));
  }

  /**
   * The largest subtrees that lie whole inside {@code range}, from left to right: what a rank has
   * to send.
   */
  public List<Node> subtrees(Node range) {
    List<Node> found = new ArrayList<>();
    collect(root(), range, found);
    return found;
  }

  private static void collect(Node node, Node range, List<Node> found) {
    if (range.contains(node)) {
      found.add(node);
    } else if (node.begin() < range.end() && range.begin() < node.end()) {
      collect(node.left(), range, found);
      collect(node.right(), range, found);
    }
  }

  /** The node above {@code node} and the other one below it; empty at the root. */
  Optional<Family> family(Node node) {
    Node at = root();
    while (!at.isLeaf()) {
      Node left = at.left();
      Node right = at.right();
      if (left.equals(node)) {
        return Optional.of(new Family(at, right));
      } else if (right.equals(node)) {
        return Optional.of(new Family(at, left));
      }
      at = left.contains(node) ? left : right;
    }
    return Optional.empty();
  }

  record Family(Node parent, Node sibling) {}

  /** Sum of one number per leaf along the tree. */
  public double sum(double[] values) {
    if (values.length != leaves) {
      throw new IllegalArgumentException(values.length + " values for " + leaves + " leaves");
    }
    return sum(values, root());
  }

  private static double sum(double[] values, Node node) {
    return node.isLeaf()
        ? values[node.begin()]
        : sum(values, node.left()) + sum(values, node.right());
  }
}
