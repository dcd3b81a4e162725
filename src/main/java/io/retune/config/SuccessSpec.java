package io.retune.config;

import java.util.Locale;
import java.util.Optional;

/**
 * What a run has to come to, said before it is trained: all of what is given.
 *
 * @param verdict on the whole frozen split
 * @param lossAtMost held-out loss after training, nats per target token
 * @param eachGroup verdict on each group of the recipe's {@code evaluation.group-by}
 */
public record SuccessSpec(
    Optional<AtLeast> verdict, Optional<Double> lossAtMost, Optional<AtLeast> eachGroup) {
  /** Nothing is asked for. */
  public static final SuccessSpec NONE =
      new SuccessSpec(Optional.empty(), Optional.empty(), Optional.empty());

  /** How good a verdict has to be. */
  public enum AtLeast {
    /** The loss went down, with an interval below zero. */
    BETTER,
    /** It is not shown to have gone up. */
    NOT_WORSE;

    /** As it is written. */
    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
  }

  /** Of the whole split alone. */
  public static SuccessSpec of(AtLeast verdict) {
    return new SuccessSpec(Optional.of(verdict), Optional.empty(), Optional.empty());
  }

  public boolean isEmpty() {
    return equals(NONE);
  }
}
