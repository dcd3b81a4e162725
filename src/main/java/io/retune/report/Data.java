package io.retune.report;

import static io.retune.report.Html.style;
import static io.retune.report.Html.tag;
import static io.retune.report.Html.text;
import static io.retune.report.Html.with;

import io.retune.dataset.DatasetVersion;
import io.retune.dataset.Snapshot;
import io.retune.lineage.JournalEntry.Declared;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** What the run was trained on, and how it came to be that. */
final class Data {
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
        report.examples().first().map(Data::rendered).orElse(Html.NOTHING));
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
            Table.words("Source"),
            Table.digest("SHA-256 of the source"),
            Table.digest("Root of the rows"));
    for (DatasetVersion version : versions) {
      table.row(
          version.name(),
          Figures.count(version.version()),
          Figures.count(version.rows()),
          version.licence(),
          version.privacy(),
          version.source(),
          version.sourceSha256(),
          version.root().hex());
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
            Table.digest("SHA-256 of the code"));
    long most = snapshot.counts().stream().mapToLong(Snapshot.Count::rows).max().orElse(1);
    // Each dataset is prepared for itself; what follows starts with the rows of all.
    Map<String, Long> byDataset = new HashMap<>();
    long together = -1;
    for (Snapshot.Count count : snapshot.counts()) {
      boolean isDataset = count.kind().equals("dataset");
      String dataset = isDataset ? count.transform() : dataset(count, snapshot);
      long before;
      if (isDataset) {
        before = count.rows();
      } else if (dataset.isEmpty()) {
        before =
            together >= 0 ? together : byDataset.values().stream().mapToLong(Long::longValue).sum();
      } else {
        before = byDataset.get(dataset);
      }
      if (dataset.isEmpty()) {
        together = count.rows();
      } else {
        byDataset.put(dataset, count.rows());
      }
      long change = count.rows() - before;
      table.row(
          "",
          text(count.transform()),
          text(count.kind()),
          text(Figures.count(count.rows())),
          bar((double) count.rows() / Math.max(1, most)),
          text(change == 0 ? "" : (change > 0 ? "+" : "") + Figures.count(change)),
          text(isDataset ? "" : count.codeSha256()));
    }
    return table.html();
  }

  /** Whose own transform it is; empty: of all. */
  private static String dataset(Snapshot.Count count, Snapshot snapshot) {
    return snapshot.datasets().keySet().stream()
        .filter(name -> count.transform().startsWith(name + "/"))
        .findFirst()
        .orElse("");
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
