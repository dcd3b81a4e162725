package io.retune.report;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.DoubleStream;

/**
 * A stretch of numbers, and where it lies in a drawing.
 *
 * @param ticks at multiples of 1, 2 or 5 times a power of ten
 * @param from where {@code low} lies, in the drawing's units
 * @param to where {@code high} lies
 */
record Axis(double low, double high, List<Double> ticks, double from, double to) {
  Axis {
    if (!(high > low)) {
      throw new IllegalArgumentException("An axis from " + low + " to " + high);
    }
  }

  /** From a tick to a tick, with about {@code steps} between. */
  static Axis around(DoubleStream values, int steps, double from, double to) {
    double[] sorted = values.filter(Double::isFinite).sorted().toArray();
    double low = sorted.length == 0 ? 0 : sorted[0];
    double high = sorted.length == 0 ? 1 : sorted[sorted.length - 1];
    // Below a billionth of their size, doubles that are to be equal differ by rounding.
    if (high - low <= Math.max(Math.abs(low), Math.abs(high)) * 1e-9) {
      double room = low == 0 ? 1 : Math.abs(low) / 2;
      low -= low > 0 ? Math.min(low, room) : room;
      high += room;
    }
    double step = step(high - low, steps);
    double first = Math.floor(low / step) * step;
    double last = Math.ceil(high / step) * step;
    return new Axis(first, last, ticks(first, last, step), from, to);
  }

  /** As it is, with ticks where they fall. */
  static Axis between(double low, double high, int steps, double from, double to) {
    return new Axis(low, high, ticks(low, high, step(high - low, steps)), from, to);
  }

  private static List<Double> ticks(double low, double high, double step) {
    List<Double> ticks = new ArrayList<>();
    long first = (long) Math.ceil(low / step - 1e-6);
    long last = (long) Math.floor(high / step + 1e-6);
    for (long i = first; i <= last; i++) {
      // By a division where it can be: 3 * 0.1 is not 0.3.
      ticks.add(step < 1 ? i / (double) Math.round(1 / step) : i * step);
    }
    return ticks;
  }

  /** Of whole numbers: no tick between them. */
  static Axis counting(int low, int high, int steps, double from, double to) {
    if (low == high) {
      return new Axis(low - 0.5, high + 0.5, List.of((double) low), from, to);
    }
    Axis axis = between(low, high, steps, from, to);
    return new Axis(
        low, high, axis.ticks.stream().filter(t -> t == Math.rint(t)).toList(), from, to);
  }

  /** The multiple of 1, 2 or 5 that parts {@code range} into at most {@code steps}. */
  static double step(double range, int steps) {
    double raw = range / steps;
    double power = Math.pow(10, Math.floor(Math.log10(raw)));
    for (double multiple : new double[] {1, 2, 5}) {
      if (power * multiple >= raw * (1 - 1e-9)) {
        return power * multiple;
      }
    }
    return power * 10;
  }

  double at(double value) {
    return from + (value - low) / (high - low) * (to - from);
  }
}
