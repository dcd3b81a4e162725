package io.retune.plan;

import io.retune.store.Sha256;
import java.util.List;

/**
 * Which micro-batches make which step, written before training: {@code plans/KEY/plan.json}.
 *
 * @param key hash of the inputs; the folder's name
 * @param root SHA-256 of the training and evaluation parts and of the steps below: what enters the
 *     run's identity
 * @param snapshot content root of the snapshot that was planned
 * @param tokensPerMicroBatch fixed size of a stored micro-batch
 * @param steps the training steps, in order
 * @param training files with the training micro-batches in step order
 * @param evaluation files with the evaluation micro-batches
 * @param evaluationExamples example ids of the evaluation split in the order of their micro-batches
 *     and places in them
 * @param evaluationTargets target tokens of each of them
 * @param evaluationGroups value of the recipe's {@code evaluation.group-by} of each of them; empty
 *     when it names no column
 */
public record Plan(
    String key,
    Sha256 root,
    Sha256 snapshot,
    int tokensPerMicroBatch,
    List<Step> steps,
    List<Part> training,
    List<Part> evaluation,
    List<String> evaluationExamples,
    int[] evaluationTargets,
    List<String> evaluationGroups) {
  public Plan {
    // Plans that were written before there were groups have none.
    evaluationGroups = evaluationGroups == null ? List.of() : List.copyOf(evaluationGroups);
  }

  /**
   * One optimizer step.
   *
   * @param first index of its first micro-batch in the plan
   */
  public record Step(long first, int microBatches, int accumulate, int tokens, int targetTokens) {
    public int leaves() {
      return (microBatches + accumulate - 1) / accumulate;
    }
  }

  /**
   * A safetensors file with the tensors {@code input_ids}, {@code positions}, {@code labels}, int32
   * [count, tokensPerMicroBatch], and {@code used}, int32 [count]: tokens in use, padding behind
   * them.
   *
   * @param first index of its first micro-batch in the plan
   */
  public record Part(String file, Sha256 sha256, long first, int count) {}
}
