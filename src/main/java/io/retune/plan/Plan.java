package io.retune.plan;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.retune.store.Json;
import io.retune.store.Sha256;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
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
 * @param evaluationGroups value of the recipe's {@code evaluation.group-by} of each of them, {@link
 *     #NO_GROUP} where it has none; empty when the recipe names no column
 * @param evaluationSha256 what is scored, whatever the store, the training or the packing: SHA-256
 *     of the sorted digests of the examples, a line each; empty in plans of before it was noted
 * @param manifestSha256 of {@code plan.json} without this, as {@link Json} writes it; empty in
 *     plans of before it was noted
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
    List<String> evaluationGroups,
    String evaluationSha256,
    String manifestSha256) {
  /** The group of an example whose column is null or empty. */
  public static final String NO_GROUP = "(none)";

  public Plan {
    // Plans that were written before there were groups have none.
    evaluationGroups =
        evaluationGroups == null
            ? List.of()
            : evaluationGroups.stream().map(g -> g.isEmpty() ? NO_GROUP : g).toList();
    evaluationSha256 = evaluationSha256 == null ? "" : evaluationSha256;
    manifestSha256 = manifestSha256 == null ? "" : manifestSha256;
  }

  /** With its {@link #manifestSha256}. */
  Plan sealed() {
    byte[] json = Json.write(this).getBytes(StandardCharsets.UTF_8);
    return new Plan(
        key,
        root,
        snapshot,
        tokensPerMicroBatch,
        steps,
        training,
        evaluation,
        evaluationExamples,
        evaluationTargets,
        evaluationGroups,
        evaluationSha256,
        manifestSha256(json));
  }

  /** What the manifest {@code json} should say of itself. */
  static String manifestSha256(byte[] json) {
    try {
      ObjectNode manifest = (ObjectNode) Json.read(json);
      manifest.remove("manifestSha256");
      return Sha256.of(Json.write(manifest)).hex();
    } catch (IOException e) {
      throw new IllegalArgumentException("This is no manifest", e);
    }
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
