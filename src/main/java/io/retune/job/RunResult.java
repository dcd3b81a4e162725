package io.retune.job;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import io.retune.evaluate.Comparison;
import io.retune.evaluate.GroupComparison;
import io.retune.evaluate.SuccessMetric;
import io.retune.lineage.JournalEntry;
import io.retune.lineage.JournalEntry.AttemptEnded;
import io.retune.lineage.JournalEntry.AttemptStarted;
import io.retune.lineage.JournalEntry.Declared;
import io.retune.lineage.JournalEntry.Ended;
import io.retune.lineage.RunHistory;
import io.retune.lineage.RunStatus;
import io.retune.report.RunReport;
import io.retune.store.Store;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * What {@code retune run --json} and {@code retune show --json} end with; the names of its keys are
 * kept stable.
 *
 * @param status word of its {@link RunStatus}
 * @param request what a retry is recognised by
 * @param steps that are planned
 * @param stepsDone that were done
 * @param loss of the last one, nats per target token; absent before the first
 * @param secondsLeft of training, while a driver works on it, at the speed so far
 * @param weightsSha256 of the exported {@code adapter_model.safetensors}, as sha256sum prints it;
 *     absent until finished, like adapter and metrics
 * @param adapter absolute path of the exported directory
 * @param report absolute path of its page; absent until finished
 * @param tracking page of the tracking server that has the run
 * @param metrics of the whole frozen split; {@code groups}: its loss by group, where the recipe
 *     names a column for it
 * @param success what the recipe asks for, and whether the run came to it
 * @param timeMs milliseconds by stage of the driver that finished the run
 */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
@JsonInclude(JsonInclude.Include.NON_NULL)
public record RunResult(
    String run,
    String request,
    String name,
    String experiment,
    String status,
    int steps,
    int stepsDone,
    Double loss,
    Long secondsLeft,
    long targetTokens,
    String modelSha256,
    String snapshotSha256,
    String planSha256,
    String numericsSha256,
    String weightsSha256,
    String adapter,
    String report,
    String tracking,
    List<Attempt> attempts,
    Map<String, Metric> metrics,
    Map<String, Metric> groups,
    List<SuccessMetric> success,
    Map<String, Long> timeMs,
    @JsonIgnore String startedAt) {
  static final String FINISHED = "finished";
  static final String INTERRUPTED = "interrupted";

  /**
   * One start of the ranks.
   *
   * @param end {@code finished}, or why it ended
   * @param processes of the ranks, {@code host:pid}
   * @param stepsRecomputed steps that an earlier attempt had done; each was equal
   */
  @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
  public record Attempt(
      int worldSize, int resumedFrom, String end, List<String> processes, int stepsRecomputed) {
    private static Attempt of(AttemptStarted started, Optional<AttemptEnded> ended, boolean runs) {
      return new Attempt(
          started.ranks().size(),
          started.resumedFrom(),
          ended
              .map(AttemptEnded::end)
              .orElse(runs ? RunStatus.RUNNING.word() : AttemptEnded.DRIVER_LOST),
          started.ranks().stream().map(r -> r.host() + ":" + r.pid()).toList(),
          ended.map(AttemptEnded::stepsRecomputed).orElse(0));
    }
  }

  /**
   * A metric before and after training; {@code low} and {@code high} bound after - before.
   *
   * @param verdict {@code better}, {@code worse} or {@code no difference shown}
   */
  public record Metric(double before, double after, double low, double high, String verdict) {
    private static Metric of(Comparison loss) {
      return new Metric(
          loss.before(), loss.after(), loss.low(), loss.high(), loss.verdict().words());
    }

    Comparison comparison() {
      return new Comparison(before, after, low, high);
    }
  }

  /** By value of the recipe's {@code evaluation.group-by}. */
  private static Map<String, Metric> groups(List<GroupComparison> loss) {
    Map<String, Metric> groups = new TreeMap<>();
    loss.stream().skip(1).forEach(g -> groups.put(g.group(), Metric.of(g.comparison())));
    return groups;
  }

  /** Of a run that was declared. */
  static RunResult of(Store store, RunHistory history) {
    Declared declared = history.declared().orElseThrow();
    Optional<Ended> ended = history.ended();
    boolean held = RunFolder.isHeld(store, declared.run());
    Pace pace = Pace.of(history);
    List<Attempt> attempts = new ArrayList<>();
    String numerics = null;
    for (AttemptStarted started : history.attempts()) {
      attempts.add(Attempt.of(started, history.end(started.attempt()), held));
      numerics = started.numericsSha256();
    }
    return new RunResult(
        declared.run(),
        declared.request(),
        declared.name(),
        declared.asked().experiment(),
        status(ended, held).word(),
        declared.steps(),
        history.lastStep(),
        pace.step() > 0 ? pace.loss() : null,
        held && ended.isEmpty() && pace.step() > 0 ? pace.secondsLeft() : null,
        declared.targetTokens(),
        declared.modelSha256(),
        declared.snapshot().root().hex(),
        declared.planSha256(),
        numerics,
        ended.map(Ended::weightsSha256).orElse(null),
        ended.map(e -> adapter(store, e)).orElse(null),
        report(store, history),
        TrackedRuns.page(history).orElse(null),
        attempts,
        ended.map(e -> Map.of("eval/loss", Metric.of(e.whole()))).orElse(Map.of()),
        ended.map(e -> groups(e.loss())).orElse(Map.of()),
        ended.map(Ended::success).orElse(List.of()),
        ended.<Map<String, Long>>map(Ended::timeMs).orElse(Map.of()),
        history.startedAt());
  }

  private static RunStatus status(Optional<Ended> ended, boolean held) {
    if (ended.isPresent()) {
      return RunStatus.FINISHED;
    }
    return held ? RunStatus.RUNNING : RunStatus.INTERRUPTED;
  }

  private static String report(Store store, RunHistory history) {
    JournalEntry.Artifact page = history.artifacts().get(RunReport.FILE);
    return page == null ? null : store.localPath(page.path()).toString();
  }

  private static String adapter(Store store, Ended ended) {
    return store.localPath(ended.adapter()).toString();
  }
}
