package io.retune.job;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.retune.config.ErrorCode;
import io.retune.config.InvalidInputException;
import io.retune.evaluate.Samples;
import io.retune.lineage.RunHistory;
import io.retune.plan.Plan;
import io.retune.report.RunReport;
import io.retune.report.Sample;
import io.retune.report.ShownExamples;
import io.retune.store.Json;
import io.retune.store.LeaseHeldException;
import io.retune.store.Store;
import io.retune.store.UnwritableException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** {@code retune report RUN}: the page of a run, made again from what the store has of it. */
public final class ReportJob {
  private final Workspace workspace;

  public ReportJob(Workspace workspace) {
    this.workspace = workspace;
  }

  /**
   * @param start a run, or the start of its name
   * @param out where the page is written; empty: {@code runs/RUN/report.html} in the store, which
   *     belongs to whoever works on the run
   * @throws InvalidInputException if that is not one run, or the file cannot be written
   * @throws LeaseHeldException if a driver works on the run, and no other file is named
   */
  public void execute(String start, Optional<Path> out, boolean json) {
    RunHistory history = RunFolder.named(workspace.store(), start);
    history.declared().ifPresent(declared -> requireExamples(declared.snapshot().key()));
    Path file =
        out.orElseGet(() -> workspace.store().localPath("runs", history.run(), RunReport.FILE));
    if (out.isEmpty()) {
      remake(history.run(), file);
    } else {
      write(file, html(workspace, history, RunResult.of(workspace.store(), history).status()));
    }
    if (json) {
      System.out.println(Json.write(Map.of("run", history.run(), "report", file.toString())));
    } else {
      System.out.println(file);
    }
  }

  private void requireExamples(String snapshot) {
    Store store = workspace.store();
    if (!store.exists(store.path("snapshots", snapshot))) {
      throw InvalidInputException.of(
          ErrorCode.FILE_GONE,
          store.localPath("snapshots", snapshot).toString(),
          "is not there any more; it holds the examples that the page shows.",
          "Restore it, or run the recipe again; a page that the run wrote itself is still where it was.");
    }
  }

  /**
   * The page of a run that is over is one of its artifacts: where it has become another, that is
   * recorded. One that goes on later makes its page when it ends.
   */
  private void remake(String run, Path file) {
    try (RunFolder folder = held(run)) {
      if (folder.history().ended().isPresent()) {
        RunDocuments.writeReport(workspace, folder);
        new Recording(workspace).upToDate(folder);
      } else {
        write(file, html(workspace, folder.history(), RunResult.INTERRUPTED));
      }
    }
  }

  private RunFolder held(String run) {
    try {
      return RunFolder.hold(workspace.store(), run);
    } catch (LeaseHeldException e) {
      throw e.withRemedy(
          "For its page as it stands now, name a file of your own: ./retune report %s --out FILE"
              .formatted(run));
    }
  }

  /**
   * The page of a run that was planned.
   *
   * @param status as {@link RunResult} has it
   */
  static String html(Workspace workspace, RunHistory history, String status) {
    Plan plan = history.declared().orElseThrow().plan(workspace.store());
    ShownExamples examples =
        ShownExamples.read(workspace.spark(), workspace.store(), history, plan);
    return new RunReport(history, plan, status, examples, samples(workspace.store(), history.run()))
        .html();
  }

  /** Those that the run has written down; none where its recipe has no prompts. */
  private static List<Sample> samples(Store store, String run) {
    org.apache.hadoop.fs.Path file = store.path("runs", run, RunDocuments.SAMPLES);
    try {
      return store.exists(file)
          ? Json.read(store.read(file), Samples.class).samples().stream()
              .map(s -> new Sample(s.prompt(), s.before().text(), s.after().text()))
              .toList()
          : List.of();
    } catch (IOException e) {
      throw new UncheckedIOException(file + " is damaged", e);
    }
  }

  /** Whole, or not at all where it fails. */
  static void write(Path file, String page) {
    try {
      Store.write(file.toAbsolutePath(), out -> out.write(page.getBytes(UTF_8)));
    } catch (UnwritableException e) {
      throw InvalidInputException.notWritable(
          file.toString(), e.reason(), "Name a file in a folder that is there.");
    }
  }
}
