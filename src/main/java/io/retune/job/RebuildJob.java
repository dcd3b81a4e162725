package io.retune.job;

import io.retune.lineage.LineageTables.Comparison;
import io.retune.lineage.RowsPrinter;
import io.retune.lineage.RunHistory;
import io.retune.store.Json;
import io.retune.store.Sha256;
import io.retune.store.Store;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * {@code retune rebuild RUN}: the tables of a run from its journal. What is there is held against
 * what the journal says, what is missing is added, and what is neither is told.
 */
public final class RebuildJob {
  private final Workspace workspace;
  private final Store store;

  public RebuildJob(Workspace workspace) {
    this.workspace = workspace;
    this.store = workspace.store();
  }

  /**
   * @throws io.retune.config.InvalidInputException if there is no such run
   * @throws io.retune.lineage.DamagedJournalException if its journal is not as it was written
   * @throws CheckDoesNotHoldException if steps are missing, a file is not the one that was
   *     recorded, or a table has rows that are not from the journal
   */
  public void execute(String start, boolean json) {
    String run = RunFolder.named(store, start).run();
    try (RunFolder folder = RunFolder.hold(store, run)) {
      RunHistory history = folder.history();
      List<String> problems = new ArrayList<>(history.gaps());
      problems.addAll(changedFiles(history));
      List<Comparison> tables = new Recording(workspace).rebuilt(folder);
      tables.stream()
          .filter(table -> !table.isEqual())
          .map(table -> "the table " + table.table() + " has rows that are not from the journal")
          .forEach(problems::add);
      print(history, tables, problems, json);
      if (!problems.isEmpty()) {
        throw new CheckDoesNotHoldException(run + ": " + String.join("; ", problems) + ".");
      }
    }
  }

  private List<String> changedFiles(RunHistory history) {
    List<String> changed = new ArrayList<>();
    history
        .artifacts()
        .forEach(
            (name, artifact) -> {
              Path file = store.localPath(artifact.path());
              if (!Files.exists(file)) {
                changed.add("the file " + name + " is missing");
              } else if (!sha256(file).hex().equals(artifact.sha256())) {
                changed.add("the file " + name + " is not the one that was recorded");
              }
            });
    return changed;
  }

  private static Sha256 sha256(Path file) {
    try {
      return Sha256.of(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void print(
      RunHistory history, List<Comparison> tables, List<String> problems, boolean json) {
    Terminal terminal = json ? new Terminal(false) : new Terminal(System.out);
    terminal.say(
        "journal   %,d entries, each follows from the one before; the last seal is %s",
        history.entries().size(), history.seal());
    terminal.say(
        "steps     %d of %d, %s",
        history.steps().size(),
        history.declared().orElseThrow().steps(),
        history.gaps().isEmpty() ? "none missing, none twice" : String.join(", ", history.gaps()));
    terminal.say("files     %d, %s", history.artifacts().size(), "as recorded unless said below");
    if (json) {
      System.out.println(
          Json.write(
              Map.of(
                  "run", history.run(),
                  "entries", history.entries().size(),
                  "seal", history.seal(),
                  "steps", history.steps().size(),
                  "tables", tables,
                  "problems", problems)));
      return;
    }
    RowsPrinter.print(
        List.of("table", "rows in the journal", "in the table", "added", "not from the journal"),
        tables.stream()
            .map(
                table ->
                    List.of(
                        table.table(),
                        "" + table.journalRows(),
                        "" + table.tableRows(),
                        "" + table.added(),
                        "" + table.strange()))
            .toList(),
        System.out);
  }
}
