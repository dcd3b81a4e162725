package io.retune.lineage;

import io.retune.evaluate.Comparison;
import io.retune.lineage.JournalEntry.AttemptEnded;
import io.retune.lineage.JournalEntry.AttemptStarted;
import io.retune.lineage.JournalEntry.Checkpointed;
import io.retune.lineage.JournalEntry.Declared;
import io.retune.lineage.JournalEntry.Ended;
import io.retune.lineage.JournalEntry.Evaluated;
import io.retune.lineage.JournalEntry.Stepped;
import io.retune.plan.Plan;
import io.retune.train.CheckpointRecord;
import io.retune.train.EvaluationRecord;
import io.retune.train.StepRecord;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A journal's entries as rows of the tables about runs: columns by name. */
final class RunRows {
  /**
   * Tables whose rows come from journals. The run's end comes last: who sees it, sees all the rest.
   */
  static final List<String> TABLES =
      List.of(
          "runs",
          "attempts",
          "steps",
          "checkpoints",
          "evaluations",
          "evaluation_examples",
          "run_ends");

  private final RunHistory history;
  private final Plan plan;
  private final String run;

  RunRows(RunHistory history, Plan plan) {
    this.history = history;
    this.plan = plan;
    this.run = history.run();
  }

  /** The rows of {@code table} that an entry makes. */
  List<Map<String, Object>> of(String table, JournalEntry entry) {
    JournalEntry.Event event = entry.event();
    if (table.equals("runs") && event instanceof Declared declared) {
      return List.of(run(entry, declared));
    } else if (table.equals("attempts") && event instanceof AttemptEnded ended) {
      return List.of(attempt(entry, ended));
    } else if (table.equals("steps") && event instanceof Stepped stepped) {
      return List.of(step(entry, stepped.attempt(), stepped.step()));
    } else if (table.equals("checkpoints") && event instanceof Checkpointed written) {
      return List.of(checkpoint(entry, written.attempt(), written.checkpoint()));
    } else if (table.equals("evaluations") && event instanceof Evaluated evaluated) {
      return List.of(evaluation(entry, evaluated.attempt(), evaluated.evaluation()));
    } else if (table.equals("evaluation_examples") && event instanceof Evaluated evaluated) {
      return examples(entry, evaluated.evaluation());
    } else if (table.equals("run_ends") && event instanceof Ended ended) {
      return List.of(end(entry, ended));
    }
    return List.of();
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
    row.put("experiment", declared.experiment());
    row.put("model_sha256", declared.modelSha256());
    row.put("snapshot_key", declared.snapshotKey());
    row.put("snapshot_sha256", declared.snapshotSha256());
    row.put("plan_key", declared.planKey());
    row.put("plan_sha256", declared.planSha256());
    row.put("steps", declared.steps());
    row.put("target_tokens", declared.targetTokens());
    row.put("started_at", entry.time());
    return row;
  }

  private Map<String, Object> attempt(JournalEntry entry, AttemptEnded ended) {
    JournalEntry start =
        history.entries().stream()
            .filter(
                e ->
                    e.event() instanceof AttemptStarted started
                        && started.attempt() == ended.attempt())
            .findFirst()
            .orElseThrow();
    AttemptStarted started = (AttemptStarted) start.event();
    Map<String, Object> row = row(entry);
    row.put("attempt", started.attempt());
    row.put("world_size", started.ranks().size());
    row.put("resumed_from", started.resumedFrom());
    row.put("processes", started.ranks().stream().map(r -> r.host() + ":" + r.pid()).toList());
    row.put("lanes", started.ranks().stream().map(r -> r.lanes()).toList());
    row.put("numerics", started.numerics());
    row.put("numerics_sha256", started.numericsSha256());
    row.put("steps_recomputed", ended.stepsRecomputed());
    row.put("started_at", start.time());
    row.put("ended_at", entry.time());
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
    row.put("tensor_digests", step.tensorDigests());
    row.put("compute_ms", step.computeMs());
    row.put("exchange_ms", step.exchangeMs());
    row.put("wait_ms", step.waitMs());
    row.put("data_ms", step.dataMs());
    row.put("wall_ms", step.wallMs());
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
      row.put("target_tokens", plan.evaluationTargets()[i]);
      row.put("loss", evaluation.lossSums()[i]);
      rows.add(row);
    }
    return rows;
  }

  private Map<String, Object> end(JournalEntry entry, Ended ended) {
    List<AttemptStarted> attempts = history.attempts();
    Map<String, Object> row = row(entry);
    row.put("status", "finished");
    row.put("exported_step", history.lastStep());
    row.put("weights_sha256", ended.weightsSha256());
    row.put("adapter", ended.adapter());
    row.put("numerics_sha256", attempts.get(attempts.size() - 1).numericsSha256());
    row.put("loss_before", ended.lossBefore());
    row.put("loss_after", ended.lossAfter());
    row.put("loss_low", ended.low());
    row.put("loss_high", ended.high());
    row.put("time_ms", ended.timeMs());
    row.put("ended_at", entry.time());
    return row;
  }
}
