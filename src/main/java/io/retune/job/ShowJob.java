package io.retune.job;

import io.retune.lineage.RowsPrinter;
import io.retune.lineage.RunHistory;
import io.retune.report.RunLine;
import io.retune.report.RunReport;
import io.retune.report.RunsReport;
import io.retune.store.Json;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/**
 * {@code retune runs} and {@code retune show RUN}, from the runs' journals; a run that goes on is
 * shown as far as it is.
 */
public final class ShowJob {
  private final Workspace workspace;

  public ShowJob(Workspace workspace) {
    this.workspace = workspace;
  }

  /**
   * The page of all runs. Links to the runs' own pages are relative where it lies in the store, so
   * that they hold when the store moves.
   *
   * @throws io.retune.config.InvalidInputException if the file cannot be written
   */
  public void page(Path file) {
    List<RunLine> runs =
        RunFolder.names(workspace.store()).stream()
            .flatMap(run -> known(run, () -> declared(run).map(history -> line(history, file))))
            .sorted(Comparator.comparing(RunLine::startedAt).reversed())
            .toList();
    ReportJob.write(file, new RunsReport(runs).html());
    System.out.println(file);
  }

  private RunLine line(RunHistory history, Path from) {
    Path page = workspace.store().localPath("runs", history.run(), RunReport.FILE);
    Optional<String> link =
        Files.exists(page)
            ? Optional.of(link(from.toAbsolutePath().normalize(), page))
            : Optional.empty();
    return RunLine.of(history, result(history).status(), link);
  }

  private String link(Path from, Path page) {
    return from.startsWith(workspace.store().localPath())
        ? encoded(from.getParent().relativize(page))
        : page.toUri().toString();
  }

  private static String encoded(Path relative) {
    try {
      String path =
          StreamSupport.stream(relative.spliterator(), false)
              .map(Path::toString)
              .collect(Collectors.joining("/"));
      return new URI(null, null, path, null).getRawPath();
    } catch (URISyntaxException e) {
      throw new IllegalArgumentException(relative.toString(), e);
    }
  }

  private RunResult result(RunHistory history) {
    return RunResult.of(workspace.store(), history);
  }

  /**
   * Of one run at a time, and of a damaged one that it is damaged: the others are shown all the
   * same.
   */
  private static <T> Stream<T> known(String run, Supplier<Optional<T>> shown) {
    try {
      return shown.get().stream();
    } catch (RuntimeException e) {
      System.err.println(run + ": " + e.getMessage());
      return Stream.empty();
    }
  }

  /** The run's, once it is declared. */
  private Optional<RunHistory> declared(String run) {
    return Optional.of(RunFolder.figures(workspace.store(), run))
        .filter(history -> history.declared().isPresent());
  }

  /** All runs, the latest first. */
  public void runs(boolean json) {
    List<RunResult> runs =
        RunFolder.names(workspace.store()).stream()
            .flatMap(run -> known(run, () -> declared(run).map(this::result)))
            .sorted(Comparator.comparing(RunResult::startedAt).reversed())
            .toList();
    if (json) {
      System.out.println(Json.write(runs));
      return;
    }
    List<List<String>> lines = new ArrayList<>();
    for (RunResult run : runs) {
      RunResult.Metric loss = run.metrics().get("eval/loss");
      lines.add(
          List.of(
              run.run(),
              run.status(),
              run.stepsDone() + "/" + run.steps(),
              loss == null ? "" : String.format(Locale.ROOT, "%.4f", loss.before()),
              loss == null ? "" : String.format(Locale.ROOT, "%.4f", loss.after()),
              loss == null ? "" : loss.verdict(),
              run.weightsSha256() == null ? "" : run.weightsSha256().substring(0, 12),
              Instant.parse(run.startedAt()).truncatedTo(ChronoUnit.SECONDS).toString()));
    }
    RowsPrinter.print(
        List.of("run", "status", "steps", "loss before", "after", "verdict", "weights", "started"),
        lines,
        System.out);
  }

  private Optional<RunHistory> held(String run) {
    return RunFolder.isHeld(workspace.store(), run) ? declared(run) : Optional.empty();
  }

  /** The runs that a driver holds now. */
  public void status(boolean json) {
    List<RunHistory> held =
        RunFolder.names(workspace.store()).stream()
            .flatMap(run -> known(run, () -> held(run)))
            .sorted(Comparator.comparing(RunHistory::startedAt).reversed())
            .toList();
    if (json) {
      System.out.println(Json.write(held.stream().map(this::result).toList()));
      return;
    }
    List<List<String>> lines = new ArrayList<>();
    for (RunHistory history : held) {
      Pace pace = Pace.of(history);
      boolean begun = pace.step() > 0;
      lines.add(
          List.of(
              history.run(),
              pace.step() + "/" + history.declared().orElseThrow().steps(),
              begun ? String.format(Locale.ROOT, "%.4f", pace.loss()) : "",
              pace.sparkline(20),
              begun ? String.format(Locale.ROOT, "%.0f", pace.tokensPerSecond()) : "",
              begun ? Pace.clock(pace.secondsLeft()) : "",
              "" + history.attempts().size()));
    }
    RowsPrinter.print(
        List.of("run", "step", "loss", "", "tokens/s", "left", "attempt"), lines, System.out);
  }

  /**
   * @param start a run, or the start of its name
   * @throws io.retune.config.InvalidInputException if that is not one run
   */
  public void show(String start, boolean json) {
    RunResult result = result(RunFolder.named(workspace.store(), start));
    if (json) {
      System.out.println(Json.write(result));
    } else {
      Summary.print(new Terminal(System.out), result, workspace);
    }
  }
}
