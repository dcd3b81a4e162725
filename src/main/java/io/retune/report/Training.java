package io.retune.report;

import static io.retune.report.Html.style;
import static io.retune.report.Html.tag;

import io.retune.evaluate.Comparison;
import io.retune.lineage.RunHistory;
import io.retune.train.EvaluationRecord;
import io.retune.train.StepRecord;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToDoubleFunction;

/** The curves of a run: loss, what drives it, and where the time went. */
final class Training {
  /** Rows of the table behind the charts, at most; of more steps, one in so many. */
  private static final int MOST_ROWS = 200;

  private final RunReport report;
  private final List<StepRecord> steps;
  private final int planned;

  private Training(RunReport report) {
    this.report = report;
    this.steps = report.history().steps();
    this.planned = Math.max(report.declared().steps(), report.history().lastStep());
  }

  static Html of(RunReport report) {
    Training training = new Training(report);
    if (training.steps.isEmpty() && report.history().evaluations().isEmpty()) {
      return tag("p", "No step has been done yet.");
    }
    if (training.steps.isEmpty()) {
      return Html.of(training.loss(), tag("p", "No step has been done yet."));
    }
    return Html.of(
        training.loss(),
        tag(
            "div",
            style("pair"),
            training.learningRate(),
            training.gradientNorm(),
            training.speed(),
            training.memory()),
        training.times(),
        training.table());
  }

  private Chart.Series series(String name, String style, ToDoubleFunction<StepRecord> value) {
    return new Chart.Series(
        name,
        style,
        steps.stream().mapToDouble(StepRecord::step).toArray(),
        steps.stream().mapToDouble(value).toArray());
  }

  private Html loss() {
    RunHistory history = report.history();
    List<EvaluationRecord> evaluations = history.evaluations();
    int[] targets = report.plan().evaluationTargets();
    Chart.Series heldOut =
        new Chart.Series(
            "held-out examples",
            "s2 dotted",
            evaluations.stream().mapToDouble(EvaluationRecord::step).toArray(),
            evaluations.stream()
                .mapToDouble(e -> Comparison.mean(e.lossSums(), targets))
                .toArray());
    return new LineChart(
            "Loss",
            "nats per target token, by step",
            List.of(series("training, each step before its update", "s1", StepRecord::loss)),
            List.of(heldOut),
            planned,
            false)
        .large();
  }

  private Html line(String title, String unit, boolean fromZero, List<Chart.Series> lines) {
    return new LineChart(title, unit, lines, List.of(), planned, fromZero).small();
  }

  private Html learningRate() {
    return line(
        "Learning rate",
        "by step",
        true,
        List.of(series("learning rate", "s1", StepRecord::learningRate)));
  }

  private Html gradientNorm() {
    return line(
        "Gradient norm",
        "L2, before clipping",
        true,
        List.of(series("gradient norm", "s1", StepRecord::gradNorm)));
  }

  private Html speed() {
    return line(
        "Speed",
        "tokens a second",
        true,
        List.of(
            series("all tokens", "s1", s -> 1000.0 * s.tokens() / Math.max(1, s.wallMs())),
            series(
                "target tokens",
                "s2 broken",
                s -> 1000.0 * s.targetTokens() / Math.max(1, s.wallMs()))));
  }

  private Html memory() {
    return line(
        "Memory",
        "GB, largest of any rank so far",
        true,
        List.of(series("memory", "s1", s -> s.memoryBytes() / 1e9)));
  }

  private Html times() {
    List<StepTimes> times = StepTimes.of(report.history());
    List<Chart.Series> parts = new ArrayList<>();
    parts.add(part(times, "computing", "s1", StepTimes::compute));
    parts.add(part(times, "reading data", "s2", StepTimes::read));
    parts.add(part(times, "waiting for ranks", "s3", StepTimes::waited));
    parts.add(part(times, "exchange", "s4", StepTimes::exchanged));
    parts.add(part(times, "update", "s5", StepTimes::updated));
    parts.add(part(times, "recording", "s6", StepTimes::recorded));
    parts.add(part(times, "checkpoint", "s7", StepTimes::saved));
    return new StackedBars("Time", "seconds a step", parts, planned).large();
  }

  private static Chart.Series part(
      List<StepTimes> times, String name, String style, ToDoubleFunction<StepTimes> value) {
    return new Chart.Series(
        name,
        style,
        times.stream().mapToDouble(StepTimes::step).toArray(),
        times.stream().mapToDouble(value).map(ms -> ms / 1000).toArray());
  }

  private Html table() {
    Table table =
        new Table(
            "Figures by step",
            Table.number("Step"),
            Table.number("Loss"),
            Table.number("Learning rate"),
            Table.number("Gradient norm"),
            Table.number("Tokens"),
            Table.number("Targets"),
            Table.number("Tokens/s"),
            Table.number("Computing"),
            Table.number("Reading"),
            Table.number("Waiting"),
            Table.number("Exchange"),
            Table.number("Update"),
            Table.number("Recording"),
            Table.number("Checkpoint"),
            Table.number("Memory"));
    List<StepTimes> times = StepTimes.of(report.history());
    int stride = (steps.size() + MOST_ROWS - 1) / MOST_ROWS;
    for (int i = 0; i < steps.size(); i++) {
      if (i % stride == 0 || i == steps.size() - 1) {
        row(table, steps.get(i), times.get(i));
      }
    }
    String which = stride == 1 ? "each step" : "every " + stride + "th step";
    return tag("details", tag("summary", "The figures behind the charts, " + which), table.html());
  }

  private static void row(Table table, StepRecord step, StepTimes times) {
    table.row(
        Figures.count(step.step()),
        Figures.fixed(step.loss(), 4),
        Figures.plain(step.learningRate()),
        Figures.significant(step.gradNorm()),
        Figures.count(step.tokens()),
        Figures.count(step.targetTokens()),
        Figures.significant(1000.0 * step.tokens() / Math.max(1, step.wallMs())),
        seconds(times.compute()),
        seconds(times.read()),
        seconds(times.waited()),
        seconds(times.exchanged()),
        seconds(times.updated()),
        seconds(times.recorded()),
        seconds(times.saved()),
        Figures.bytes(step.memoryBytes()));
  }

  private static String seconds(double milliseconds) {
    return Figures.fixed(milliseconds / 1000, 3);
  }
}
