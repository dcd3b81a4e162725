package io.retune.job;

import io.retune.config.TrackingSite;
import io.retune.evaluate.GroupComparison;
import io.retune.evaluate.SuccessMetric;
import io.retune.lineage.Environment;
import io.retune.lineage.JournalEntry;
import io.retune.lineage.JournalEntry.Declared;
import io.retune.lineage.JournalEntry.Delivered;
import io.retune.lineage.JournalEntry.DriverStarted;
import io.retune.lineage.JournalEntry.Ended;
import io.retune.lineage.JournalEntry.Failed;
import io.retune.lineage.RunHistory;
import io.retune.lineage.RunRows;
import io.retune.lineage.Setting;
import io.retune.lineage.Withheld;
import io.retune.model.AdapterFiles;
import io.retune.plan.Plan;
import io.retune.store.Json;
import io.retune.store.Sha256;
import io.retune.store.Store;
import io.retune.tracking.Delivery;
import io.retune.tracking.Mlflow;
import io.retune.tracking.TrackedRun;
import io.retune.tracking.TrackedRun.Artifact;
import io.retune.tracking.TrackedRun.DatasetInput;
import io.retune.tracking.TrackedRun.LoggedModel;
import io.retune.tracking.TrackedRun.Metric;
import io.retune.tracking.TrackedRun.Metrics;
import io.retune.tracking.TrackedRun.Registration;
import io.retune.tracking.TrackedRun.Status;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * A run as a tracking server shows it, from the rows that its tables have. Names follow Hugging
 * Face's habit: what stands before the first slash groups the charts.
 */
final class TrackedRuns {
  /** MLflow shows 36 characters. */
  private static final int DIGEST_CHARACTERS = 32;

  private final Store store;
  private final TrackingSite site;
  private final RunHistory history;
  private final Declared declared;
  private final RunRows rows;

  private TrackedRuns(Store store, TrackingSite site, RunHistory history, Plan plan) {
    this.store = store;
    this.site = site;
    this.history = history;
    this.declared = history.declared().orElseThrow();
    this.rows = new RunRows(history, plan);
  }

  /** As it stands now, with a driver that works on it. */
  static TrackedRun of(Store store, TrackingSite site, RunHistory history, Plan plan) {
    return new TrackedRuns(store, site, history, plan).tracked(Optional.empty());
  }

  /** As its last driver left it: where that did not live to say how it ended, it was killed. */
  static TrackedRun left(Store store, TrackingSite site, RunHistory history, Plan plan) {
    return new TrackedRuns(store, site, history, plan)
        .tracked(
            history.entries().stream()
                .filter(entry -> !(entry.event() instanceof Delivered))
                .reduce((first, last) -> last));
  }

  /** What servers have acknowledged of it, in that order. */
  static List<Delivery> deliveries(RunHistory history) {
    List<Delivery> deliveries = new ArrayList<>();
    for (JournalEntry entry : history.entries()) {
      if (entry.event() instanceof Delivered it) {
        deliveries.add(
            new Delivery(
                history.run(),
                it.server(),
                it.experimentId(),
                it.serverRun(),
                Delivery.Kind.of(it.kind()),
                it.item(),
                it.through(),
                it.count(),
                new Sha256(it.sha256()),
                Instant.parse(entry.time())));
      }
    }
    return deliveries;
  }

  /** For a browser; empty while no server has acknowledged anything. */
  static Optional<String> page(RunHistory history) {
    return deliveries(history).stream()
        .reduce((first, last) -> last)
        .map(
            delivery ->
                Mlflow.page(delivery.server(), delivery.experiment(), delivery.mlflowRun())
                    .toString());
  }

  /**
   * For the journal.
   *
   * @param cpuMs what it took
   */
  static Delivered entry(Delivery delivery, double cpuMs) {
    return new Delivered(
        delivery.server(),
        delivery.experiment(),
        delivery.mlflowRun(),
        delivery.kind().text(),
        delivery.item(),
        delivery.through(),
        delivery.count(),
        delivery.sha256().hex(),
        cpuMs);
  }

