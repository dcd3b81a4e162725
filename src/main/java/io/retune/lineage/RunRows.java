package io.retune.lineage;

import io.retune.evaluate.Comparison;
import io.retune.evaluate.GroupComparison;
import io.retune.evaluate.SuccessMetric;
import io.retune.lineage.JournalEntry.Artifact;
import io.retune.lineage.JournalEntry.AttemptEnded;
import io.retune.lineage.JournalEntry.AttemptStarted;
import io.retune.lineage.JournalEntry.Checkpointed;
import io.retune.lineage.JournalEntry.Declared;
import io.retune.lineage.JournalEntry.Delivered;
import io.retune.lineage.JournalEntry.DriverStarted;
import io.retune.lineage.JournalEntry.Ended;
import io.retune.lineage.JournalEntry.Evaluated;
import io.retune.lineage.JournalEntry.Failed;
import io.retune.lineage.JournalEntry.Stepped;
import io.retune.lineage.JournalEntry.Written;
import io.retune.plan.Plan;
import io.retune.train.CheckpointRecord;
import io.retune.train.EvaluationRecord;
import io.retune.train.Machine;
import io.retune.train.RankEvent;
import io.retune.train.StepRecord;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * A journal's entries as rows of the tables about runs: columns by name. What tables hold and what
 * is published are these very rows.
 */
public final class RunRows {
  /**
   * Tables whose rows come from journals. The run's end comes last: who sees it, sees all the rest.
   */
  static final List<String> TABLES =
      List.of(
          "runs",
          "drivers",
          "attempts",
          "steps",
          "checkpoints",
          "evaluations",
          "evaluation_examples",
          "verdicts",
          "success_metrics",
          "run_failures",
          "artifacts",
          "deliveries",
          "run_ends");

  private final RunHistory history;
  private final Plan plan;
  private final String run;

  public RunRows(RunHistory history, Plan plan) {
    this.history = history;
    this.plan = plan;
    this.run = history.run();
  }

  /** The rows of a table, in the order of their entries. */
  public List<Map<String, Object>> of(String table) {
    return behind(0, table);
  }

  /**
   * Those that entries behind {@code entry} make; no others are made. Entries are numbered from 1
   * without a gap, or the journal is refused as damaged: an entry's number is how many there are up
   * to it.
   */
  public List<Map<String, Object>> behind(long entry, String table) {
    List<JournalEntry> entries = history.entries();
    int from = (int) Math.min(entry, entries.size());
    List<Map<String, Object>> rows = new ArrayList<>();
    for (JournalEntry each : entries.subList(from, entries.size())) {
      Optional.ofNullable(of(each).get(table)).ifPresent(made -> rows.addAll(made.get()));
    }
    return rows;
  }

  /** Of every table, the run's end last. */
  List<Slice> slices() {
    long entries = history.entries().size();
    return TABLES.stream().map(table -> Slice.ofRun(table, run, entries, of(table))).toList();
  }

  /** By table. */
  private Map<String, Supplier<List<Map<String, Object>>>> of(JournalEntry entry) {
    JournalEntry.Event event = entry.event();
    if (event instanceof DriverStarted started) {
      return Map.of("drivers", () -> List.of(driver(entry, started)));
    } else if (event instanceof Declared declared) {
      return Map.of("runs", () -> List.of(run(entry, declared)));
    } else if (event instanceof AttemptEnded ended) {
      return Map.of(
          "attempts",
          () ->
              history.start(ended.attempt()).stream()
                  .map(start -> attempt(start, entry, ended))
                  .toList());
    } else if (event instanceof Stepped stepped) {
      return Map.of("steps", () -> List.of(step(entry, stepped.attempt(), stepped.step())));
    } else if (event instanceof Checkpointed written) {
      return Map.of(
          "checkpoints", () -> List.of(checkpoint(entry, written.attempt(), written.checkpoint())));
    } else if (event instanceof Evaluated evaluated) {
      EvaluationRecord evaluation = evaluated.evaluation();
      return Map.of(
          "evaluations",
          () -> List.of(evaluation(entry, evaluated.attempt(), evaluation)),
          "evaluation_examples",
          () -> examples(entry, evaluation));
    } else if (event instanceof Ended ended) {
      return Map.of(
          "verdicts", () -> verdicts(entry, ended),
          "success_metrics", () -> success(entry, ended),
          "run_ends", () -> List.of(end(entry, ended)));
    } else if (event instanceof Failed failed) {
      return Map.of("run_failures", () -> List.of(failure(entry, failed)));
    } else if (event instanceof Written written) {
      return Map.of(
          "artifacts", () -> written.artifacts().stream().map(a -> artifact(entry, a)).toList());
    } else if (event instanceof Delivered delivered) {
      return Map.of("deliveries", () -> List.of(delivery(entry, delivered)));
    }
    return Map.of();
  }

  private Map<String, Object> row(JournalEntry entry) {
    Map<String, Object> row = new LinkedHashMap<>();
    row.put("run", run);
    row.put("entry", entry.entry());
    return row;
  }

