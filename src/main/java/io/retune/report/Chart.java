package io.retune.report;

import static io.retune.report.Html.style;
import static io.retune.report.Html.tag;
import static io.retune.report.Html.text;
import static io.retune.report.Html.with;

import io.retune.store.Json;
import java.math.BigDecimal;
import java.math.MathContext;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * A drawing with its caption. Where scripts run, what lies under the pointer is read out from the
 * same points that are drawn.
 */
final class Chart {
  static final int SWATCH = 24;

  private Chart() {}

  /**
   * Points by name, which one way of drawing shows.
   *
   * @param style of the lines or areas: {@code s1} to {@code s7}, and {@code broken} or {@code
   *     dotted}
   */
  record Series(String name, String style, double[] xs, double[] ys) {
    Series {
      if (xs.length != ys.length) {
        throw new IllegalArgumentException(xs.length + " places of " + ys.length + " values");
      }
    }

    /** Without what is no number, and not more points than can be told apart. */
    Series drawn(int most) {
      List<Integer> finite = new ArrayList<>();
      for (int i = 0; i < ys.length; i++) {
        if (Double.isFinite(ys[i])) {
          finite.add(i);
        }
      }
      double[] itsYs = finite.stream().mapToDouble(i -> ys[i]).toArray();
      int[] kept = Thinning.of(itsYs, most);
      return new Series(
          name,
          style,
          Arrays.stream(kept).mapToDouble(i -> xs[finite.get(i)]).toArray(),
          Arrays.stream(kept).mapToDouble(i -> itsYs[i]).toArray());
    }

    boolean isEmpty() {
      return ys.length == 0;
    }

    double last() {
      return ys[ys.length - 1];
    }
  }

  /**
   * @param along what the horizontal axis counts, as {@code step}
   * @param swatch how a series looks, in a box of {@link #SWATCH} by half of it
   */
  static Html figure(
      String title,
      String unit,
      String along,
      List<Series> series,
      Function<Series, Html> swatch,
      Html... drawings) {
    return tag(
        "figure",
        style("chart"),
        with("data-along", along),
        with("data-series", Json.write(series.stream().map(Chart::points).toList())),
        tag(
            "figcaption",
            tag("strong", title),
            text(" "),
            tag("span", "unit", unit),
            text(" "),
            tag("output", "readout", "")),
        legend(series, swatch),
        Html.of(drawings));
  }

  private static Map<String, Object> points(Series series) {
    return Map.of("name", series.name, "x", series.xs, "y", rounded(series.ys));
  }

  /** To what can be read out: six digits. */
  private static double[] rounded(double[] values) {
    return Arrays.stream(values)
        .map(v -> new BigDecimal(v).round(new MathContext(6)).doubleValue())
        .toArray();
  }

  /** Of several series: each is told from the others by more than its colour. */
  private static Html legend(List<Series> series, Function<Series, Html> swatch) {
    if (series.size() < 2) {
      return Html.NOTHING;
    }
    List<Html> entries = new ArrayList<>();
    for (Series one : series) {
      Html drawn =
          tag(
              "svg",
              style("swatch"),
              with("viewBox", "0 0 " + SWATCH + " " + SWATCH / 2),
              with("aria-hidden", "true"),
              swatch.apply(one));
      entries.add(tag("li", drawn, text(one.name)));
    }
    return tag("ul", style("legend"), Html.of(entries));
  }
}
