package io.retune.train;

import com.fasterxml.jackson.annotation.JsonAlias;
import java.util.List;
import java.util.Optional;

/**
 * What one optimizer step did. Everything but the times is a function of the run's arguments, and
 * equal whenever the step is computed again.
 *
 * @param step from 1
 * @param loss mean over the step's target tokens, nats
 * @param learningRate used in this step
 * @param gradNorm L2 norm of the summed gradient before clipping
 * @param leafDigests 128-bit digest, hexadecimal, of each leaf's gradient in leaf order
 * @param gradientDigest of the sum over all leaves
 * @param computeMs reading and computing micro-batches, the longest of all ranks
 * @param exchangeMs summing over ranks, as rank 0 saw it; likewise {@code waitMs}, for the others
 * @param dataMs reading micro-batches, added up over the lanes of the rank that took longest
 * @param recordMs behind the step before, until the driver had written down what was done since
 * @param wallMs the step, without {@code recordMs}
 * @param memoryBytes largest resident memory of any rank so far; 0 where the system does not tell
 */
public record StepRecord(
    int step,
    double loss,
    double learningRate,
    double gradNorm,
    int microBatches,
    int tokens,
    int targetTokens,
    List<String> leafDigests,
    @JsonAlias("tensorDigests") GradientDigest gradientDigest,
    long computeMs,
    long exchangeMs,
    long waitMs,
    long dataMs,
    long recordMs,
    long wallMs,
    long memoryBytes) {

  /** Without digests. */
  public StepRecord figures() {
    return new StepRecord(
        step,
        loss,
        learningRate,
        gradNorm,
        microBatches,
        tokens,
        targetTokens,
        List.of(),
        GradientDigest.NONE,
        computeMs,
        exchangeMs,
        waitMs,
        dataMs,
        recordMs,
        wallMs,
        memoryBytes);
  }

  /**
   * What differs between this step and the same one computed before, first things first; empty when
   * they are equal.
   *
   * @param tensors names of the adapter's tensors, sorted
   */
  public Optional<String> differenceFrom(StepRecord before, List<String> tensors) {
    for (int leaf = 0; leaf < leafDigests.size(); leaf++) {
      if (!leafDigests.get(leaf).equals(before.leafDigests.get(leaf))) {
        return Optional.of("the gradient of leaf " + leaf);
      }
    }
    Optional<String> gradient = gradientDigest.differenceFrom(before.gradientDigest, tensors);
    if (gradient.isPresent()) {
      return gradient;
    }
    if (Double.compare(loss, before.loss) != 0) {
      return Optional.of("the loss");
    }
    if (Double.compare(gradNorm, before.gradNorm) != 0) {
      return Optional.of("the norm of the gradient");
    }
    return Optional.empty();
  }
}
