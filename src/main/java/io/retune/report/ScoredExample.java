package io.retune.report;

import io.retune.lineage.RunHistory;
import io.retune.plan.Plan;
import io.retune.train.EvaluationRecord;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * An example of the frozen split and its mean losses per target token, nats.
 *
 * @param group empty where there are no groups
 */
record ScoredExample(
    String id, Optional<String> group, int targetTokens, double before, double after) {
  double change() {
    return after - before;
  }

  /**
   * In the plan's order, without those of which nothing is scored; none until the split was scored
   * after the last step.
   */
  static List<ScoredExample> of(RunHistory history, Plan plan) {
    Optional<EvaluationRecord> before = history.evaluation(0);
    Optional<EvaluationRecord> after = history.evaluation(plan.steps().size());
    List<ScoredExample> examples = new ArrayList<>();
    if (before.isPresent() && after.isPresent() && !plan.steps().isEmpty()) {
      for (int i = 0; i < plan.evaluationExamples().size(); i++) {
        int targets = plan.evaluationTargets()[i];
        if (targets == 0) {
          continue;
        }
        examples.add(
            new ScoredExample(
                plan.evaluationExamples().get(i),
                plan.evaluationGroups().isEmpty()
                    ? Optional.empty()
                    : Optional.of(plan.evaluationGroups().get(i)),
                targets,
                before.get().lossSums()[i] / targets,
                after.get().lossSums()[i] / targets));
      }
    }
    return examples;
  }
}
