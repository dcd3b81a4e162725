package io.retune.evaluate;

import io.retune.config.SuccessSpec;
import io.retune.config.SuccessSpec.AtLeast;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/**
 * Something that a run had to come to, and whether it did.
 *
 * @param metric its key below the recipe's {@code evaluation.success}
 * @param required the value of that key
 * @param found what the run came to, for people
 */
public record SuccessMetric(String metric, String required, String found, boolean met) {
  /**
   * In the order of the spec; none where nothing is asked for.
   *
   * @param loss the whole first, then by group
   */
  public static List<SuccessMetric> of(SuccessSpec spec, List<GroupComparison> loss) {
    List<SuccessMetric> metrics = new ArrayList<>();
    Comparison whole = loss.get(0).comparison();
    spec.verdict().ifPresent(least -> metrics.add(verdict(least, whole)));
    spec.lossAtMost()
        .ifPresent(
            most ->
                metrics.add(
                    new SuccessMetric(
                        "loss-at-most",
                        most.toString(),
                        Double.toString(whole.after()),
                        whole.after() <= most)));
    spec.eachGroup().ifPresent(least -> metrics.add(eachGroup(least, loss)));
    return metrics;
  }

  private static SuccessMetric verdict(AtLeast least, Comparison whole) {
    return new SuccessMetric(
        "verdict",
        least.toString(),
        "%s (%s)".formatted(whole.verdict().words(), whole.interval()),
        whole.verdict().isAtLeast(least));
  }

  private static SuccessMetric eachGroup(AtLeast least, List<GroupComparison> loss) {
    List<GroupComparison> groups = loss.subList(1, loss.size());
    List<GroupComparison> unmet =
        groups.stream().filter(g -> !g.comparison().verdict().isAtLeast(least)).toList();
    String found =
        unmet.isEmpty()
            ? "all " + groups.size() + " groups"
            : unmet.stream()
                .map(g -> g.group() + ": " + g.comparison().verdict().words())
                .collect(Collectors.joining("; "));
    return new SuccessMetric("each-group", least.toString(), found, unmet.isEmpty());
  }

  public static boolean allMet(List<SuccessMetric> metrics) {
    return metrics.stream().allMatch(SuccessMetric::met);
  }

  /** {@code verdict = better: missed, no difference shown (-0.0312 to +0.0104)}. */
  public String words() {
    return "%s = %s: %s, %s".formatted(metric, required, met ? "met" : "missed", found);
  }
}
