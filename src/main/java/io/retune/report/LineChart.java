package io.retune.report;

import io.retune.report.Plot.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.DoubleStream;
import java.util.stream.Stream;

/**
 * Values over the steps of a run.
 *
 * @param lines through values of each step
 * @param marks values of some steps alone, with a line between them
 * @param lastStep that is planned: how far the axis goes
 * @param fromZero whether the vertical axis must show 0
 */
record LineChart(
    String title,
    String unit,
    List<Chart.Series> lines,
    List<Chart.Series> marks,
    int lastStep,
    boolean fromZero) {
  /** More are closer to each other than a pixel. */
  private static final int MOST_POINTS = 300;

  LineChart {
    lines = lines.stream().map(s -> s.drawn(MOST_POINTS)).filter(s -> !s.isEmpty()).toList();
    marks = marks.stream().map(s -> s.drawn(MOST_POINTS)).filter(s -> !s.isEmpty()).toList();
  }

  /** Over the whole page, on a phone less wide. */
  Html large() {
    return figure(Shape.WIDE);
  }

  /** Beside another. */
  Html small() {
    return figure(Shape.SMALL);
  }

  private Html figure(Shape shape) {
    List<Chart.Series> all = new ArrayList<>(lines);
    all.addAll(marks);
    return Chart.figure(
        title, unit, "step", all, this::swatch, drawing(shape), drawing(Shape.NARROW));
  }

  private Html swatch(Chart.Series series) {
    double middle = Chart.SWATCH / 4.0;
    Html line =
        Plot.path(series.style(), new double[] {0, Chart.SWATCH}, new double[] {middle, middle});
    return marks.contains(series)
        ? Html.of(line, Plot.dot(series.style(), Chart.SWATCH / 2.0, middle))
        : line;
  }

  private Html drawing(Shape shape) {
    DoubleStream values =
        DoubleStream.concat(
            Stream.concat(lines.stream(), marks.stream())
                .flatMapToDouble(s -> Arrays.stream(s.ys())),
            fromZero ? DoubleStream.of(0) : DoubleStream.empty());
    int firstStep = marks.stream().anyMatch(s -> s.xs()[0] == 0) ? 0 : 1;
    Axis x =
        Axis.counting(
            firstStep, Math.max(lastStep, 1), shape.ticks, shape.left() + 6, shape.right() - 6);
    Axis y = Axis.around(values, 5, shape.bottom(), shape.top());
    List<Html> drawn = new ArrayList<>();
    for (Chart.Series series : lines) {
      drawn.add(Plot.path(series.style(), places(x, series.xs()), places(y, series.ys())));
    }
    for (Chart.Series series : marks) {
      drawn.addAll(marked(series, places(x, series.xs()), places(y, series.ys())));
    }
    return new Plot(shape, x, y).svg(inWords(), drawn);
  }

  private static double[] places(Axis axis, double[] values) {
    return Arrays.stream(values).map(axis::at).toArray();
  }

  private static List<Html> marked(Chart.Series series, double[] xs, double[] ys) {
    List<Html> drawn = new ArrayList<>();
    if (xs.length > 1) {
      drawn.add(Plot.path(series.style(), xs, ys));
    }
    for (int i = 0; i < xs.length; i++) {
      drawn.add(Plot.dot(series.style(), xs[i], ys[i]));
    }
    return drawn;
  }

  private String inWords() {
    StringBuilder words = new StringBuilder(title + ", " + unit + ".");
    Stream.concat(lines.stream(), marks.stream())
        .forEach(
            s ->
                words.append(
                    " %s: %s at step %s, %s at step %s, between %s and %s."
                        .formatted(
                            s.name(),
                            Figures.significant(s.ys()[0]),
                            Figures.plain(s.xs()[0]),
                            Figures.significant(s.last()),
                            Figures.plain(s.xs()[s.xs().length - 1]),
                            Figures.significant(Arrays.stream(s.ys()).min().orElseThrow()),
                            Figures.significant(Arrays.stream(s.ys()).max().orElseThrow()))));
    return words.toString();
  }
}
