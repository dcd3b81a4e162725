package io.retune.report;

import static io.retune.report.Html.style;
import static io.retune.report.Html.tag;
import static io.retune.report.Html.text;
import static io.retune.report.Html.with;

import io.retune.evaluate.Comparison;
import io.retune.lineage.RunStatus;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/** The page of all runs of a store: one table, which is sorted by a column where scripts run. */
public record RunsReport(List<RunLine> runs) {
  public RunsReport {
    runs = List.copyOf(runs);
  }

  /**
   * A column: how a run's cell is shown, and what it is sorted by.
   *
   * @param key empty: not at all
   */
  private record Column(
      String head, String style, Function<RunLine, Html> cell, Function<RunLine, Object> key) {}

  private static final List<Column> COLUMNS =
      List.of(
          new Column("Run", "", RunsReport::name, RunLine::run),
          new Column("Status", "", r -> status(r.status()), RunLine::status),
          new Column("Verdict", "", RunsReport::verdict, key(c -> c.verdict().words())),
          new Column("Change", "number", RunsReport::change, key(c -> c.after() - c.before())),
          new Column("Training loss", "drawing", r -> new Sparkline(r.loss()).svg(), r -> ""),
          new Column("Before", "number", loss(Comparison::before), key(Comparison::before)),
          new Column("After", "number", loss(Comparison::after), key(Comparison::after)),
          new Column("Steps", "number", r -> text(steps(r)), r -> r.loss().length),
          new Column(
              "Target tokens",
              "number",
              r -> text(Figures.count(r.targetTokens())),
              RunLine::targetTokens),
          new Column(
              "Time",
              "number",
              r -> text(Figures.duration(r.milliseconds())),
              RunLine::milliseconds),
          new Column("Started", "", r -> text(Figures.time(r.startedAt())), RunLine::startedAt),
          new Column("Weights", "", RunsReport::weights, r -> r.weightsSha256().orElse("")));

  private static Function<RunLine, Html> loss(Function<Comparison, Double> value) {
    return r -> text(r.heldOut().map(value).map(v -> Figures.fixed(v, 4)).orElse(""));
  }

  private static Function<RunLine, Object> key(Function<Comparison, Object> value) {
    return r -> r.heldOut().map(value).orElse("");
  }

  /** The whole page. */
  public String html() {
    Html content =
        Html.of(
            tag(
                "header",
                style("headline"),
                tag("p", "kicker", "Fine-tuning runs of a store"),
                tag("h1", "Runs"),
                tag("p", "lead", summary())),
            runs.isEmpty() ? Html.NOTHING : table());
    return Page.of(
        "Runs · Retune",
        content,
        tag(
            "p",
            "Losses are of the held-out examples, nats per target token; what goes down is better."
                + " The curve is the loss of the training, step by step."));
  }

  private String summary() {
    long finished = runs.stream().filter(r -> r.status().equals(RunStatus.FINISHED.word())).count();
    return runs.isEmpty()
        ? "There are none yet."
        : Figures.count(runs.size(), "run") + ", " + Figures.count(finished) + " of them finished.";
  }

  private Html table() {
    List<Html> heads = new ArrayList<>();
    for (Column column : COLUMNS) {
      heads.add(tag("th", with("scope", "col"), style(column.style), text(column.head)));
    }
    List<Html> rows = new ArrayList<>();
    runs.forEach(run -> rows.add(row(run)));
    return tag(
        "div",
        style("scroll wide"),
        with("role", "group"),
        with("tabindex", "0"),
        with("aria-label", "All runs"),
        tag(
            "table",
            style("sortable"),
            tag("thead", tag("tr", Html.of(heads))),
            tag("tbody", Html.of(rows))));
  }

  private static Html row(RunLine run) {
    List<Html> cells = new ArrayList<>();
    for (Column column : COLUMNS) {
      Html cell = column.cell.apply(run);
      Part.Attribute key = with("data-key", column.key.apply(run));
      cells.add(
          cells.isEmpty()
              ? tag("th", with("scope", "row"), key, cell)
              : tag("td", style(column.style), with("data-head", column.head), key, cell));
    }
    return tag("tr", Html.of(cells));
  }

  private static Html name(RunLine run) {
    return run.page()
        .map(page -> tag("a", with("href", page), text(run.run())))
        .orElseGet(() -> text(run.run()));
  }

  private static Html status(String status) {
    return tag("span", "status " + status, status);
  }

  private static String steps(RunLine run) {
    return run.loss().length == run.steps()
        ? Figures.count(run.steps())
        : Figures.count(run.loss().length) + " of " + Figures.count(run.steps());
  }

  private static Html change(RunLine run) {
    Optional<Difference> difference = run.heldOut().map(Difference::new);
    return difference
        .map(
            d ->
                Html.of(
                    text(d.signedChange()), text(" "), tag("span", "interval", d.signedInterval())))
        .orElse(Html.NOTHING);
  }

  private static Html verdict(RunLine run) {
    return run.heldOut()
        .map(c -> tag("span", "judged " + new Difference(c).style(), c.verdict().words()))
        .orElse(Html.NOTHING);
  }

  private static Html weights(RunLine run) {
    return run.weightsSha256()
        .map(sha256 -> tag("code", with("title", sha256), text(LineageGraph.brief(sha256))))
        .orElse(Html.NOTHING);
  }
}
