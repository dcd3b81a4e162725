package io.retune.dataset;

import io.retune.store.Sha256;
import java.util.List;
import java.util.SortedMap;

/**
 * Prepared examples, frozen: {@code snapshots/KEY/}, a Delta table {@code examples} and {@code
 * snapshot.json}.
 *
 * <p>Columns of {@code examples}: {@code example_id} string, <code>dataset</code> string, {@code
 * sources} array of the rows it came from, each a <code>dataset</code> and a {@code row_id}, {@code
 * split} string ({@code train}, {@code evaluation}), {@code text} string as rendered, {@code
 * input_ids} array of int, {@code trained} array of boolean of the same length, {@code tokens} int,
 * {@code target_tokens} int; where the recipe tells the evaluation apart, {@link Preparation#GROUP}
 * string; {@code digest} string: SHA-256 of the content, by which order is decided.
 *
 * @param key hash of the inputs; the folder's name
 * @param root Merkle root of the content; the same for any partitioning and any store
 * @param model digest of the model whose tokenizer and template rendered it
 * @param datasets version by dataset name
 * @param counts rows before the first and after each transform, in order
 */
public record Snapshot(
    String key,
    Sha256 root,
    Sha256 model,
    SortedMap<String, Integer> datasets,
    List<Count> counts,
    long trainExamples,
    long evaluationExamples) {

  /**
   * Rows after a transform; {@code transform} is its name, {@code codeSha256} names what it does.
   */
  public record Count(String transform, String kind, String codeSha256, long rows) {}
}
