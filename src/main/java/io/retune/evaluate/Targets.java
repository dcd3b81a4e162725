package io.retune.evaluate;

import io.retune.plan.MicroBatch;
import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * Token ids, and which of them are to be predicted from those before.
 *
 * @param ids [tokens]
 * @param labels at each target's own position the id expected there, elsewhere {@link
 *     MicroBatch#NO_TARGET} [tokens], as transformers takes them; the first is predicted from
 *     nothing and never a target
 */
public record Targets(int[] ids, int[] labels) {
  public Targets {
    if (ids.length == 0 || ids.length != labels.length) {
      throw new IllegalArgumentException("As many labels as ids, and at least one");
    }
  }

  /** Every token is one. */
  static Targets all(int[] ids) {
    return new Targets(ids, ids);
  }

  /**
   * @param trained whether each is one [tokens]
   */
  static Targets of(int[] ids, boolean[] trained) {
    return new Targets(
        ids,
        IntStream.range(0, ids.length)
            .map(i -> trained[i] ? ids[i] : MicroBatch.NO_TARGET)
            .toArray());
  }

  int count() {
    return microBatch().targets();
  }

  /** By itself; a micro-batch says at each token what follows it. */
  MicroBatch microBatch() {
    int[] following = Arrays.copyOfRange(labels, 1, labels.length + 1);
    following[labels.length - 1] = MicroBatch.NO_TARGET;
    return new MicroBatch(ids, IntStream.range(0, ids.length).toArray(), following);
  }
}
