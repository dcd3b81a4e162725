package io.retune.config;

import java.util.Optional;

/**
 * In which order, and in what portions, the examples are seen.
 *
 * @param steps optimizer steps; exactly one of {@code steps} and {@code epochs} is given
 * @param epochs passes over the training split
 * @param microBatches micro-batches in a step (fewer in the last)
 * @param accumulate micro-batches added in order inside one leaf of the step's tree; divides {@code
 *     microBatches}
 * @param tokensPerMicroBatch fixed size of a packed micro-batch
 * @param pack several examples in one micro-batch, each attending to itself only; false: one
 *     example a micro-batch
 */
public record OrderSpec(
    long seed,
    Optional<Integer> steps,
    Optional<Integer> epochs,
    int microBatches,
    int accumulate,
    int tokensPerMicroBatch,
    boolean pack) {
  /** Leaves of a full step's tree: the most executors that can take part. */
  public int leavesPerStep() {
    return microBatches / accumulate;
  }
}
