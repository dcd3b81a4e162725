package io.retune.report;

import static io.retune.report.Html.style;
import static io.retune.report.Html.tag;
import static io.retune.report.Html.text;
import static io.retune.report.Html.with;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** The frame of a chart: its axes, and the room between them. */
record Plot(Shape shape, Axis x, Axis y) {
  private static final int LEFT = 44;
  private static final int RIGHT = 12;
  private static final int TOP = 8;
  private static final int BOTTOM = 24;
  private static final int LABEL_GAP = 8;

  /** What there is room for: two drawings of each chart, of which the page shows one. */
  enum Shape {
    WIDE(920, 300, 12),
    NARROW(340, 190, 5),
    SMALL(450, 180, 6);

    final int width;
    final int height;

    /** Ticks of the horizontal axis. */
    final int ticks;

    Shape(int width, int height, int ticks) {
      this.width = width;
      this.height = height;
      this.ticks = ticks;
    }

    double left() {
      return LEFT;
    }

    double right() {
      return width - (double) RIGHT;
    }

    double top() {
      return TOP;
    }

    double bottom() {
      return height - (double) BOTTOM;
    }
  }

  /**
   * @param label what somebody is told who does not see it
   */
  Html svg(String label, List<Html> marks) {
    List<Html> all = new ArrayList<>();
    y.ticks().forEach(tick -> all.add(horizontal(tick)));
    x.ticks().forEach(tick -> all.add(below(tick)));
    all.addAll(marks);
    all.add(line("cursor", x.from(), shape.top(), x.from(), shape.bottom()));
    return tag(
        "svg",
        style("plot " + shape.name().toLowerCase(Locale.ROOT)),
        with("viewBox", "0 0 " + shape.width + " " + shape.height),
        with("role", "img"),
        with("aria-label", label),
        with("data-low", x.low()),
        with("data-high", x.high()),
        with("data-from", x.from()),
        with("data-to", x.to()),
        Html.of(all));
  }

  private Html horizontal(double tick) {
    double at = y.at(tick);
    return Html.of(
        line("grid", shape.left(), at, shape.right(), at),
        label(shape.left() - LABEL_GAP, at + 4, "end", Figures.plain(tick)));
  }

  private Html below(double tick) {
    double at = x.at(tick);
    return Html.of(
        line("tick", at, shape.bottom(), at, shape.bottom() + 4),
        label(at, shape.height - 6.0, "middle", Figures.plain(tick)));
  }

  static Html line(String classes, double x1, double y1, double x2, double y2) {
    return tag(
        "line",
        style(classes),
        with("x1", Figures.coordinate(x1)),
        with("y1", Figures.coordinate(y1)),
        with("x2", Figures.coordinate(x2)),
        with("y2", Figures.coordinate(y2)));
  }

  static Html label(double x, double y, String anchor, String content) {
    return tag(
        "text",
        with("x", Figures.coordinate(x)),
        with("y", Figures.coordinate(y)),
        with("text-anchor", anchor),
        text(content));
  }

  static Html box(String classes, double x, double y, double width, double height) {
    return tag(
        "rect",
        style(classes),
        with("x", Figures.coordinate(x)),
        with("y", Figures.coordinate(y)),
        with("width", Figures.coordinate(width)),
        with("height", Figures.coordinate(height)));
  }

  /** A line through points [points]; one alone is a dot. */
  static Html path(String classes, double[] xs, double[] ys) {
    if (xs.length == 1) {
      return dot(classes, xs[0], ys[0]);
    }
    StringBuilder path = new StringBuilder();
    for (int i = 0; i < xs.length; i++) {
      path.append(i == 0 ? 'M' : 'L').append(Figures.coordinate(xs[i]));
      path.append(' ').append(Figures.coordinate(ys[i]));
    }
    return tag("path", style("line " + classes), with("d", path));
  }

  static Html dot(String classes, double x, double y) {
    return tag(
        "circle",
        style("dot " + classes),
        with("cx", Figures.coordinate(x)),
        with("cy", Figures.coordinate(y)),
        with("r", "3.5"));
  }
}