  /**
   * @param lost the last sign of a driver that is gone
   */
  private TrackedRun tracked(Optional<JournalEntry> lost) {
    Optional<JournalEntry> end = end().or(() -> lost);
    return new TrackedRun(
        history.run(),
        site.experiment().orElse(declared.name()),
        history.run(),
        summary(),
        Instant.parse(history.startedAt()),
        end.map(entry -> Instant.parse(entry.time())),
        end.map(TrackedRuns::status).orElse(Status.RUNNING),
        tags(),
        params(),
        new Curves(),
        inputs(),
        history.artifacts().values().stream()
            .filter(this::isForOthers)
            .map(this::artifact)
            .toList(),
        Optional.ofNullable(history.artifacts().get("adapter/" + AdapterFiles.WEIGHTS))
            .map(
                weights ->
                    new LoggedModel(
                        "adapter",
                        site.registeredModel().map(name -> new Registration(name, site.alias())))));
  }

  private static Status status(JournalEntry end) {
    if (end.event() instanceof Ended) {
      return Status.FINISHED;
    }
    return end.event() instanceof Failed ? Status.FAILED : Status.KILLED;
  }

  /** The run's end, or where its last driver gave up. */
  private Optional<JournalEntry> end() {
    Optional<JournalEntry> end = Optional.empty();
    for (JournalEntry entry : history.entries()) {
      if (entry.event() instanceof Ended) {
        return Optional.of(entry);
      } else if (entry.event() instanceof Failed) {
        end = Optional.of(entry);
      } else if (entry.event() instanceof DriverStarted) {
        end = Optional.empty();
      }
    }
    return end;
  }

  private SortedMap<String, String> tags() {
    SortedMap<String, String> tags = new TreeMap<>();
    history.driverStarts().stream()
        .findFirst()
        .ifPresent(driver -> tags.putAll(code(driver.environment())));
    tags.put("mlflow.source.name", "retune run " + declared.name());
    tags.put("mlflow.source.type", "JOB");
    tags.put("retune.request", declared.request());
    tags.put("retune.experiment", declared.asked().experiment());
    tags.put("retune.model", declared.modelSha256());
    tags.put("retune.snapshot", declared.snapshot().root().hex());
    tags.put("retune.plan", declared.planSha256());
    tags.put("retune.attempts", "" + history.attempts().size());
    tags.put("retune.drivers", "" + history.drivers());
    declared
        .datasets()
        .forEach(
            version -> {
              tags.put("retune.licence." + version.name(), version.licence());
              tags.put("retune.privacy." + version.name(), version.privacy());
            });
    history.attempts().forEach(attempt -> tags.put("retune.numerics", attempt.numericsSha256()));
    for (JournalEntry entry : history.entries()) {
      if (entry.event() instanceof Ended ended) {
        tags.put("retune.weights", ended.weightsSha256());
        tags.put("retune.verdict", ended.whole().verdict().words());
        if (!ended.success().isEmpty()) {
          tags.put("retune.success", SuccessMetric.allMet(ended.success()) ? "met" : "missed");
        }
        tags.put("retune.journal-seal", entry.seal());
      }
    }
    return tags;
  }

  private static Map<String, String> code(Environment environment) {
    Environment.Code code = environment.code();
    return Map.of(
        "mlflow.user", environment.user(),
        "mlflow.source.git.commit", code.commit(),
        "mlflow.source.git.branch", code.branch(),
        "retune.version", code.version(),
        "retune.code-diff", code.diffSha256().isEmpty() ? "none" : code.diffSha256());
  }

  private SortedMap<String, String> params() {
    SortedMap<String, String> params = new TreeMap<>();
    Setting.of(declared.asked()).forEach(setting -> params.put(setting.key(), setting.value()));
    return params;
  }

  private String summary() {
    StringBuilder text = new StringBuilder(declared.asked().description()).append("\n");
    history
        .ended()
        .ifPresent(
            ended -> {
              text.append(
                  "\n| held-out loss | before | after | difference | interval | verdict |\n");
              text.append("|---|---|---|---|---|---|\n");
              ended.loss().forEach(group -> text.append(line(group)));
              ended
                  .success()
                  .forEach(it -> text.append("\nSuccess: ").append(it.words()).append("\n"));
              text.append("\nWeights: sha256 `").append(ended.weightsSha256()).append("`\n");
            });
    if (!declared.asked().reasons().isEmpty()) {
      text.append("\nReasons:\n\n");
      declared
          .asked()
          .reasons()
          .forEach((key, why) -> text.append("- `%s`: %s\n".formatted(key, why)));
    }
    return text.toString();
  }

  private static String line(GroupComparison group) {
    var loss = group.comparison();
    return String.format(
        java.util.Locale.ROOT,
        "| %s | %.4f | %.4f | %s | %s | %s |\n",
        group.label(),
        loss.before(),
        loss.after(),
        loss.change(),
        loss.interval(),
        loss.verdict().words());
  }

