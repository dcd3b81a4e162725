package io.retune.evaluate;

import io.retune.config.EvaluationSpec;
import io.retune.config.SuccessSpec.AtLeast;
import io.retune.engine.CounterHash;
import java.util.Arrays;
import java.util.Locale;
import java.util.stream.IntStream;

/**
 * The frozen split before and after training: mean loss per target token, nats, and an interval of
 * the difference.
 *
 * @param before mean loss of the untouched model
 * @param after mean loss of the trained one
 * @param low lower bound of after - before
 * @param high upper bound of after - before
 */
public record Comparison(double before, double after, double low, double high) {
  /** What the interval allows to say of the trained model. */
  public enum Verdict {
    BETTER,
    WORSE,
    NO_DIFFERENCE_SHOWN;

    public boolean isAtLeast(AtLeast least) {
      return this == BETTER || (least == AtLeast.NOT_WORSE && this == NO_DIFFERENCE_SHOWN);
    }

    /** {@code better}, {@code worse} or {@code no difference shown}. */
    public String words() {
      return name().toLowerCase(Locale.ROOT).replace('_', ' ');
    }
  }

  /** The loss went down, went up, or the interval holds 0. */
  public Verdict verdict() {
    if (high < 0) {
      return Verdict.BETTER;
    }
    return low > 0 ? Verdict.WORSE : Verdict.NO_DIFFERENCE_SHOWN;
  }

  /** {@code -1.5897}: after - before, nats. */
  public String change() {
    return signed(after - before);
  }

  /** {@code -1.7986 to -1.4100}: the bounds of the change, nats. */
  public String interval() {
    return signed(low) + " to " + signed(high);
  }

  /** Four decimals; {@code +3.1e-09} where they would hide that it is not 0. */
  private static String signed(double nats) {
    String text = String.format(Locale.ROOT, "%+.4f", nats + 0.0);
    return nats != 0 && text.endsWith("0.0000") ? String.format(Locale.ROOT, "%+.1e", nats) : text;
  }

  /**
   * Compares example by example. The interval is the percentile interval of the paired bootstrap
   * (Efron and Tibshirani 1993, chapters 13 and 16): whole examples are drawn with replacement,
   * each with its loss before and after. Examples without a target token are left out: they weigh
   * nothing, and a resample of them alone would have no mean.
   *
   * @param before loss sums by example [examples]
   * @param after loss sums by example [examples]
   * @param targets target tokens by example [examples]
   * @throws IllegalArgumentException if none has a target token
   */
  public static Comparison of(double[] before, double[] after, int[] targets, EvaluationSpec spec) {
    if (before.length != targets.length || after.length != targets.length) {
      throw new IllegalArgumentException(
          before.length + " and " + after.length + " losses of " + targets.length + " examples");
    }
    int[] scored = IntStream.range(0, targets.length).filter(i -> targets[i] > 0).toArray();
    if (scored.length == 0) {
      throw new IllegalArgumentException("None of the examples has a target token");
    }
    if (scored.length < targets.length) {
      return of(select(before, scored), select(after, scored), select(targets, scored), spec);
    }
    double[] differences = new double[spec.resamples()];
    for (int r = 0; r < differences.length; r++) {
      differences[r] = resampledDifference(before, after, targets, spec.seed(), r);
    }
    Arrays.sort(differences);
    double tail = (1 - spec.confidence()) / 2;
    return new Comparison(
        mean(before, targets),
        mean(after, targets),
        quantile(differences, tail),
        quantile(differences, 1 - tail));
  }

  private static double[] select(double[] values, int[] indices) {
    return IntStream.of(indices).mapToDouble(i -> values[i]).toArray();
  }

  private static int[] select(int[] values, int[] indices) {
    return IntStream.of(indices).map(i -> values[i]).toArray();
  }

  /** Mean loss per target token, nats; there must be one. */
  public static double mean(double[] lossSums, int[] targets) {
    return Arrays.stream(lossSums).sum() / Arrays.stream(targets).asLongStream().sum();
  }

  private static double resampledDifference(
      double[] before, double[] after, int[] targets, long seed, int resample) {
    double difference = 0;
    long count = 0;
    for (int i = 0; i < targets.length; i++) {
      int drawn = drawn(seed, resample, i, targets.length);
      difference += after[drawn] - before[drawn];
      count += targets[drawn];
    }
    return difference / count;
  }

  /**
   * Uniform in [0, bound), by the upper half of a product (Lemire 2019, without rejection: the bias
   * is below bound / 2^63).
   */
  private static int drawn(long seed, int resample, int index, int bound) {
    long bits = CounterHash.bits(seed, resample, index) >>> 1;
    return (int) Math.multiplyHigh(bits, (long) bound << 1);
  }

  /** Between neighbours, linear (Hyndman and Fan 1996, type 7). */
  private static double quantile(double[] sorted, double fraction) {
    double at = fraction * (sorted.length - 1);
    int below = (int) at;
    int above = Math.min(below + 1, sorted.length - 1);
    return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
  }
}
