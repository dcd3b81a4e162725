package io.retune.evaluate;

import com.fasterxml.jackson.annotation.JsonIgnore;
import io.retune.config.EvaluationSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;

/**
 * The frozen split, or the examples of it with one value of the recipe's {@code
 * evaluation.group-by}, before and after training. Each interval stands for itself: of twenty
 * groups one is outside of its 95 % interval by chance.
 *
 * @param group the value, never empty; of the whole split {@link #WHOLE}
 */
public record GroupComparison(
    String group, int examples, long targetTokens, Comparison comparison) {
  /** Stands for the whole split where a group's value would stand. */
  public static final String WHOLE = "";

  /** Whether it is of the whole split. */
  @JsonIgnore
  public boolean isWhole() {
    return group.equals(WHOLE);
  }

  /** What people read: the group, or {@code all}. */
  public String label() {
    return isWhole() ? "all" : group;
  }

  /**
   * The whole first, then by group, sorted; without groups of which nothing is scored, for they
   * have no mean.
   *
   * @param before loss sums by example [examples]; likewise {@code after}
   * @param targets target tokens by example [examples]
   * @param groups by example; empty: there are no groups
   */
  public static List<GroupComparison> of(
      double[] before, double[] after, int[] targets, List<String> groups, EvaluationSpec spec) {
    List<GroupComparison> all = new ArrayList<>();
    int[] every = IntStream.range(0, targets.length).toArray();
    all.add(of(WHOLE, every, before, after, targets, spec));
    Map<String, List<Integer>> members = new TreeMap<>();
    for (int i = 0; i < groups.size(); i++) {
      members.computeIfAbsent(groups.get(i), group -> new ArrayList<>()).add(i);
    }
    members.forEach(
        (group, indices) -> {
          int[] some = indices.stream().mapToInt(Integer::intValue).toArray();
          if (IntStream.of(some).anyMatch(i -> targets[i] > 0)) {
            all.add(of(group, some, before, after, targets, spec));
          }
        });
    return all;
  }

  private static GroupComparison of(
      String group,
      int[] indices,
      double[] before,
      double[] after,
      int[] targets,
      EvaluationSpec spec) {
    int[] itsTargets = IntStream.of(indices).map(i -> targets[i]).toArray();
    return new GroupComparison(
        group,
        indices.length,
        IntStream.of(itsTargets).asLongStream().sum(),
        Comparison.of(
            IntStream.of(indices).mapToDouble(i -> before[i]).toArray(),
            IntStream.of(indices).mapToDouble(i -> after[i]).toArray(),
            itsTargets,
            spec));
  }
}
