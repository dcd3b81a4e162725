package io.retune.report;

import io.retune.report.Plot.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;

/**
 * What a value of each step consists of.
 *
 * @param parts from the bottom; each has a value, at least 0, for each step, in the same order
 */
record StackedBars(String title, String unit, List<Chart.Series> parts, int lastStep) {
  /** Bars that can be told apart; of more steps, neighbours are one bar: their mean. */
  private static final int MOST_BARS = 80;

  /** Of the room between two bars. */
  private static final double GAP = 0.2;

  /** Of neighbouring steps, of which there are {@code width}. */
  private StackedBars together(int width) {
    return new StackedBars(
        title,
        unit,
        parts.stream()
            .map(
                p ->
                    new Chart.Series(
                        p.name(), p.style(), means(p.xs(), width), means(p.ys(), width)))
            .toList(),
        lastStep);
  }

  private static double[] means(double[] values, int width) {
    return IntStream.range(0, (values.length + width - 1) / width)
        .mapToDouble(
            bar ->
                Arrays.stream(values, bar * width, Math.min(values.length, (bar + 1) * width))
                    .average()
                    .orElseThrow())
        .toArray();
  }

  private int steps() {
    return parts.get(0).xs().length;
  }

  Html large() {
    int width = (Math.max(steps(), lastStep) + MOST_BARS - 1) / MOST_BARS;
    StackedBars bars = width > 1 ? together(width) : this;
    String its = width > 1 ? unit + ", mean of " + width + " steps each" : unit;
    return Chart.figure(
        title,
        its,
        "step",
        bars.parts,
        StackedBars::swatch,
        bars.drawing(Shape.WIDE, width),
        bars.drawing(Shape.NARROW, width));
  }

  private static Html swatch(Chart.Series part) {
    return Plot.box("area " + part.style(), 6, 0, Chart.SWATCH / 2.0, Chart.SWATCH / 2.0);
  }

  private Html drawing(Shape shape, int stepsPerBar) {
    int bars = steps();
    double[] tops = new double[bars];
    for (Chart.Series part : parts) {
      Arrays.setAll(tops, i -> tops[i] + part.ys()[i]);
    }
    Axis x = Axis.counting(1, Math.max(lastStep, 1), shape.ticks, 0, 1);
    // Half a bar of room at both ends.
    double step = (shape.right() - shape.left()) / Math.max(lastStep, 1);
    x = new Axis(x.low(), x.high(), x.ticks(), shape.left() + step / 2, shape.right() - step / 2);
    Axis y =
        Axis.around(
            DoubleStream.concat(DoubleStream.of(0), Arrays.stream(tops)),
            5,
            shape.bottom(),
            shape.top());
    double width = Math.min(step * stepsPerBar * (1 - GAP), 40);
    List<Html> drawn = new ArrayList<>();
    double[] base = new double[bars];
    for (Chart.Series part : parts) {
      for (int i = 0; i < bars; i++) {
        double height = y.at(base[i]) - y.at(base[i] + part.ys()[i]);
        if (height >= 0.05) {
          double left = x.at(part.xs()[i]) - width / 2;
          drawn.add(
              Plot.box("area " + part.style(), left, y.at(base[i] + part.ys()[i]), width, height));
        }
        base[i] += part.ys()[i];
      }
    }
    return new Plot(shape, x, y).svg(inWords(), drawn);
  }

  private String inWords() {
    StringBuilder words = new StringBuilder(title + ", " + unit + ". On average");
    for (Chart.Series part : parts) {
      words
          .append(' ')
          .append(part.name())
          .append(' ')
          .append(Figures.significant(Arrays.stream(part.ys()).average().orElse(0)))
          .append(',');
    }
    words.setCharAt(words.length() - 1, '.');
    return words.toString();
  }
}
