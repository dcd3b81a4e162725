package io.retune.report;

import static io.retune.report.Html.style;
import static io.retune.report.Html.tag;
import static io.retune.report.Html.with;

import java.util.Arrays;
import java.util.stream.IntStream;

/** A curve of the size of a word, of values in order. */
record Sparkline(double[] values) {
  private static final int WIDTH = 96;
  private static final int HEIGHT = 22;
  private static final int MARGIN = 3;
  private static final int MOST_POINTS = 40;

  Html svg() {
    double[] finite = Arrays.stream(values).filter(Double::isFinite).toArray();
    if (finite.length == 0) {
      return Html.NOTHING;
    }
    int[] kept = Thinning.of(finite, MOST_POINTS);
    Axis y = Axis.around(Arrays.stream(finite), 4, HEIGHT - (double) MARGIN, MARGIN);
    double last = Math.max(1, finite.length - 1);
    double[] xs =
        IntStream.of(kept).mapToDouble(i -> MARGIN + i / last * (WIDTH - 2 * MARGIN)).toArray();
    double[] ys = IntStream.of(kept).mapToDouble(i -> y.at(finite[i])).toArray();
    String words =
        "From %s to %s"
            .formatted(
                Figures.significant(finite[0]), Figures.significant(finite[finite.length - 1]));
    return tag(
        "svg",
        style("sparkline"),
        with("viewBox", "0 0 " + WIDTH + " " + HEIGHT),
        with("role", "img"),
        with("aria-label", words),
        Plot.path("s1", xs, ys));
  }
}
