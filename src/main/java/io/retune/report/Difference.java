package io.retune.report;

import com.fasterxml.jackson.databind.JsonNode;
import io.retune.evaluate.Comparison;
import io.retune.evaluate.Comparison.Verdict;
import io.retune.lineage.JournalEntry.Asked;
import io.retune.store.Json;
import java.io.IOException;
import java.nio.charset.StandardCharsets;

/** A comparison in words. */
record Difference(Comparison comparison) {
  double change() {
    return comparison.after() - comparison.before();
  }

  /** {@code Better}. */
  String verdict() {
    String words = comparison.verdict().words();
    return Character.toUpperCase(words.charAt(0)) + words.substring(1);
  }

  /** For a style sheet: {@code better}, {@code worse}, {@code none}. */
  String style() {
    return comparison.verdict() == Verdict.NO_DIFFERENCE_SHOWN
        ? "none"
        : comparison.verdict().words();
  }

  /** {@code 1.59 nats per target token less}. */
  String size() {
    String size = bound(change()) + " nats per target token";
    return change() == 0 ? size : size + (change() > 0 ? " more" : " less");
  }

  /** {@code 1.41 to 1.80 less}. */
  String interval() {
    double low = comparison.low();
    double high = comparison.high();
    if (low == high && low == 0) {
      return "0 to 0";
    }
    if (low <= 0 && high <= 0) {
      return bound(high) + " to " + bound(low) + " less";
    }
    if (low >= 0 && high >= 0) {
      return bound(low) + " to " + bound(high) + " more";
    }
    return bound(low) + " less to " + bound(high) + " more";
  }

  private static String bound(double value) {
    return Figures.significant(Math.abs(value));
  }

  /** {@code −1.59}. */
  String signedChange() {
    return Figures.signed(change(), 3);
  }

  /** {@code −1.80 to −1.41}. */
  String signedInterval() {
    return Figures.signed(comparison.low(), 3) + " to " + Figures.signed(comparison.high(), 3);
  }

  static String perplexity(double loss) {
    return Figures.significant(Math.exp(loss));
  }

  ForestPlot.Interval onAxis() {
    return new ForestPlot.Interval(comparison.low(), change(), comparison.high());
  }

  /** {@code 95 %}: of the intervals of a run. */
  static String confidence(Asked asked) {
    try {
      JsonNode configuration = Json.read(asked.configuration().getBytes(StandardCharsets.UTF_8));
      return Figures.percent(configuration.at("/evaluation/bootstrap/confidence").asDouble(0.95));
    } catch (IOException e) {
      throw new IllegalStateException("We wrote this JSON ourselves", e);
    }
  }
}
