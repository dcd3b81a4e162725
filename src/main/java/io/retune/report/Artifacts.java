package io.retune.report;

import static io.retune.report.Html.tag;
import static io.retune.report.Html.text;

import io.retune.lineage.JournalEntry;
import io.retune.lineage.JournalEntry.Artifact;
import io.retune.lineage.JournalEntry.Checkpointed;
import io.retune.lineage.JournalEntry.Ended;
import io.retune.lineage.RunHistory;
import io.retune.train.CheckpointRecord;
import java.util.List;
import java.util.Optional;

/** The run's files by digest, and the seal of its journal. */
final class Artifacts {
  /** Rows of checkpoints, at most: the last ones. */
  private static final int MOST = 100;

  private Artifacts() {}

  static Html of(RunReport report) {
    RunHistory history = report.history();
    return Html.of(files(history), checkpoints(history), seal(history));
  }

  private static Html files(RunHistory history) {
    Table table =
        new Table(
            "Files",
            Table.words("File"),
            Table.number("Bytes"),
            Table.digest("SHA-256"),
            Table.words("Path in the store"));
    for (Artifact artifact : history.artifacts().values()) {
      // The page does not know its own digest.
      if (!artifact.name().equals(RunReport.FILE)) {
        table.row(
            artifact.name(), Figures.count(artifact.bytes()), artifact.sha256(), artifact.path());
      }
    }
    Optional<Ended> ended = history.ended();
    if (table.isEmpty() && ended.isPresent()) {
      table.row(
          "adapter_model.safetensors",
          "not recorded",
          ended.get().weightsSha256(),
          ended.get().adapter() + "/adapter_model.safetensors");
    }
    return table.isEmpty() ? tag("p", "Nothing has been exported yet.") : table.html();
  }

  private static Html checkpoints(RunHistory history) {
    List<CheckpointRecord> all =
        history.entries().stream()
            .map(JournalEntry::event)
            .filter(Checkpointed.class::isInstance)
            .map(event -> ((Checkpointed) event).checkpoint())
            .toList();
    if (all.isEmpty()) {
      return Html.NOTHING;
    }
    Table table =
        new Table(
            "Checkpoints",
            Table.words("Step"),
            Table.number("Bytes"),
            Table.number("Took"),
            Table.digest("SHA-256 of its manifest"),
            Table.words("Path in the store"));
    for (CheckpointRecord checkpoint : all.subList(Math.max(0, all.size() - MOST), all.size())) {
      table.row(
          Figures.count(checkpoint.step()),
          Figures.count(checkpoint.bytes()),
          Figures.duration(checkpoint.wallMs()),
          checkpoint.sha256(),
          checkpoint.path());
    }
    return Html.of(tag("h3", Figures.count(all.size(), "checkpoint")), table.html());
  }

  /** Over all entries before it: of the end, where there is one. */
  private static Html seal(RunHistory history) {
    JournalEntry last =
        history.entries().stream()
            .filter(e -> e.event() instanceof Ended)
            .findFirst()
            .orElse(history.entries().get(history.entries().size() - 1));
    return Html.of(
        tag("h3", "Journal"),
        tag(
            "p",
            text("Entry " + Figures.count(last.entry()) + " is sealed with "),
            tag("code", last.seal()),
            text(
                ", a digest over itself and everything before it: whoever has this page finds a"
                    + " journal that was changed afterwards.")));
  }
}
