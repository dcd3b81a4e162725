package io.retune.report;

import static io.retune.report.Html.style;
import static io.retune.report.Html.tag;

import io.retune.evaluate.Comparison;
import io.retune.evaluate.GroupComparison;
import io.retune.evaluate.SuccessMetric;
import io.retune.lineage.JournalEntry;
import io.retune.lineage.JournalEntry.Declared;
import io.retune.lineage.JournalEntry.Ended;
import io.retune.lineage.RunHistory;
import io.retune.train.EvaluationRecord;
import java.util.List;
import java.util.Optional;

/** What was asked, and what came of it, before anything else. */
final class Headline {
  private Headline() {}

  static Html of(RunReport report) {
    Declared declared = report.declared();
    Html description =
        declared.asked().description().isEmpty()
            ? Html.NOTHING
            : tag("p", "lead", declared.asked().description());
    return Html.of(
        tag("p", "kicker", "Report of a fine-tuning run"),
        tag("h1", declared.name()),
        description,
        verdict(report),
        facts(report));
  }

  private static Html verdict(RunReport report) {
    return report
        .history()
        .ended()
        .map(ended -> verdict(report, ended))
        .orElseGet(() -> unfinished(report));
  }

  private static Html verdict(RunReport report, Ended ended) {
    GroupComparison whole = ended.loss().get(0);
    Comparison loss = whole.comparison();
    Difference difference = new Difference(loss);
    return tag(
        "div",
        style("verdict " + difference.style()),
        tag("p", "words", difference.verdict() + ": " + difference.size() + "."),
        tag(
            "p",
            "%s interval %s, on %s with %s that the training did not see."
                .formatted(
                    Difference.confidence(report.declared().asked()),
                    difference.interval(),
                    Figures.count(whole.examples(), "held-out example"),
                    Figures.count(whole.targetTokens(), "target token"))),
        tag(
            "p",
            "Loss %s before, %s after. Perplexity %s before, %s after: times %s (%s to %s)."
                .formatted(
                    Figures.fixed(loss.before(), 4),
                    Figures.fixed(loss.after(), 4),
                    Difference.perplexity(loss.before()),
                    Difference.perplexity(loss.after()),
                    Difference.perplexity(difference.change()),
                    Difference.perplexity(loss.low()),
                    Difference.perplexity(loss.high()))),
        success(ended.success()));
  }

  private static Html success(List<SuccessMetric> metrics) {
    return metrics.isEmpty()
        ? Html.NOTHING
        : tag(
            "ul",
            style("success"),
            Html.of(
                metrics.stream()
                    .map(it -> tag("li", it.met() ? "met" : "missed", it.words()))
                    .toList()));
  }

  private static Html unfinished(RunReport report) {
    RunHistory history = report.history();
    List<EvaluationRecord> evaluations = history.evaluations();
    Html sofar =
        evaluations.isEmpty()
            ? tag("p", "The held-out examples have not been scored yet.")
            : tag("p", soFar(report, evaluations.get(evaluations.size() - 1)));
    return tag(
        "div",
        style("verdict none"),
        tag(
            "p",
            "words",
            "No verdict yet: %s of %s."
                .formatted(
                    Figures.count(history.lastStep()),
                    Figures.count(report.declared().steps(), "step"))),
        sofar);
  }

  private static String soFar(RunReport report, EvaluationRecord last) {
    double loss = Comparison.mean(last.lossSums(), report.plan().evaluationTargets());
    return "Held-out loss %s nats per target token %s."
        .formatted(
            Figures.fixed(loss, 4),
            last.step() == 0 ? "before training" : "after step " + Figures.count(last.step()));
  }

  private static Html facts(RunReport report) {
    RunHistory history = report.history();
    Declared declared = report.declared();
    Facts facts =
        new Facts()
            .add("Run", tag("code", declared.run()))
            .add("Status", status(report))
            .add("Begun", Figures.time(history.startedAt()));
    end(history)
        .ifPresent(
            end -> facts.add("Ended", Figures.time(end.time())).add("Took", took(history, end)));
    facts
        .add("Steps", Figures.count(history.lastStep()) + " of " + Figures.count(declared.steps()))
        .add(
            "Trained on",
            "%s, %s of them targets"
                .formatted(
                    Figures.count(declared.tokens(), "token"),
                    Figures.count(declared.targetTokens())));
    history.ended().ifPresent(ended -> facts.digest("Weights, SHA-256", ended.weightsSha256()));
    return facts.html();
  }

  private static Html status(RunReport report) {
    return tag("span", "status " + report.status(), report.status());
  }

  private static Optional<JournalEntry> end(RunHistory history) {
    return history.entries().stream().filter(e -> e.event() instanceof Ended).findFirst();
  }

  private static String took(RunHistory history, JournalEntry end) {
    return Figures.duration(Figures.millisecondsBetween(history.startedAt(), end.time()));
  }
}