  private Map<String, Object> run(JournalEntry entry, Declared declared) {
    Map<String, Object> row = row(entry);
    row.put("request", declared.request());
    row.put("name", declared.name());
    row.put("experiment", declared.asked().experiment());
    row.put("model_sha256", declared.modelSha256());
    row.put("snapshot_key", declared.snapshot().key());
    row.put("snapshot_sha256", declared.snapshot().root().hex());
    row.put("plan_key", declared.planKey());
    row.put("plan_sha256", declared.planSha256());
    row.put("plan_manifest_sha256", known(declared.planManifestSha256()));
    row.put("evaluation_sha256", known(declared.evaluationSha256()));
    row.put("steps", declared.steps());
    row.put("tokens", declared.tokens());
    row.put("target_tokens", declared.targetTokens());
    row.put("started_at", entry.time());
    return row;
  }

  /** Null in journals of before it was noted. */
  private static Object known(String digest) {
    return digest.isEmpty() ? null : digest;
  }

  private Map<String, Object> driver(JournalEntry entry, DriverStarted started) {
    Environment environment = started.environment();
    Environment.Code code = environment.code();
    Machine machine = environment.machine();
    Map<String, Object> row = row(entry);
    row.put("driver", started.driver());
    row.put("started_by", environment.user());
    row.put("version", code.version());
    row.put("code_commit", code.commit());
    row.put("code_branch", code.branch());
    row.put("code_diff_sha256", code.diffSha256());
    row.put("program_sha256", code.programSha256());
    row.put("java", environment.java());
    row.put("jvm_flags", environment.jvmFlags());
    row.put("host", machine.host());
    row.put("os", machine.os());
    row.put("cpu", machine.cpu());
    row.put("cores", machine.cores());
    row.put("memory_bytes", machine.memoryBytes());
    row.put("gpus", machine.gpus());
    row.put("spark", environment.spark());
    row.put("libraries", environment.libraries());
    row.put("started_at", entry.time());
    return row;
  }

  private Map<String, Object> attempt(JournalEntry start, JournalEntry entry, AttemptEnded ended) {
    AttemptStarted started = (AttemptStarted) start.event();
    Map<String, Object> row = row(entry);
    row.put("attempt", started.attempt());
    row.put("driver", history.driverAt(start));
    row.put("world_size", started.ranks().size());
    row.put("resumed_from", started.resumedFrom());
    row.put("processes", started.ranks().stream().map(r -> r.host() + ":" + r.pid()).toList());
    row.put("lanes", started.ranks().stream().map(RankEvent.Rank::lanes).toList());
    row.put("total_lanes", started.ranks().stream().mapToInt(RankEvent.Rank::lanes).sum());
    List<Machine> machines = started.ranks().stream().map(RankEvent.Rank::machine).toList();
    row.put("cpus", machines.stream().map(Machine::cpu).toList());
    row.put("cores", machines.stream().map(Machine::cores).toList());
    row.put("memory_bytes", machines.stream().map(Machine::memoryBytes).toList());
    row.put("gpus", machines.stream().flatMap(m -> m.gpus().stream()).toList());
    row.put(
        "gpu_addresses", started.ranks().stream().map(r -> String.join(",", r.gpus())).toList());
    row.put("numerics", started.numerics());
    row.put("numerics_sha256", started.numericsSha256());
    row.put("steps_recomputed", ended.stepsRecomputed());
    row.put("recording_cpu_ms", ended.recordingCpuMs());
    row.put("started_at", start.time());
    row.put("ended_at", entry.time());
    row.put("wall_ms", history.took(start, entry).toMillis());
    row.put("outcome", ended.end());
    return row;
  }

  private Map<String, Object> step(JournalEntry entry, int attempt, StepRecord step) {
    Map<String, Object> row = row(entry);
    row.put("step", step.step());
    row.put("attempt", attempt);
    row.put("loss", step.loss());
    row.put("learning_rate", step.learningRate());
    row.put("grad_norm", step.gradNorm());
    row.put("micro_batches", step.microBatches());
    row.put("tokens", step.tokens());
    row.put("target_tokens", step.targetTokens());
    row.put("leaf_digests", step.leafDigests());
    row.put("gradient_digest", step.gradientDigest().all());
    row.put("tensor_prefixes", step.gradientDigest().tensors());
    row.put("compute_ms", step.computeMs());
    row.put("exchange_ms", step.exchangeMs());
    row.put("wait_ms", step.waitMs());
    row.put("data_ms", step.dataMs());
    row.put("record_ms", step.recordMs());
    row.put("wall_ms", step.wallMs());
    row.put("memory_bytes", step.memoryBytes());
    row.put("done_at", entry.time());
    return row;
  }

  private Map<String, Object> checkpoint(
      JournalEntry entry, int attempt, CheckpointRecord checkpoint) {
    Map<String, Object> row = row(entry);
    row.put("step", checkpoint.step());
    row.put("attempt", attempt);
    row.put("path", checkpoint.path());
    row.put("sha256", checkpoint.sha256());
    row.put("bytes", checkpoint.bytes());
    row.put("wall_ms", checkpoint.wallMs());
    row.put("written_at", entry.time());
    return row;
  }

