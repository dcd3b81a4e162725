package io.retune.report;

import io.retune.report.Plot.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SortedMap;
import java.util.stream.DoubleStream;

/**
 * How often each whole number occurs.
 *
 * @param counts by number, at least one
 */
record Histogram(String title, String unit, SortedMap<Integer, Long> counts) {
  private static final int MOST_BINS = 40;

  private int binWidth() {
    int range = counts.lastKey() - counts.firstKey() + 1;
    return (int) Math.max(1, Math.ceil(Axis.step(range, MOST_BINS)));
  }

  Html large() {
    int width = binWidth();
    int first = Math.floorDiv(counts.firstKey(), width);
    long[] bins = new long[Math.floorDiv(counts.lastKey(), width) - first + 1];
    counts.forEach((value, count) -> bins[Math.floorDiv(value, width) - first] += count);
    double[] xs = new double[bins.length];
    Arrays.setAll(xs, i -> (double) (first + i) * width);
    double[] ys = Arrays.stream(bins).asDoubleStream().toArray();
    Chart.Series series =
        new Chart.Series(width == 1 ? "examples" : "examples, from here", "s1", xs, ys);
    return Chart.figure(
        title,
        unit,
        "tokens",
        List.of(series),
        one -> Html.NOTHING,
        drawing(Shape.WIDE, series, width),
        drawing(Shape.NARROW, series, width));
  }

  private Html drawing(Shape shape, Chart.Series series, int width) {
    double[] xs = series.xs();
    Axis x =
        Axis.between(xs[0], xs[xs.length - 1] + width, shape.ticks, shape.left(), shape.right());
    Axis y =
        Axis.around(
            DoubleStream.concat(DoubleStream.of(0), Arrays.stream(series.ys())),
            5,
            shape.bottom(),
            shape.top());
    List<Html> drawn = new ArrayList<>();
    for (int i = 0; i < xs.length; i++) {
      double left = x.at(xs[i]);
      double top = y.at(series.ys()[i]);
      if (series.ys()[i] > 0) {
        drawn.add(
            Plot.box(
                "area s1",
                left + 0.5,
                top,
                Math.max(1, x.at(xs[i] + width) - left - 1),
                shape.bottom() - top));
      }
    }
    return new Plot(shape, x, y).svg(inWords(), drawn);
  }

  private String inWords() {
    return "%s, %s: from %d to %d, half of them at most %d."
        .formatted(title, unit, counts.firstKey(), counts.lastKey(), median(counts));
  }

  /** The least number that half of all are at most. */
  static int median(SortedMap<Integer, Long> counts) {
    long half = (counts.values().stream().mapToLong(Long::longValue).sum() + 1) / 2;
    long below = 0;
    for (var entry : counts.entrySet()) {
      below += entry.getValue();
      if (below >= half) {
        return entry.getKey();
      }
    }
    throw new IllegalArgumentException("Of nothing there is no median");
  }
}
