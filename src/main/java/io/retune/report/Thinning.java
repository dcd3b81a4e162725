package io.retune.report;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/** Which of many points to draw, so that the line looks the same. */
final class Thinning {
  private Thinning() {}

  /**
   * Indices in order: the first and the last, and of each of equal stretches the least and the
   * greatest.
   *
   * @param most about how many
   */
  static int[] of(double[] ys, int most) {
    if (ys.length <= most) {
      return IntStream.range(0, ys.length).toArray();
    }
    int stretches = Math.max(1, (most - 2) / 2);
    List<Integer> kept = new ArrayList<>(List.of(0));
    for (int stretch = 0; stretch < stretches; stretch++) {
      int begin = (int) ((long) stretch * ys.length / stretches);
      int end = (int) ((long) (stretch + 1) * ys.length / stretches);
      int least = begin;
      int greatest = begin;
      for (int i = begin + 1; i < end; i++) {
        least = ys[i] < ys[least] ? i : least;
        greatest = ys[i] > ys[greatest] ? i : greatest;
      }
      kept.add(Math.min(least, greatest));
      kept.add(Math.max(least, greatest));
    }
    kept.add(ys.length - 1);
    return kept.stream().mapToInt(Integer::intValue).sorted().distinct().toArray();
  }
}