  private Map<String, Object> evaluation(
      JournalEntry entry, int attempt, EvaluationRecord evaluation) {
    int[] targets = plan.evaluationTargets();
    Map<String, Object> row = row(entry);
    row.put("step", evaluation.step());
    row.put("attempt", attempt);
    row.put("loss", Comparison.mean(evaluation.lossSums(), targets));
    row.put("examples", targets.length);
    row.put("target_tokens", Arrays.stream(targets).asLongStream().sum());
    row.put("wall_ms", evaluation.wallMs());
    row.put("done_at", entry.time());
    return row;
  }

  private List<Map<String, Object>> examples(JournalEntry entry, EvaluationRecord evaluation) {
    List<Map<String, Object>> rows = new ArrayList<>();
    for (int i = 0; i < evaluation.lossSums().length; i++) {
      Map<String, Object> row = row(entry);
      row.put("step", evaluation.step());
      row.put("example_id", plan.evaluationExamples().get(i));
      row.put(
          "group_value", plan.evaluationGroups().isEmpty() ? null : plan.evaluationGroups().get(i));
      row.put("target_tokens", plan.evaluationTargets()[i]);
      row.put("loss", evaluation.lossSums()[i]);
      rows.add(row);
    }
    return rows;
  }

  private Map<String, Object> end(JournalEntry entry, Ended ended) {
    List<AttemptStarted> attempts = history.attempts();
    Map<String, Object> row = row(entry);
    row.put("status", RunStatus.FINISHED.word());
    row.put("exported_step", history.lastStep());
    row.put("weights_sha256", ended.weightsSha256());
    row.put("adapter", ended.adapter());
    row.put("numerics_sha256", attempts.get(attempts.size() - 1).numericsSha256());
    Comparison loss = ended.whole();
    row.put("loss_before", loss.before());
    row.put("loss_after", loss.after());
    row.put("loss_low", loss.low());
    row.put("loss_high", loss.high());
    row.put("verdict", loss.verdict().words());
    row.put("success", success(ended.success()));
    ended.timeMs().forEach((stage, ms) -> row.put(stage + "_ms", ms));
    row.put("ended_at", entry.time());
    row.put("journal_seal", entry.seal());
    return row;
  }

  /** Null where nothing was asked for. */
  private static Object success(List<SuccessMetric> metrics) {
    return metrics.isEmpty() ? null : SuccessMetric.allMet(metrics);
  }

  private List<Map<String, Object>> success(JournalEntry entry, Ended ended) {
    List<Map<String, Object>> rows = new ArrayList<>();
    for (SuccessMetric metric : ended.success()) {
      Map<String, Object> row = row(entry);
      row.put("metric", metric.metric());
      row.put("required", metric.required());
      row.put("found", metric.found());
      row.put("met", metric.met());
      rows.add(row);
    }
    return rows;
  }

  private List<Map<String, Object>> verdicts(JournalEntry entry, Ended ended) {
    List<Map<String, Object>> rows = new ArrayList<>();
    for (GroupComparison group : ended.loss()) {
      Comparison loss = group.comparison();
      Map<String, Object> row = row(entry);
      row.put("metric", "eval/loss");
      row.put("group_value", group.isWhole() ? null : group.group());
      row.put("examples", group.examples());
      row.put("target_tokens", group.targetTokens());
      row.put("loss_before", loss.before());
      row.put("loss_after", loss.after());
      row.put("difference", loss.after() - loss.before());
      row.put("low", loss.low());
      row.put("high", loss.high());
      row.put("verdict", loss.verdict().words());
      rows.add(row);
    }
    return rows;
  }

  private Map<String, Object> failure(JournalEntry entry, Failed failed) {
    Map<String, Object> row = row(entry);
    row.put("kind", failed.kind());
    row.put("cause", failed.cause());
    row.put(
        "steps_done",
        history.entries().stream()
            .takeWhile(e -> e.entry() < entry.entry())
            .filter(e -> e.event() instanceof Stepped)
            .count());
    row.put("failed_at", entry.time());
    return row;
  }

  private Map<String, Object> artifact(JournalEntry entry, Artifact artifact) {
    Map<String, Object> row = row(entry);
    row.put("name", artifact.name());
    row.put("path", artifact.path());
    row.put("sha256", artifact.sha256());
    row.put("bytes", artifact.bytes());
    row.put("written_at", entry.time());
    return row;
  }

  private Map<String, Object> delivery(JournalEntry entry, Delivered delivered) {
    Map<String, Object> row = row(entry);
    row.put("server", delivered.server());
    row.put("server_experiment", delivered.experimentId());
    row.put("server_run", delivered.serverRun());
    row.put("kind", delivered.kind());
    row.put("item", delivered.item());
    row.put("through", delivered.through());
    row.put("count", delivered.count());
    row.put("sha256", delivered.sha256());
    row.put("cpu_ms", delivered.cpuMs());
    row.put("acknowledged_at", entry.time());
    return row;
  }
}
