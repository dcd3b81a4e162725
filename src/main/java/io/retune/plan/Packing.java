package io.retune.plan;

import java.util.ArrayList;
import java.util.List;

/**
 * Fills the micro-batches of one step after the other: each example goes, whole, into the first
 * micro-batch of the step that has room; when none has, the step is full and the example opens the
 * next one. So no example moves past a step border, and the cursor is the number of examples.
 */
public final class Packing<T> {
  private final int microBatches;
  private final int tokensPerMicroBatch;
  private final boolean pack;
  private final List<List<T>> step = new ArrayList<>();
  private final List<Integer> used = new ArrayList<>();

  /**
   * @param microBatches in a step
   * @param pack false: one example a micro-batch
   */
  public Packing(int microBatches, int tokensPerMicroBatch, boolean pack) {
    this.microBatches = microBatches;
    this.tokensPerMicroBatch = tokensPerMicroBatch;
    this.pack = pack;
  }

  /**
   * Takes the example into the step that is open.
   *
   * @return false if there is no room: {@link #close} the step and offer it again
   * @throws IllegalArgumentException if it would not fit into an empty micro-batch
   */
  public boolean offer(T example, int tokens) {
    if (tokens > tokensPerMicroBatch) {
      throw new IllegalArgumentException(tokens + " tokens do not fit in " + tokensPerMicroBatch);
    }
    for (int i = 0; pack && i < step.size(); i++) {
      if (used.get(i) + tokens <= tokensPerMicroBatch) {
        step.get(i).add(example);
        used.set(i, used.get(i) + tokens);
        return true;
      }
    }
    if (step.size() == microBatches) {
      return false;
    }
    step.add(new ArrayList<>(List.of(example)));
    used.add(tokens);
    return true;
  }

  /** The step's micro-batches, none of them empty; the next step is open then. */
  public List<List<T>> close() {
    List<List<T>> closed = List.copyOf(step);
    step.clear();
    used.clear();
    return closed;
  }
}
