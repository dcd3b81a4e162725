package io.retune.report;

import static io.retune.report.Html.style;
import static io.retune.report.Html.tag;
import static io.retune.report.Html.text;
import static io.retune.report.Html.with;

import io.retune.dataset.DatasetVersion;
import io.retune.dataset.Snapshot;
import io.retune.lineage.JournalEntry.Declared;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** What the run was trained on, and how it came to be that. */
final class Data {
  private static final String ALL = "";
  private static final int BAR = 120;
  private static final int BAR_HEIGHT = 10;

  private Data() {}

  static Html of(RunReport report) {
    Declared declared = report.declared();
    return Html.of(
        datasets(declared.datasets()),
        tag("h3", "From rows to examples"),
        funnel(declared.snapshot()),
        tag(
            "p",
            "%s to train on, %s held out."
                .formatted(
                    Figures.count(declared.snapshot().trainExamples(), "example"),
                    Figures.count(declared.snapshot().evaluationExamples()))),
        lengths(report.examples()),
        report.withheldNote(),
        report
            .examples()
            .first()
            .filter(example -> !example.isWithheld())
            .map(Data::rendered)
            .orElse(Html.NOTHING));
  }

  private static Html datasets(List<DatasetVersion> versions) {
    Table table =
        new Table(
            "Datasets",
            Table.words("Dataset"),
            Table.number("Version"),
            Table.number("Rows"),
            Table.words("Licence"),
            Table.words("Privacy"),
            Table.words("Source, and its SHA-256"));
    for (DatasetVersion version : versions) {
      table.row(
          "",
          text(version.name()),
          text(Figures.count(version.version())),
          text(Figures.count(version.rows())),
          text(version.licence()),
          text(version.privacy()),
          Html.of(text(version.source()), tag("br"), tag("code", version.sourceSha256())));
    }
    return table.html();
  }

  private static Html funnel(Snapshot snapshot) {
    Table table =
        new Table(
            "Rows behind each transform",
            Table.words("Transform"),
            Table.words("Kind"),
            Table.number("Rows"),
            Table.drawing("Share of the most"),
            Table.number("Change"),
            Table.words("Code"));
    long most = snapshot.counts().stream().mapToLong(Snapshot.Count::rows).max().orElse(1);
    List<Long> changes = changes(snapshot);
    for (int i = 0; i < changes.size(); i++) {
      Snapshot.Count count = snapshot.counts().get(i);
      boolean isDataset = count.kind().equals("dataset");
      table.row(
          "",
          text(count.transform()),
          text(count.kind()),
          text(Figures.count(count.rows())),
          bar((double) count.rows() / Math.max(1, most)),
          text(changes.get(i) == 0 ? "" : Figures.signed(changes.get(i), 0)),
          isDataset ? Html.NOTHING : tag("code", LineageGraph.brief(count.codeSha256())));
    }
    return table.html();
  }

  /**
   * By how many rows each transform changed what it was given: each dataset is prepared for itself,
   * what follows starts with the rows of all.
   */
  private static List<Long> changes(Snapshot snapshot) {
    List<Long> changes = new ArrayList<>();
    Map<String, Long> rows = new HashMap<>();
    for (Snapshot.Count count : snapshot.counts()) {
      boolean isDataset = count.kind().equals("dataset");
      String dataset = isDataset ? count.transform() : dataset(count, snapshot);
      if (!isDataset && dataset.equals(ALL) && !rows.containsKey(ALL)) {
        rows.put(ALL, rows.values().stream().mapToLong(Long::longValue).sum());
      }
      long before = isDataset ? count.rows() : rows.get(dataset);
      changes.add(count.rows() - before);
      rows.put(dataset, count.rows());
    }
    return changes;
  }

  /** Whose own transform it is; {@link #ALL}: of the rows of all. */
  private static String dataset(Snapshot.Count count, Snapshot snapshot) {
    return snapshot.datasets().keySet().stream()
        .filter(name -> count.transform().startsWith(name + "/"))
        .findFirst()
        .orElse(ALL);
  }

  private static Html bar(double share) {
    return tag(
        "svg",
        style("bar"),
        with("viewBox", "0 0 " + BAR + " " + BAR_HEIGHT),
        with("aria-hidden", "true"),
        Plot.box("area s1", 0, 0, Math.max(1, share * BAR), BAR_HEIGHT));
  }

  private static Html lengths(ShownExamples examples) {
    if (examples.lengths().isEmpty()) {
      return Html.NOTHING;
    }
    var counts = examples.lengths();
    return Html.of(
        tag("h3", "How long the examples are"),
        new Histogram("Training examples", "by their number of tokens", counts).large(),
        tag(
            "p",
            "From %s to %s tokens, half of the examples at most %s."
                .formatted(
                    Figures.count(counts.firstKey()),
                    Figures.count(counts.lastKey()),
                    Figures.count(Histogram.median(counts)))));
  }

  private static Html rendered(ShownExample example) {
    return Html.of(
        tag("h3", "The example that training began with"),
        tag(
            "p",
            text("As the model reads it: a box is a token, "),
            tag("mark", "run", "marked"),
            text(" ones are trained, "),
            tag("span", "run special", "these"),
            text(" were put there by the chat template. "),
            text("Example "),
            tag("code", example.id()),
            text(" of " + example.dataset() + ".")),
        Tokens.apart(example.tokens()));
  }
}
