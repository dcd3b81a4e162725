package io.retune.job;

import io.retune.evaluate.Comparison;
import io.retune.lineage.RunHistory;
import io.retune.plan.Plan;
import io.retune.train.EvaluationRecord;
import io.retune.train.RankEvent;
import io.retune.train.StepRecord;
import java.time.Duration;
import java.util.List;

/** What a person sees while a run trains. */
final class Progress {
  /** So many lines are read gladly. */
  private static final int FEW_STEPS = 50;

  private static final Duration LINE_EVERY = Duration.ofSeconds(10);

  private final Terminal terminal;
  private final Plan plan;
  private final Pace pace;
  private long lastLine = System.nanoTime();

  /**
   * @param history of the run, which this driver may go on with
   */
  Progress(Terminal terminal, Plan plan, RunHistory history) {
    this.terminal = terminal;
    this.plan = plan;
    this.pace = Pace.goingOn(history);
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
    terminal.warn("attempt   %d failed: %s", attempt, cause);
  }

  /**
   * Step, loss, speed, and how long the steps that are left will take at that speed. A file of a
   * long run gets a line now and then.
   */
  void stepped(StepRecord step) {
    pace.add(step);
    long now = System.nanoTime();
    boolean due =
        plan.steps().size() <= FEW_STEPS
            || step.step() == plan.steps().size()
            || now - lastLine >= LINE_EVERY.toNanos();
    if (terminal.isInteractive() || due) {
      lastLine = now;
      terminal.progress("%s", pace.line(terminal.hasBars()));
    }
  }

  void evaluated(EvaluationRecord evaluation) {
    terminal.say(
        "held-out  loss %.4f nats per target token %s",
        Comparison.mean(evaluation.lossSums(), plan.evaluationTargets()),
        evaluation.step() == 0 ? "before training" : "after step " + evaluation.step());
  }
}