  /** Figures of the rows, as far as they are asked for. */
  private final class Curves implements Metrics {
    @Override
    public List<Metric> behind(long entry) {
      return metrics(entry);
    }

    @Override
    public long lastStep() {
      return history.ended().isPresent() ? declared.steps() : history.lastStep();
    }
  }

  private List<Metric> metrics(long behind) {
    List<Metric> metrics = new ArrayList<>();
    rows.behind(behind, "steps").forEach(row -> step(metrics, row));
    for (Map<String, Object> row : rows.behind(behind, "checkpoints")) {
      add(metrics, row, "time/checkpoint_ms", number(row, "wall_ms"));
    }
    for (Map<String, Object> row : rows.behind(behind, "evaluations")) {
      add(metrics, row, "eval/loss", number(row, "loss"));
      add(metrics, row, "eval/perplexity", Math.exp(number(row, "loss")));
    }
    for (Map<String, Object> row : rows.behind(behind, "verdicts")) {
      Object group = row.get("group_value");
      String prefix = group == null ? "verdict/" : "verdict/" + group + "/";
      for (String figure : List.of("difference", "low", "high")) {
        add(metrics, row, prefix + figure, number(row, figure));
      }
    }
    metrics.sort(Comparator.comparing(Metric::entry));
    return metrics;
  }

  private void step(List<Metric> metrics, Map<String, Object> row) {
    double seconds = Math.max(1, number(row, "wall_ms")) / 1000;
    for (String figure : List.of("loss", "learning_rate", "grad_norm")) {
      add(metrics, row, "train/" + figure, number(row, figure));
    }
    for (String tokens : List.of("tokens", "target_tokens")) {
      add(metrics, row, "rate/" + tokens + "_per_second", number(row, tokens) / seconds);
    }
    for (String time : List.of("wall", "compute", "exchange", "wait", "data", "record")) {
      add(metrics, row, "time/" + time + "_ms", number(row, time + "_ms"));
    }
    add(metrics, row, "system/memory_megabytes", number(row, "memory_bytes") / 1e6);
  }

  private static double number(Map<String, Object> row, String column) {
    return ((Number) row.get(column)).doubleValue();
  }

  /** Behind the row's step; what is said of the whole run, behind its last. */
  private void add(List<Metric> metrics, Map<String, Object> row, String key, double value) {
    long entry = (Long) row.get("entry");
    Object step = row.getOrDefault("step", declared.steps());
    long time = Instant.parse(history.entries().get((int) entry - 1).time()).toEpochMilli();
    metrics.add(new Metric(entry, key, ((Number) step).longValue(), time, value));
  }

  private List<DatasetInput> inputs() {
    List<DatasetInput> inputs = new ArrayList<>();
    declared
        .datasets()
        .forEach(
            version ->
                inputs.add(
                    input(
                        version.name(),
                        version.root(),
                        "datasets/" + version.name(),
                        version.deltaVersion(),
                        Map.of(
                            "rows", version.rows(),
                            "version", version.version(),
                            "licence", version.licence(),
                            "privacy", version.privacy()),
                        "source")));
    String examples = "snapshots/" + declared.snapshot().key() + "/examples";
    Sha256 root = declared.snapshot().root();
    inputs.add(
        input(
            "snapshot-train",
            root,
            examples,
            0,
            Map.of("rows", declared.snapshot().trainExamples()),
            "training"));
    inputs.add(
        input(
            "snapshot-evaluation",
            root,
            examples,
            0,
            Map.of("rows", declared.snapshot().evaluationExamples()),
            "evaluation"));
    return inputs;
  }

  private DatasetInput input(
      String name,
      Sha256 root,
      String path,
      long deltaVersion,
      Map<String, Object> profile,
      String context) {
    return new DatasetInput(
        name,
        root.hex().substring(0, DIGEST_CHARACTERS),
        Json.write(
            Map.of(
                "path",
                store.path(path).toString(),
                "delta_table_version",
                deltaVersion,
                "is_databricks_uc_table",
                false)),
        Optional.empty(),
        Optional.of(Json.write(profile)),
        context);
  }

  /** What the trained model answers may be what it was trained on. */
  private boolean isForOthers(JournalEntry.Artifact artifact) {
    return !artifact.name().equals(RunDocuments.SAMPLES) || Withheld.of(declared).isEmpty();
  }

  private Artifact artifact(JournalEntry.Artifact artifact) {
    return new Artifact(
        artifact.name(), store.localPath(artifact.path()), new Sha256(artifact.sha256()));
  }
}
