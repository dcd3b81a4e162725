package io.retune.report;

import io.retune.lineage.RunHistory;
import io.retune.plan.Plan;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/**
 * The few examples of the frozen split that say most, best of a kind first.
 *
 * @param title what they are the extremes of
 */
record Ranking(String title, String explanation, List<ScoredExample> examples) {
  private static final int SHOWN = 3;

  static List<Ranking> of(RunHistory history, Plan plan) {
    List<ScoredExample> scored = ScoredExample.of(history, plan);
    Comparator<ScoredExample> after = Comparator.comparingDouble(ScoredExample::after);
    Comparator<ScoredExample> change = Comparator.comparingDouble(ScoredExample::change);
    return List.of(
        first("Hardest", "Greatest loss after training.", scored, after.reversed()),
        first("Easiest", "Least loss after training.", scored, after),
        first("Most gained", "Loss went down furthest.", scored, change),
        first("Least gained", "Loss went down least, or up.", scored, change.reversed()));
  }

  private static Ranking first(
      String title,
      String explanation,
      List<ScoredExample> scored,
      Comparator<ScoredExample> order) {
    return new Ranking(
        title,
        explanation,
        scored.stream().sorted(order.thenComparing(ScoredExample::id)).limit(SHOWN).toList());
  }

  /** Ids of the examples whose texts are to be shown. */
  static Set<String> ids(RunHistory history, Plan plan) {
    Set<String> ids = new TreeSet<>();
    of(history, plan).forEach(r -> r.examples.forEach(example -> ids.add(example.id())));
    return ids;
  }
}
