package io.retune.report;

import static io.retune.report.Html.style;
import static io.retune.report.Html.tag;
import static io.retune.report.Html.with;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.DoubleStream;

/** Intervals beneath each other on one axis that shows 0: a strip for each row of a table. */
final class ForestPlot {
  private static final int WIDTH = 260;
  private static final int ROW = 26;
  private static final int MARGIN = 14;
  private static final int TICKS = 6;

  private final Axis axis;

  /**
   * @param ends of all intervals
   */
  ForestPlot(DoubleStream ends) {
    this.axis =
        Axis.around(
            DoubleStream.concat(ends, DoubleStream.of(0)), TICKS, MARGIN, WIDTH - (double) MARGIN);
  }

  /** The figures stand beside it. */
  private Html strip(List<Html> marks) {
    return tag(
        "svg",
        style("strip"),
        with("viewBox", "0 0 " + WIDTH + " " + ROW),
        with("aria-hidden", "true"),
        Html.of(marks));
  }

  Html row(Interval interval, Shape shape) {
    double middle = ROW / 2.0;
    double low = axis.at(interval.low);
    double high = axis.at(interval.high);
    double at = axis.at(interval.estimate);
    List<Html> marks = new ArrayList<>();
    axis.ticks().forEach(t -> marks.add(Plot.line("grid", axis.at(t), 0, axis.at(t), ROW)));
    marks.add(Plot.line("zero", axis.at(0), 0, axis.at(0), ROW));
    if (shape == Shape.DIAMOND) {
      marks.add(diamond(low, at, high, middle));
    } else {
      marks.add(Plot.line("whisker", low, middle, high, middle));
      marks.add(Plot.line("whisker", low, middle - 4, low, middle + 4));
      marks.add(Plot.line("whisker", high, middle - 4, high, middle + 4));
      marks.add(Plot.box("estimate", at - 4, middle - 4, 8, 8));
    }
    return strip(marks);
  }

  /** An estimate, and the bounds of it. */
  record Interval(double low, double estimate, double high) {}

  /** How an interval is drawn: as meta-analyses do, the whole as a diamond. */
  enum Shape {
    DIAMOND,
    WHISKERS
  }

  private static Html diamond(double low, double at, double high, double middle) {
    StringBuilder points = new StringBuilder();
    double[][] corners = {{low, middle}, {at, middle - 7}, {high, middle}, {at, middle + 7}};
    for (double[] corner : corners) {
      points.append(Figures.coordinate(corner[0])).append(',');
      points.append(Figures.coordinate(corner[1])).append(' ');
    }
    return tag("polygon", style("estimate"), with("points", points.toString().strip()));
  }

  /** The numbers under the rows. */
  Html scale() {
    List<Html> marks = new ArrayList<>();
    for (double tick : axis.ticks()) {
      marks.add(Plot.line("tick", axis.at(tick), 0, axis.at(tick), 4));
      marks.add(Plot.label(axis.at(tick), 17, "middle", Figures.plain(tick)));
    }
    return strip(marks);
  }
}
