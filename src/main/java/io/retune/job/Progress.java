package io.retune.job;

import io.retune.evaluate.Comparison;
import io.retune.plan.Plan;
import io.retune.train.EvaluationRecord;
import io.retune.train.RankEvent;
import io.retune.train.StepRecord;
import java.util.List;

/** What a person sees while a run trains. */
final class Progress {
  private final Terminal terminal;
  private final Plan plan;
  private long wallMs;
  private long tokens;

  Progress(Terminal terminal, Plan plan) {
    this.terminal = terminal;
    this.plan = plan;
  }

  void started(int attempt, int resumedFrom, List<RankEvent.Rank> ranks) {
    int lanes = ranks.stream().mapToInt(RankEvent.Rank::lanes).sum();
    terminal.say(
        "attempt   %d  %s, %s%s",
        attempt,
        Terminal.count(ranks.size(), "rank"),
        Terminal.count(lanes, "lane"),
        resumedFrom == 0 ? "" : ", goes on behind step " + resumedFrom);
  }

  void failed(int attempt, String cause) {
    terminal.say("attempt   %d failed: %s", attempt, cause);
  }

  /** Step, loss, speed, and how long the steps that are left will take at that speed. */
  void stepped(StepRecord step) {
    wallMs += step.wallMs();
    tokens += step.tokens();
    long tokensLeft = plan.steps().stream().skip(step.step()).mapToLong(Plan.Step::tokens).sum();
    double tokensPerMs = (double) tokens / Math.max(1, wallMs);
    long secondsLeft = Math.round(tokensLeft / tokensPerMs / 1000);
    terminal.progress(
        "step %d/%d  loss %.4f  %.0f tokens/s  %d:%02d left",
        step.step(),
        plan.steps().size(),
        step.loss(),
        tokensPerMs * 1000,
        secondsLeft / 60,
        secondsLeft % 60);
  }

  void evaluated(EvaluationRecord evaluation) {
    terminal.say(
        "held-out  loss %.4f nats per target token %s",
        Comparison.mean(evaluation.lossSums(), plan.evaluationTargets()),
        evaluation.step() == 0 ? "before training" : "after step " + evaluation.step());
  }
}
