package io.retune.job;

import io.retune.config.CheckDoesNotHoldException;
import io.retune.config.ErrorCode;
import io.retune.config.Problem;
import io.retune.lineage.Rebuild;
import io.retune.lineage.Rebuild.Comparison;
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
 * {@code retune rebuild RUN}: the tables of a run from its record. What is there is held against
 * what the journal, and the files that it names, say; what is missing is added. Where a table has
 * rows that are neither, nothing is added, unless they are to be replaced.
 */
public final class RebuildJob {
  private final Workspace workspace;
  private final Store store;

  public RebuildJob(Workspace workspace) {
    this.workspace = workspace;
    this.store = workspace.store();
  }

  /**
   * @param repair puts what the record says in the place of rows that are not from it
   * @throws io.retune.config.InvalidInputException if there is no such run
   * @throws io.retune.lineage.DamagedJournalException if its journal is not as it was written
   * @throws io.retune.store.DamagedFileException if its plan is not
   * @throws CheckDoesNotHoldException if steps are missing, a file is not the one that was
   *     recorded, or a table has rows that are not from the record, and keeps them
   */
  public void execute(String start, boolean repair, boolean json) {
    String run = RunFolder.named(store, start).run();
    try (RunFolder folder = RunFolder.hold(store, run)) {
      RunHistory history = folder.history();
      List<Problem> problems = new ArrayList<>(gaps(history));
      problems.addAll(changedFiles(history));
      Rebuild rebuild = new Recording(workspace).rebuilt(folder, repair);
      boolean done = repair || !rebuild.hasStrangeRows();
      if (!done) {
        problems.addAll(strange(run, rebuild));
      }
      print(history, rebuild, done, problems, json);
      if (!problems.isEmpty()) {
        throw new CheckDoesNotHoldException(problems);
      }
    }
  }

  private static List<Problem> gaps(RunHistory history) {
    return history.gaps().stream()
        .map(
            gap ->
                new Problem(
                    ErrorCode.JOURNAL_DAMAGED,
                    "The journal of " + history.run(),
                    gap + ".",
                    "Restore it from a copy of the store: each step is there once."))
        .toList();
  }

  /** What is there, and what to do about it. */
  private static List<Problem> strange(String run, Rebuild rebuild) {
    List<Problem> problems = new ArrayList<>();
    for (Comparison table : rebuild.comparisons()) {
      if (table.strange() > 0) {
        problems.add(
            new Problem(
                ErrorCode.TABLES_DIFFER,
                "table " + table.table(),
                "has %s that the record of %s does not make%s. To see them: ./retune sql \"SELECT * FROM %s WHERE %s\""
                    .formatted(
                        Terminal.count(Math.toIntExact(table.strange()), "row"),
                        run,
                        table.missing() == 0
                            ? ""
                            : ", and lacks " + table.missing() + " that it makes",
                        table.table(),
                        table.where()),
                "Nothing was added to any table. ./retune rebuild "
                    + run
                    + " --repair puts the recorded rows in the place of these; Delta keeps the"
                    + " tables as they are now as older versions."));
      }
    }
    return problems;
  }

  private List<Problem> changedFiles(RunHistory history) {
    List<Problem> changed = new ArrayList<>();
    history
        .artifacts()
        .forEach(
            (name, artifact) -> {
              Path file = store.localPath(artifact.path());
              if (!Files.exists(file)) {
                changed.add(changed(file, "is missing."));
              } else if (!sha256(file).hex().equals(artifact.sha256())) {
                changed.add(changed(file, "is not the one that was recorded."));
              }
            });
    return changed;
  }

  private static Problem changed(Path file, String what) {
    return new Problem(
        ErrorCode.FILE_CHANGED,
        file.toString(),
        what,
        "Restore it from a copy of the store, or from where it was sent to.");
  }

  private static Sha256 sha256(Path file) {
    try {
      return Sha256.of(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void print(
      RunHistory history, Rebuild rebuild, boolean done, List<Problem> problems, boolean json) {
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
    if (!rebuild.unknown().isEmpty()) {
      terminal.say(
          "tables    not held against anything, as the snapshot is not there any more: %s",
          String.join(", ", rebuild.unknown()));
    }
    List<Line> lines = rebuild.comparisons().stream().map(table -> Line.of(table, done)).toList();
    if (json) {
      System.out.println(
          Json.write(
              Map.of(
                  "run", history.run(),
                  "entries", history.entries().size(),
                  "seal", history.seal(),
                  "steps", history.steps().size(),
                  "tables", lines,
                  "problems", problems.stream().map(Problem::fields).toList())));
      return;
    }
    RowsPrinter.print(
        List.of("table", "recorded rows", "in the table", "missing", "strange", "added", "removed"),
        lines.stream().map(Line::cells).toList(),
        System.out);
  }

  /**
   * A table as it was found, and what was done.
   *
   * @param journalRows that the record makes
   * @param strange rows that it does not make
   */
  private record Line(
      String table,
      long journalRows,
      long tableRows,
      long missing,
      long strange,
      long added,
      long removed) {
    static Line of(Comparison table, boolean done) {
      return new Line(
          table.table(),
          table.recorded(),
          table.there(),
          table.missing(),
          table.strange(),
          done ? table.missing() : 0,
          done ? table.strange() : 0);
    }

    List<String> cells() {
      return List.of(
          table,
          "" + journalRows,
          "" + tableRows,
          "" + missing,
          "" + strange,
          "" + added,
          "" + removed);
    }
  }
}
