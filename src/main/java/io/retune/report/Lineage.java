package io.retune.report;

import static io.retune.report.Html.tag;
import static io.retune.report.Html.text;

import io.retune.dataset.DatasetVersion;
import io.retune.lineage.JournalEntry.Declared;
import io.retune.lineage.JournalEntry.Ended;
import java.util.List;
import java.util.Optional;

/** What the weights were made of, each by its digest. */
final class Lineage {
  /** More datasets are one box. */
  private static final int MOST = 8;

  private final Declared declared;
  private final Optional<String> weights;

  private Lineage(RunReport report) {
    this.declared = report.declared();
    this.weights = report.history().ended().map(Ended::weightsSha256);
  }

  static Html of(RunReport report) {
    Lineage lineage = new Lineage(report);
    return Html.of(
        tag(
            "p",
            "The weights are a function of what stands here; how many machines computed it is not"
                + " among its arguments."),
        lineage.graph(),
        lineage.table());
  }

  private Html graph() {
    LineageGraph graph = new LineageGraph();
    List<DatasetVersion> shown =
        declared.datasets().subList(0, Math.min(MOST, declared.datasets().size()));
    int left = declared.datasets().size() - shown.size();
    int lanes = shown.size() + (left > 0 ? 1 : 0);
    double middle = (lanes - 1) / 2.0;
    LineageGraph.Node snapshot =
        graph.node(2, middle, "snapshot", examples(), declared.snapshot().root().hex());
    LineageGraph.Node plan = graph.node(3, middle, "plan", steps(), declared.planSha256());
    LineageGraph.Node run =
        graph.node(4, middle, "run", declared.name(), declared.asked().experiment());
    for (int lane = 0; lane < shown.size(); lane++) {
      DatasetVersion version = shown.get(lane);
      LineageGraph.Node source =
          graph.node(0, lane, "source", lastPart(version.source()), version.sourceSha256());
      LineageGraph.Node dataset =
          graph.node(
              1, lane, "dataset", version.name() + " v" + version.version(), version.root().hex());
      graph.edge(source, dataset);
      graph.edge(dataset, snapshot);
    }
    if (left > 0) {
      graph.edge(graph.node(1, lanes - 1.0, "dataset", left + " more", ""), snapshot);
    }
    LineageGraph.Node origin =
        graph.node(
            0, lanes, "source", lastPart(declared.source().source()), declared.source().sha256());
    LineageGraph.Node model =
        graph.node(1, lanes, "base model", "as imported", declared.modelSha256());
    graph.edge(origin, model);
    graph.edge(model, snapshot);
    graph.edge(model, run);
    graph.edge(snapshot, plan);
    graph.edge(plan, run);
    weights.ifPresent(
        sha256 -> graph.edge(run, graph.node(5, middle, "adapter", "weights", sha256)));
    return tag(
        "div",
        Html.style("graph"),
        Html.with("role", "group"),
        Html.with("tabindex", "0"),
        Html.with("aria-label", "Graph of the lineage"),
        graph.svg(
            "Sources become dataset versions, these with the base model's tokenizer a snapshot,"
                + " the snapshot a plan, plan and base model the run, the run the adapter. The"
                + " table below has the same."));
  }

  private String examples() {
    return Figures.count(
        declared.snapshot().trainExamples() + declared.snapshot().evaluationExamples(), "example");
  }

  private String steps() {
    return Figures.count(declared.steps(), "step");
  }

  /** Of a path or coordinate. */
  private static String lastPart(String source) {
    String[] parts = source.split("[/!]");
    return parts.length == 0 ? source : parts[parts.length - 1];
  }

  private Html table() {
    Table table =
        new Table(
            "Lineage",
            Table.words("What"),
            Table.words("Name"),
            Table.digest("SHA-256"),
            Table.words("Made of"));
    for (DatasetVersion version : declared.datasets()) {
      table.row("source", version.source(), version.sourceSha256(), "");
      table.row(
          "dataset",
          version.name() + " version " + version.version(),
          version.root().hex(),
          "source");
    }
    table.row("source", declared.source().source(), declared.source().sha256(), "");
    table.row("base model", "", declared.modelSha256(), "source");
    table.row(
        "snapshot",
        examples(),
        declared.snapshot().root().hex(),
        "datasets, with the base model's tokenizer and template");
    table.row("plan", steps(), declared.planSha256(), "snapshot");
    table.row("experiment", declared.name(), declared.asked().experiment(), "configuration");
    weights.ifPresent(sha256 -> table.row("adapter", "", sha256, "base model, plan, experiment"));
    return Html.of(tag("h3", text("With whole digests")), table.html());
  }
}
