package io.retune.job;

import io.retune.evaluate.SuccessMetric;
import java.util.List;
import java.util.Optional;

/** What a person reads at the end of a run, and with {@code retune show}. */
final class Summary {
  private Summary() {}

  static void print(Terminal terminal, RunResult result, Workspace workspace) {
    terminal.say("");
    terminal.say("%s  %s", result.run(), result.status());
    terminal.say(
        "steps     %d of %d%s",
        result.stepsDone(),
        result.steps(),
        result.secondsLeft() == null ? "" : ", " + Pace.clock(result.secondsLeft()) + " left");
    Optional.ofNullable(result.metrics().get("eval/loss"))
        .ifPresent(
            loss ->
                terminal.say(
                    "held-out  %.4f nats per target token before, %.4f after: %s (interval %s): %s",
                    loss.before(),
                    loss.after(),
                    loss.comparison().change(),
                    loss.comparison().interval(),
                    loss.verdict()));
    result
        .groups()
        .forEach(
            (group, loss) ->
                terminal.say(
                    "          %-20s %.4f to %.4f (%s): %s",
                    group,
                    loss.before(),
                    loss.after(),
                    loss.comparison().interval(),
                    loss.verdict()));
    print(terminal, result.success());
    for (int i = 0; i < result.attempts().size(); i++) {
      RunResult.Attempt attempt = result.attempts().get(i);
      terminal.say(
          "attempt   %d  %s: %s",
          i + 1, Terminal.count(attempt.worldSize(), "rank"), attempt.end());
    }
    if (result.weightsSha256() != null) {
      terminal.say("weights   sha256 %s", result.weightsSha256());
      terminal.say("adapter   %s", result.adapter());
    }
    if (result.report() != null) {
      terminal.say("report    %s", result.report());
    }
    if (result.tracking() != null) {
      terminal.say("mlflow    %s", result.tracking());
    }
    terminal.say("tables    %s", workspace.store().localPath("lineage"));
  }

  /** What was asked of the run, and whether it came to it. */
  static void print(Terminal terminal, List<SuccessMetric> success) {
    success.forEach(metric -> terminal.say("success   %s", metric.words()));
  }

  /** What to try next. */
  static void next(Terminal terminal, RunResult result) {
    terminal.say("");
    terminal.say(
        "Next:  ./retune lineage rows-of-run run=%s      which rows made this model", result.run());
    terminal.say(
        "       ./retune generate %s PROMPT --before      what it answers now, and before",
        result.run());
    terminal.say("       ./retune show %s      what the run did", result.run());
    terminal.say("       run it again with --executors 2: the same weights");
  }
}
