package io.retune.job;

import io.retune.lineage.RunHistory;
import io.retune.train.StepRecord;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * How a run's training is getting on: what has been done, how fast, and how long the rest will take
 * at that speed.
 */
final class Pace {
  private static final String BARS = "▁▂▃▄▅▆▇█";

  private final int steps;
  private final long plannedTokens;
  private final List<Double> losses = new ArrayList<>();

  /** Tokens up to each step whose loss is known. */
  private final List<Long> tokensUpTo = new ArrayList<>();

  private int step;
  private long tokens;
  private long wallMs;

  /**
   * @param steps that are planned
   * @param plannedTokens over all of them
   */
  Pace(int steps, long plannedTokens) {
    this.steps = steps;
    this.plannedTokens = plannedTokens;
  }

  /** Of a run that was declared, as far as it has come. */
  static Pace of(RunHistory history) {
    Pace pace = planned(history);
    history.steps().forEach(pace::add);
    return pace;
  }

  /** Of a run that another driver goes on with, at a speed of its own. */
  static Pace goingOn(RunHistory history) {
    Pace pace = planned(history);
    history.steps().forEach(pace::know);
    return pace;
  }

  private static Pace planned(RunHistory history) {
    return new Pace(
        history.declared().orElseThrow().steps(), history.declared().orElseThrow().tokens());
  }

  /** Takes a step in, which may have been done before. */
  void add(StepRecord record) {
    tokens += record.tokens();
    wallMs += record.wallMs();
    know(record);
  }

  /** Takes in a step that another driver did: it says nothing of the speed now. */
  void know(StepRecord record) {
    step = record.step();
    if (step > losses.size()) {
      losses.add(record.loss());
      tokensUpTo.add((step == 1 ? 0 : tokensUpTo.get(step - 2)) + record.tokens());
    }
  }

  int step() {
    return step;
  }

  /** Of the last step that was taken in, nats per target token. */
  double loss() {
    return losses.isEmpty() ? Double.NaN : losses.get(step - 1);
  }

  double tokensPerSecond() {
    return 1000.0 * tokens / Math.max(1, wallMs);
  }

  long secondsLeft() {
    return tokens == 0
        ? 0
        : Math.round((plannedTokens - tokensUpTo.get(step - 1)) / tokensPerSecond());
  }

  /** {@code 1:05}, {@code 2:03:04}. */
  static String clock(long seconds) {
    return seconds < 3600
        ? String.format(Locale.ROOT, "%d:%02d", seconds / 60, seconds % 60)
        : String.format(
            Locale.ROOT, "%d:%02d:%02d", seconds / 3600, seconds / 60 % 60, seconds % 60);
  }

  /**
   * The losses in at most {@code width} bars from the least to the most; empty before the first.
   */
  String sparkline(int width) {
    if (losses.isEmpty()) {
      return "";
    }
    int bars = Math.min(width, losses.size());
    double[] means = new double[bars];
    for (int bar = 0; bar < bars; bar++) {
      int from = (int) ((long) bar * losses.size() / bars);
      int to = (int) ((bar + 1L) * losses.size() / bars);
      means[bar] = losses.subList(from, to).stream().mapToDouble(d -> d).average().orElseThrow();
    }
    double least = java.util.Arrays.stream(means).min().orElseThrow();
    double range = java.util.Arrays.stream(means).max().orElseThrow() - least;
    StringBuilder line = new StringBuilder();
    for (double mean : means) {
      int height = range > 0 ? (int) Math.round((mean - least) / range * 7) : 3;
      line.append(BARS.charAt(height));
    }
    return line.toString();
  }

  /** In a line, for people. */
  String line(boolean bars) {
    return String.format(
        Locale.ROOT,
        "step %d/%d  loss %.4f%s  %.0f tokens/s  %s left",
        step,
        steps,
        loss(),
        bars ? " " + sparkline(20) : "",
        tokensPerSecond(),
        clock(secondsLeft()));
  }
}
