package io.retune.lineage;

import io.retune.config.OrderSpec;
import io.retune.config.SourceSpec;
import io.retune.dataset.DatasetVersion;
import io.retune.dataset.Snapshot;
import io.retune.dataset.Workshop;
import io.retune.evaluate.GroupComparison;
import io.retune.evaluate.SuccessMetric;
import io.retune.lineage.JournalEntry.AttemptEnded;
import io.retune.lineage.JournalEntry.AttemptStarted;
import io.retune.lineage.JournalEntry.Checkpointed;
import io.retune.lineage.JournalEntry.Declared;
import io.retune.lineage.JournalEntry.Ended;
import io.retune.lineage.JournalEntry.Evaluated;
import io.retune.lineage.JournalEntry.Stepped;
import io.retune.model.ImportedModel;
import io.retune.model.ModelConfig;
import io.retune.plan.Plan;
import io.retune.plan.Planner;
import io.retune.store.Sha256;
import io.retune.train.CheckpointRecord;
import io.retune.train.EvaluationRecord;
import io.retune.train.GradientDigest;
import io.retune.train.Machine;
import io.retune.train.RankEvent;
import io.retune.train.StepRecord;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** A store with a plan, its tables, and what journals tell of runs. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class RecordedRuns {
  static final JournalEntry.Asked ASKED =
      new JournalEntry.Asked(
          "words",
          "",
          "e".repeat(64),
          "{\"order\":{\"seed\":42},\"list\":[{\"name\":\"one\",\"keep\":3}]}",
          new TreeMap<>(Map.of("order", "because", "list.one", "few")),
          List.of());

  private static final SourceSpec SOURCE = new SourceSpec("file:m", "d".repeat(64));

  static final OrderSpec ORDER =
      new OrderSpec(42, Optional.empty(), Optional.of(2), 4, 2, 200, true);

  Workshop workshop;
  Snapshot snapshot;
  Plan plan;
  DatasetVersion version;
  ImportedModel model;
  LineageTables tables;

  @BeforeAll
  void prepare(@TempDir Path folder) throws IOException {
    workshop = new Workshop(folder);
    String words =
        IntStream.range(0, 40)
            .mapToObj(i -> "{\"word\":\"" + "w".repeat(1 + i % 7) + i + "\"}\n")
            .collect(Collectors.joining());
    snapshot =
        workshop.prepare(workshop.jsonl("a.jsonl", words), Workshop.heldOut(), Workshop.chat());
    plan = new Planner(workshop.spark, workshop.store).planFor(snapshot, ORDER);
    tables = new LineageTables(workshop.spark, workshop.store);
    version = workshop.datasets.version("words", 1);
    model =
        new ImportedModel(
            new Sha256("d".repeat(64)),
            folder,
            new ModelConfig(
                9, 8, 12, 2, 2, 1, 4, 16, 1e-5, new ModelConfig.Rope(new float[2], 1f), true));
    for (int twice = 0; twice < 2; twice++) {
      tables.add(version);
      tables.add(snapshot);
      tables.add(plan, snapshot);
      tables.add(model, SOURCE);
      tables.add(ASKED);
    }
  }

  /** The journal of a run that has done {@code steps} steps, one of them in a second attempt. */
  List<JournalEntry> journal(String run, int steps) {
    List<JournalEntry.Event> events = new ArrayList<>();
    events.add(
        new Declared(
            run,
            "request of " + run,
            ASKED,
            SOURCE,
            "d".repeat(64),
            List.of(version),
            snapshot,
            plan.key(),
            plan.root().hex(),
            plan.manifestSha256(),
            plan.evaluationSha256(),
            plan.steps().size(),
            1200,
            1000));
    events.add(new JournalEntry.DriverStarted(1, environment()));
    events.add(started(1, 0));
    events.add(new Evaluated(1, evaluation(0)));
    for (int step = 1; step < steps; step++) {
      events.add(new Stepped(1, step(step)));
    }
    events.add(
        new Checkpointed(1, new CheckpointRecord(steps - 1, "runs/x", "c".repeat(64), 7, 1)));
    events.add(new AttemptEnded(1, "driver lost", 0, 0));
    events.add(started(2, steps - 1));
    events.add(new Stepped(2, step(steps)));
    List<JournalEntry> entries = new ArrayList<>();
    for (JournalEntry.Event event : events) {
      entries.add(new JournalEntry(entries.size() + 1, "2026-11-24T12:00:00.5Z", event, "0"));
    }
    return entries;
  }

  static final Machine MACHINE = new Machine("a", "Linux", "amd64", "cpu", 2, 1 << 30, List.of());

  static Environment environment() {
    return environment("unknown", "7".repeat(64));
  }

  static Environment environment(String commit, String program) {
    return new Environment(
        new Environment.Code("1", commit, "main", "", program),
        "someone",
        "17",
        List.of("-Xmx1g"),
        MACHINE,
        new TreeMap<>(Map.of("spark.master", "local[2]")),
        List.of("a.jar"));
  }

  static AttemptStarted started(int attempt, int from) {
    return new AttemptStarted(
        attempt,
        from,
        List.of(
            new RankEvent.Rank("a", 11, 2, MACHINE, List.of("0", "1")),
            new RankEvent.Rank("b", 12, 1, MACHINE, List.of())),
        new TreeMap<>(Map.of("torch", "2.7.1")),
        "f".repeat(64));
  }

  EvaluationRecord evaluation(int step) {
    double[] losses = new double[plan.evaluationExamples().size()];
    Arrays.fill(losses, 2.5);
    return new EvaluationRecord(step, losses, 40);
  }

  static StepRecord step(int step) {
    return new StepRecord(
        step,
        3.0 / step,
        1e-3,
        0.5,
        4,
        400,
        100,
        List.of("aa", "bb"),
        GradientDigest.of(List.of("cccc")),
        1,
        2,
        3,
        4,
        5,
        10,
        1 << 20);
  }

  List<JournalEntry> ended(List<JournalEntry> journal) {
    return ended(journal, 2.0);
  }

  List<JournalEntry> ended(List<JournalEntry> journal, double loss) {
    List<JournalEntry> entries = new ArrayList<>(journal);
    for (JournalEntry.Event event :
        List.of(
            new Evaluated(2, evaluation(3)),
            new AttemptEnded(2, "finished", 1, 250),
            new Ended(
                "9".repeat(64),
                "runs/x/adapter",
                List.of(
                    new GroupComparison(
                        "", 10, 20, new io.retune.evaluate.Comparison(2.5, loss, -0.6, -0.4)),
                    new GroupComparison(
                        "noun", 4, 9, new io.retune.evaluate.Comparison(2.5, 2.6, -0.6, 0.4))),
                List.of(new SuccessMetric("verdict", "better", "better", true)),
                new TreeMap<>(Map.of("train", 5L))),
            new JournalEntry.Written(
                List.of(new JournalEntry.Artifact("a", "runs/x/a", "8".repeat(64), 3))))) {
      entries.add(new JournalEntry(entries.size() + 1, "2026-11-24T13:00:00Z", event, "f"));
    }
    return entries;
  }

  long count(String table, String run) {
    return tables.read(table).filter("run = '" + run + "'").count();
  }

  Map<String, List<String>> json(String run) {
    Map<String, List<String>> rows = new LinkedHashMap<>();
    for (String table : RunRows.TABLES) {
      rows.put(
          table,
          tables.read(table).filter("run = '" + run + "'").toJSON().collectAsList().stream()
              .sorted()
              .toList());
    }
    return rows;
  }
}
