package io.retune.plan;

import java.util.ArrayList;
import java.util.List;

/**
 * Packed examples, each attending to itself only, without padding: what one lane computes at a
 * time.
 *
 * @param inputIds token ids [tokens]
 * @param positions position of each token in its example [tokens]; 0 starts an example
 * @param labels the id each token is to predict, or {@link #NO_TARGET} [tokens]
 */
public record MicroBatch(int[] inputIds, int[] positions, int[] labels) {
  /** At a token that predicts nothing that is trained. */
  public static final int NO_TARGET = -100;

  public MicroBatch {
    if (inputIds.length == 0
        || inputIds.length != positions.length
        || inputIds.length != labels.length) {
      throw new IllegalArgumentException("A micro-batch has as many ids as positions and labels");
    }
    if (positions[0] != 0) {
      throw new IllegalArgumentException("A micro-batch starts with the start of an example");
    }
  }

  public int tokens() {
    return inputIds.length;
  }

  public int targets() {
    int targets = 0;
    for (int label : labels) {
      targets += label == NO_TARGET ? 0 : 1;
    }
    return targets;
  }

  /**
   * Index of the first token of each example, and {@link #tokens} behind the last: [examples + 1].
   */
  public int[] boundaries() {
    List<Integer> starts = new ArrayList<>();
    for (int i = 0; i < positions.length; i++) {
      if (positions[i] == 0) {
        starts.add(i);
      }
    }
    starts.add(positions.length);
    return starts.stream().mapToInt(Integer::intValue).toArray();
  }
}
