package io.retune.lineage;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.countDistinct;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.delta.tables.DeltaTable;
import io.retune.config.DatasetSpec;
import io.retune.config.InvalidInputException;
import io.retune.config.OrderSpec;
import io.retune.config.SourceSpec;
import io.retune.config.TransformSpec;
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
import io.retune.lineage.Rebuild.Comparison;
import io.retune.model.ImportedModel;
import io.retune.model.ModelConfig;
import io.retune.plan.Plan;
import io.retune.plan.Planner;
import io.retune.store.Sha256;
import io.retune.store.Store;
import io.retune.train.CheckpointRecord;
import io.retune.train.EvaluationRecord;
import io.retune.train.GradientDigest;
import io.retune.train.Machine;
import io.retune.train.RankEvent;
import io.retune.train.StepRecord;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Timestamp;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.commons.io.FileUtils;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.delta.DeltaLog;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** Journals into tables, and what the named queries find there. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class LineageTablesTest {
  private static final JournalEntry.Asked ASKED =
      new JournalEntry.Asked(
          "words",
          "",
          "e".repeat(64),
          "{\"order\":{\"seed\":42},\"list\":[{\"name\":\"one\",\"keep\":3}]}",
          new TreeMap<>(Map.of("order", "because", "list.one", "few")),
          List.of());

  private static final SourceSpec SOURCE = new SourceSpec("file:m", "d".repeat(64));

  private static final OrderSpec ORDER =
      new OrderSpec(42, Optional.empty(), Optional.of(2), 4, 2, 200, true);

  private Workshop workshop;
  private Snapshot snapshot;
  private Plan plan;
  private DatasetVersion version;
  private ImportedModel model;
  private LineageTables tables;

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
  private List<JournalEntry> journal(String run, int steps) {
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

  private static final Machine MACHINE =
      new Machine("a", "Linux", "amd64", "cpu", 2, 1 << 30, List.of());

  private static Environment environment() {
    return environment("unknown", "7".repeat(64));
  }

  private static Environment environment(String commit, String program) {
    return new Environment(
        new Environment.Code("1", commit, "main", "", program),
        "someone",
        "17",
        List.of("-Xmx1g"),
        MACHINE,
        new TreeMap<>(Map.of("spark.master", "local[2]")),
        List.of("a.jar"));
  }

  private static AttemptStarted started(int attempt, int from) {
    return new AttemptStarted(
        attempt,
        from,
        List.of(
            new RankEvent.Rank("a", 11, 2, MACHINE, List.of("0", "1")),
            new RankEvent.Rank("b", 12, 1, MACHINE, List.of())),
        new TreeMap<>(Map.of("torch", "2.7.1")),
        "f".repeat(64));
  }

  private EvaluationRecord evaluation(int step) {
    double[] losses = new double[plan.evaluationExamples().size()];
    Arrays.fill(losses, 2.5);
    return new EvaluationRecord(step, losses, 40);
  }

  private static StepRecord step(int step) {
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

  private List<JournalEntry> ended(List<JournalEntry> journal) {
    return ended(journal, 2.0);
  }

  private List<JournalEntry> ended(List<JournalEntry> journal, double loss) {
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

  private long count(String table, String run) {
    return tables.read(table).filter("run = '" + run + "'").count();
  }

  @Test
  void anyNumberOfLoadsGivesEachRowOnce() {
    List<JournalEntry> journal = journal("again", 3);
    List<JournalEntry> whole = ended(journal);
    for (List<JournalEntry> known :
        List.of(journal.subList(0, 4), journal, journal, whole, whole)) {
      tables.load(new RunHistory(known), plan);
    }
    tables.load(new RunHistory(whole), plan);
    int examples = plan.evaluationExamples().size();
    assertThat(RunRows.TABLES.stream().map(table -> table + " " + count(table, "again")).toList())
        .containsExactly(
            "runs 1",
            "drivers 1",
            "attempts 2",
            "steps 3",
            "checkpoints 1",
            "evaluations 2",
            "evaluation_examples " + 2 * examples,
            "verdicts 2",
            "success_metrics 1",
            "run_failures 0",
            "artifacts 1",
            "deliveries 0",
            "run_ends 1");
  }

  @Test
  void aStepIsInTheTableAsItIsInTheJournal() {
    tables.load(new RunHistory(journal("exact", 2)), plan);
    Row row = tables.read("steps").filter("run = 'exact' AND step = 2").first();
    assertThat(row.<Integer>getAs("attempt")).isEqualTo(2);
    assertThat(row.<Double>getAs("loss")).isEqualTo(1.5);
    assertThat(row.<Double>getAs("learning_rate")).isEqualTo(1e-3);
    assertThat(row.getList(row.fieldIndex("leaf_digests"))).isEqualTo(List.of("aa", "bb"));
    assertThat(row.<String>getAs("gradient_digest"))
        .isEqualTo(Sha256.of("cccc").hex().substring(0, 32));
    assertThat(row.<String>getAs("tensor_prefixes")).isEqualTo("cccc");
    assertThat(row.getTimestamp(row.fieldIndex("done_at")).toInstant())
        .isEqualTo("2026-11-24T12:00:00.500Z");
  }

  @Test
  void whatRecordingTookOfAnAttemptIsInItsRow() {
    tables.load(new RunHistory(ended(journal("costly", 2))), plan);
    assertThat(tables.read("attempts").filter("run = 'costly'").orderBy("attempt").collectAsList())
        .extracting(row -> row.<Long>getAs("recording_cpu_ms"))
        .containsExactly(0L, 250L);
    assertThat(costOf("costly").<Long>getAs("recording_cpu_ms")).isEqualTo(250);
    assertThat(costOf("costly").<Long>getAs("record_ms")).isEqualTo(10);
  }

  @Test
  void whatIsOfferedTwiceIsThereOnce() {
    assertThat(tables.read("datasets").filter("name = 'words'").count()).isEqualTo(1);
    assertThat(tables.read("snapshots").count()).isEqualTo(1);
    assertThat(tables.read("transforms").count()).isEqualTo(snapshot.counts().size());
    assertThat(tables.read("ledger").count())
        .isEqualTo(Planner.ledger(workshop.spark, workshop.store, plan).count());
  }

  @Test
  void theRowsOfARunAreThoseOfTheStepsItDid() {
    tables.load(new RunHistory(journal("two-steps", 2)), plan);
    List<Row> found = ask("rows-of-run", Map.of("run", "two-steps"));
    List<Row> planned =
        Planner.ledger(workshop.spark, workshop.store, plan)
            .filter("split = 'train' AND step <= 2")
            .orderBy("step", "micro_batch", "slot")
            .collectAsList();
    assertThat(plan.steps()).hasSizeGreaterThan(2);
    assertThat(found.stream().map(row -> row.<String>getAs("example_id")))
        .containsExactlyElementsOf(
            planned.stream().map(row -> row.<String>getAs("example_id")).toList());
    List<String> ids =
        workshop
            .datasets
            .rows(workshop.datasets.version("words", 1))
            .select("row_id")
            .collectAsList()
            .stream()
            .map(row -> row.getString(0))
            .toList();
    assertThat(ids).containsAll(found.stream().map(row -> row.<String>getAs("row_id")).toList());
  }

  @Test
  void theRunsOfARowAreFoundWithTheStepsThatSawIt() {
    tables.load(new RunHistory(ended(journal("whole", plan.steps().size()))), plan);
    Row seen = ask("rows-of-run", Map.of("run", "whole")).get(0);
    List<Row> runs =
        ask("runs-of-row", Map.of("row", seen.<String>getAs("row_id"))).stream()
            .filter(row -> row.<String>getAs("run").equals("whole"))
            .toList();
    // Two epochs: each row is seen twice.
    assertThat(runs)
        .hasSize(2)
        .allSatisfy(run -> assertThat(run.<Long>getAs("times_seen")).isEqualTo(2));
    assertThat(runs.stream().map(run -> run.<Integer>getAs("step")))
        .contains(seen.<Integer>getAs("step"));
    assertThat(runs.get(0).<String>getAs("weights_sha256")).isEqualTo("9".repeat(64));
  }

  @Test
  void tablesThatAreRebuiltEqualTheOriginals() throws IOException {
    RunHistory history = new RunHistory(ended(journal("rebuilt", 3)));
    tables.load(history, plan);
    Map<String, List<String>> originals = json("rebuilt");
    for (String table : RunRows.TABLES) {
      FileUtils.deleteDirectory(workshop.store.localPath("lineage", table).toFile());
    }
    DeltaLog.clearCache();
    tables = new LineageTables(workshop.spark, workshop.store);
    Rebuild rebuild = rebuild(history);
    assertThat(ofRuns(rebuild))
        .allSatisfy(c -> assertThat(c.there() + c.strange()).isZero())
        .extracting(Comparison::missing)
        .containsExactlyElementsOf(
            originals.values().stream().map(rows -> (long) rows.size()).toList());
    assertThat(json("rebuilt").values()).allSatisfy(rows -> assertThat(rows).isEmpty());
    rebuild.add();
    assertThat(json("rebuilt")).isEqualTo(originals);
    assertThat(rebuild(history).comparisons()).allMatch(Comparison::isEqual);
  }

  @Test
  void whatIsAddedBehindARebuildIsLoaded() throws IOException {
    List<JournalEntry> journal = journal("behind", 3);
    tables.load(new RunHistory(journal), plan);
    FileUtils.deleteDirectory(workshop.store.localPath("lineage", "run_ends").toFile());
    FileUtils.deleteDirectory(workshop.store.localPath("lineage", "evaluations").toFile());
    DeltaLog.clearCache();
    tables = new LineageTables(workshop.spark, workshop.store);
    assertThat(LineageTables.isAnyLost(workshop.store)).isTrue();
    rebuild(new RunHistory(journal)).add();
    assertThat(LineageTables.isAnyLost(workshop.store)).isFalse();
    List<JournalEntry> whole = ended(journal);
    tables.load(new RunHistory(whole), plan);
    assertThat(rebuild(new RunHistory(whole)).comparisons()).allMatch(Comparison::isEqual);
  }

  @Test
  void aTableThatWasMadeIsNotedUntilAllRunsAreRecordedAgain() throws IOException {
    EmptyTables.in(workshop.store).ifPresent(EmptyTables::filled);
    tables.prepare(plan, snapshot);
    assertThat(EmptyTables.in(workshop.store)).isEmpty();
    FileUtils.deleteDirectory(workshop.store.localPath("lineage", "success_metrics").toFile());
    DeltaLog.clearCache();
    tables = new LineageTables(workshop.spark, workshop.store);
    tables.prepare(plan, snapshot);
    assertThat(LineageTables.isAnyLost(workshop.store)).isFalse();
    EmptyTables noted = EmptyTables.in(workshop.store).orElseThrow();
    EmptyTables.note(workshop.store, "another, made meanwhile");
    noted.filled();
    EmptyTables.in(workshop.store).orElseThrow().filled();
    assertThat(EmptyTables.in(workshop.store)).isEmpty();
  }

  @Test
  void aRowThatDedupFoundEqualIsOfItsOwnDataset(@TempDir Path folder) throws IOException {
    Workshop both = new Workshop(folder);
    Map<String, DatasetSpec> specs =
        Map.of(
            "one", both.jsonl("one.jsonl", words(0, 40)),
            "other", both.jsonl("other.jsonl", words(20, 60)));
    Map<String, DatasetVersion> versions = new TreeMap<>();
    specs.forEach((name, spec) -> versions.put(name, both.datasets.ingest(name, spec, "")));
    Snapshot united =
        both.prepare(
            specs,
            versions,
            new TransformSpec.Dedup("unique", List.of("word")),
            Workshop.heldOut(),
            Workshop.chat());
    Plan of = new Planner(both.spark, both.store).planFor(united, ORDER);
    LineageTables theirs = new LineageTables(both.spark, both.store);
    theirs.prepare(of, united);
    for (String name : specs.keySet()) {
      Set<String> ids = ids(both.datasets.rows(versions.get(name)));
      assertThat(ids(theirs.read("ledger_by_row").filter(col("dataset").equalTo(name))))
          .as(name)
          .isNotEmpty()
          .isSubsetOf(ids);
    }
    assertThat(
            theirs
                .read("ledger_by_row")
                .groupBy("micro_batch", "slot", "split")
                .agg(countDistinct("dataset").as("datasets"))
                .filter("datasets = 2")
                .count())
        .as("places of what both have")
        .isPositive();
  }

  private static String words(int from, int to) {
    return IntStream.range(from, to)
        .mapToObj(i -> "{\"word\":\"word " + i + "\"}\n")
        .collect(Collectors.joining());
  }

  private static Set<String> ids(Dataset<Row> rows) {
    return rows.select("row_id").collectAsList().stream()
        .map(row -> row.getString(0))
        .collect(Collectors.toSet());
  }

  private Rebuild rebuild(RunHistory history, JournalEntry... others) {
    return tables.rebuild(
        history,
        plan,
        model,
        () -> Arrays.stream(others).map(entry -> (Declared) entry.event()).toList());
  }

  private static List<Comparison> ofRuns(Rebuild rebuild) {
    return rebuild.comparisons().stream().filter(c -> c.where().startsWith("run =")).toList();
  }

  private static List<String> unequal(Rebuild rebuild) {
    return rebuild.comparisons().stream()
        .filter(c -> !c.isEqual())
        .map(
            c ->
                "%s has %d of %d, misses %d, has %d strange"
                    .formatted(c.table(), c.there(), c.recorded(), c.missing(), c.strange()))
        .toList();
  }

  @Test
  void anEndWithoutAStartIsNoAttempt() {
    List<JournalEntry> journal = new ArrayList<>(journal("no-start", 2));
    journal.add(
        new JournalEntry(
            journal.size() + 1, "2026-11-24T12:00:00Z", new AttemptEnded(7, "refused", 0, 0), "0"));
    tables.load(new RunHistory(journal), plan);
    assertThat(count("attempts", "no-start")).isEqualTo(1);
  }

  private String location(String table) {
    return workshop.store.path("lineage", table).toString();
  }

  /** As somebody would who can write to the store. */
  private void change(String table, String where, String set) {
    String change =
        "%s;UPDATE delta.`%s` SET %s WHERE %s"
            .formatted(
                TableDefinition.appendOnly(location(table), "false"), location(table), set, where);
    Arrays.stream(change.split(";")).forEach(workshop.spark::sql);
  }

  private void repeat(String table, String where) {
    tables.read(table).filter(where).write().format("delta").mode("append").save(location(table));
  }

  @Test
  void aRightRowIsNotPutBesideAChangedOne() {
    RunHistory history = new RunHistory(ended(journal("changed", 3)));
    tables.load(history, plan);
    Map<String, List<String>> originals = json("changed");
    change("steps", "run = 'changed' AND step = 1", "loss = 0.5");
    repeat("checkpoints", "run = 'changed'");
    Map<String, List<String>> changed = json("changed");
    long version =
        DeltaTable.forPath(workshop.spark, location("steps")).history(1).first().getLong(0);

    Rebuild rebuild = rebuild(history);
    assertThat(unequal(rebuild))
        .containsExactly(
            "steps has 3 of 3, misses 1, has 1 strange",
            "checkpoints has 2 of 1, misses 0, has 1 strange");
    assertThatThrownBy(rebuild::add).isInstanceOf(IllegalStateException.class);
    assertThat(json("changed")).isEqualTo(changed);

    rebuild.repair();
    assertThat(json("changed")).isEqualTo(originals);
    assertThat(unequal(rebuild(history))).isEmpty();
    // What was there can still be looked at, and no more can be changed than before.
    assertThat(
            workshop
                .spark
                .read()
                .format("delta")
                .option("versionAsOf", version)
                .load(location("steps"))
                .filter("run = 'changed' AND loss = 0.5")
                .count())
        .isEqualTo(1);
    assertThatThrownBy(() -> workshop.spark.sql("DELETE FROM delta.`" + location("steps") + "`"))
        .hasMessageContaining("configured to only allow appends");
    tables.load(history, plan);
    assertThat(json("changed")).isEqualTo(originals);
  }

  @Test
  void rowsOfAJournalThatWasNotLoadedYetAreAddedOnceBehindARepair() {
    List<JournalEntry> journal = journal("early", 3);
    tables.load(new RunHistory(journal), plan);
    change("drivers", "run = 'early'", "version = '2'");
    RunHistory whole = new RunHistory(ended(journal));
    rebuild(whole).repair();
    tables.load(whole, plan);
    assertThat(unequal(rebuild(whole))).isEmpty();
  }

  @Test
  void whatRunsShareIsHeldAgainstTheRecordToo() {
    RunHistory history = new RunHistory(journal("shares", 2));
    tables.load(history, plan);
    assertThat(unequal(rebuild(history))).isEmpty();
    change("ledger", "split = 'train' AND micro_batch = 0 AND slot = 0", "tokens = 1");
    change("ledger_by_row", "split = 'train' AND micro_batch = 0 AND slot = 0", "epoch = 9");
    change("datasets", "name = 'words'", "licence = 'mine'");
    change("models", "true", "layers = 99");
    change("snapshots", "true", "train_examples = 0");
    change("snapshot_datasets", "true", "version = 7");
    change("transforms", "position = 0", "rows = 7");
    change("experiments", "true", "description = 'better'");
    change("settings", "key = 'order.seed'", "value = '43'");
    Rebuild rebuild = rebuild(history);
    assertThat(rebuild.comparisons().stream().filter(c -> c.strange() == 1 && c.missing() == 1))
        .extracting(Comparison::table)
        .containsExactly(
            "datasets",
            "models",
            "snapshots",
            "snapshot_datasets",
            "transforms",
            "experiments",
            "settings",
            "ledger",
            "ledger_by_row");
    rebuild.repair();
    assertThat(unequal(rebuild(history))).isEmpty();
    tables = new LineageTables(workshop.spark, workshop.store);
    tables.add(version);
    tables.add(plan, snapshot);
    assertThat(unequal(rebuild(history))).isEmpty();
  }

  @Test
  void anExperimentIsAsSomeRunOfTheStoreDeclaredIt() {
    JournalEntry other = journal("first-of-two", 2).get(0);
    RunHistory history = new RunHistory(journal("second-of-two", 2));
    tables.load(history, plan);
    change("experiments", "true", "description = 'as the first run said'");
    assertThat(unequal(rebuild(history)))
        .containsExactly("experiments has 1 of 1, misses 1, has 1 strange");
    Declared was = (Declared) other.event();
    JournalEntry said =
        new JournalEntry(
            1,
            other.time(),
            new Declared(
                was.run(),
                was.request(),
                new JournalEntry.Asked(
                    was.asked().name(),
                    "as the first run said",
                    was.asked().experiment(),
                    was.asked().configuration(),
                    was.asked().reasons(),
                    was.asked().unexplained()),
                was.source(),
                was.modelSha256(),
                was.datasets(),
                was.snapshot(),
                was.planKey(),
                was.planSha256(),
                was.planManifestSha256(),
                was.evaluationSha256(),
                was.steps(),
                was.tokens(),
                was.targetTokens()),
            "0");
    assertThat(unequal(rebuild(history, said))).isEmpty();
    change("experiments", "true", "description = ''");
  }

  @Test
  void whatRunsShareIsOfferedToTheTablesOnceByAProgram() throws IOException {
    LineageTables once = new LineageTables(workshop.spark, workshop.store);
    once.add(version);
    Path there = workshop.store.localPath("lineage", "datasets");
    Path aside = there.resolveSibling("datasets-aside");
    Files.move(there, aside);
    try {
      // Would fail: the table is not there.
      once.add(version);
    } finally {
      Files.move(aside, there);
    }
  }

  /** A run whose driver was killed, and taken up again the next day. */
  private List<JournalEntry> takenUpTheNextDay(String run) {
    List<JournalEntry> entries = new ArrayList<>();
    add(entries, "2026-11-24T12:00:00Z", journal(run, 2).get(0).event());
    add(entries, "2026-11-24T12:00:00Z", new JournalEntry.DriverStarted(1, environment()));
    add(entries, "2026-11-24T12:00:10Z", started(1, 0));
    add(entries, "2026-11-24T12:00:20Z", new Stepped(1, step(1)));
    add(entries, "2026-11-25T09:00:00Z", new JournalEntry.DriverStarted(2, environment()));
    add(entries, "2026-11-25T09:00:01Z", new AttemptEnded(1, "driver lost", 0, 0));
    return entries;
  }

  private static void add(List<JournalEntry> entries, String time, JournalEntry.Event event) {
    entries.add(new JournalEntry(entries.size() + 1, time, event, "0"));
  }

  @Test
  void anAttemptWhoseDriverWasLostCostsWhatItLastedAndNotTheNightThatFollowed() {
    tables.load(new RunHistory(takenUpTheNextDay("lost")), plan);
    Row attempt = tables.read("attempts").filter("run = 'lost'").first();
    assertThat(attempt.<Long>getAs("wall_ms")).isEqualTo(10_000);
    assertThat(attempt.<Timestamp>getAs("ended_at").toInstant()).isEqualTo("2026-11-25T09:00:01Z");
    assertThat(costOf("lost").<Long>getAs("lane_ms")).isEqualTo(10_000 * 3);
  }

  @Test
  void aRunThatIsNotOverIsAmongTheFailuresSinceItWasLastHeardOf() {
    tables.load(new RunHistory(takenUpTheNextDay("asleep")), plan);
    assertThat(
            ask("failures", Map.of()).stream()
                .filter(row -> row.getAs("run").equals("asleep"))
                .map(LineageTablesTest::words))
        .containsExactly(
            "asleep unfinished unfinished null 1 has no end yet 2026-11-24T12:00:20Z",
            "asleep unfinished attempt 1 1 driver lost 2026-11-25T09:00:01Z");
  }

  @Test
  void aFileThatWasWrittenAgainCostsItsBytesOnce() {
    List<JournalEntry> entries = takenUpTheNextDay("twice");
    for (long bytes : new long[] {3, 5}) {
      add(
          entries,
          "2026-11-25T09:00:02Z",
          new JournalEntry.Written(
              List.of(new JournalEntry.Artifact("a", "runs/x/a", "8".repeat(64), bytes))));
    }
    tables.load(new RunHistory(entries), plan);
    assertThat(costOf("twice").<Long>getAs("artifact_bytes")).isEqualTo(5);
  }

  @Test
  void aRunWithoutAStepHasCostNothingYet() {
    tables.load(new RunHistory(journal("declared", 2).subList(0, 1)), plan);
    assertThat(words(costOf("declared")))
        .isEqualTo(
            "declared 2026-11-24T12:00:00.500Z unfinished 0 null 0 0 0 0 0 0 0 0.0 0 0 null null 0 0");
  }

  private static String words(Row row) {
    return IntStream.range(0, row.length())
        .mapToObj(row::get)
        .map(value -> value instanceof Timestamp time ? time.toInstant() : value)
        .map(String::valueOf)
        .collect(Collectors.joining(" "));
  }

  private Row costOf(String run) {
    return ask("cost", Map.of()).stream()
        .filter(row -> row.getAs("run").equals(run))
        .findFirst()
        .orElseThrow();
  }

  @Test
  void rowsOfARunSayWhichVersionOfTheirDatasetTheyAreOf() {
    tables.load(new RunHistory(journal("versioned", 2)), plan);
    assertThat(ask("rows-of-run", Map.of("run", "versioned")))
        .isNotEmpty()
        .allSatisfy(row -> assertThat(row.<Integer>getAs("dataset_version")).isEqualTo(1));
  }

  /** A run's rows, by table in their order. */
  private Map<String, List<String>> json(String run) {
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

  @Test
  void aTextOfSeveralLinesIsPrintedInOneWhereColumnsStandSideBySide() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    RowsPrinter.print(
        workshop.spark.sql("SELECT 'it failed.\\n  Try again.' AS cause, 1 AS step"),
        RowsPrinter.Format.TABLE,
        new PrintStream(out, true, UTF_8));
    assertThat(out.toString(UTF_8).lines())
        .containsExactly("cause                  step", "it failed. Try again.     1", "1 row");
  }

  @Test
  void theWholeSplitIsNullAmongTheGroups() {
    tables.load(new RunHistory(ended(journal("groups", 3))), plan);
    assertThat(tables.read("verdicts").filter("run = 'groups'").orderBy("examples").collectAsList())
        .extracting(row -> row.getAs("group_value") + " " + row.getAs("examples"))
        .containsExactly("noun 4", "null 10");
  }

  /** A run that was scored, with other roots in its declaration. */
  private List<JournalEntry> scored(String run, String snapshotRoot, String scored, double loss) {
    List<JournalEntry> entries = new ArrayList<>(ended(journal(run, 2), loss));
    Declared was = (Declared) entries.get(0).event();
    Snapshot other =
        new Snapshot(
            was.snapshot().key(),
            Sha256.of(snapshotRoot),
            snapshot.model(),
            snapshot.datasets(),
            snapshot.counts(),
            snapshot.trainExamples(),
            snapshot.evaluationExamples());
    entries.set(
        0,
        new JournalEntry(
            1,
            entries.get(0).time(),
            new Declared(
                run,
                was.request(),
                was.asked(),
                was.source(),
                was.modelSha256(),
                was.datasets(),
                other,
                was.planKey(),
                was.planSha256(),
                was.planManifestSha256(),
                scored,
                was.steps(),
                was.tokens(),
                was.targetTokens()),
            "0"));
    return entries;
  }

  @Test
  void rivalsAreScoredOnTheSameExamplesWhateverTheyWereTrainedOn() {
    String scored = Sha256.of("scored").hex();
    for (List<JournalEntry> journal :
        List.of(
            scored("rival-1", "one", scored, 2.2),
            scored("rival-2", "two", scored, 2.1),
            scored("rival-3", "two", Sha256.of("others").hex(), 1.0),
            scored("rival-old-1", "old", "", 1.2),
            scored("rival-old-2", "old", "", 1.1),
            scored("rival-old-3", "older", "", 1.0))) {
      tables.load(new RunHistory(journal), plan);
    }
    assertThat(
            ask("leaderboard", Map.of()).stream()
                .filter(row -> row.<String>getAs("run").startsWith("rival-"))
                .map(row -> row.getAs("run") + " " + row.getAs("place"))
                .sorted())
        .containsExactly(
            "rival-1 2",
            "rival-2 1",
            "rival-3 1",
            "rival-old-1 2",
            "rival-old-2 1",
            "rival-old-3 1");
  }

  @Test
  void aTableOfAnEarlierRetuneGetsTheColumnsThatItLacks(@TempDir Path folder) {
    Store store = Store.open(folder.toString(), new Configuration());
    String location = store.path("lineage", "run_failures").toString();
    String made = TableDefinition.of("run_failures").create(location);
    workshop.spark.sql(
        made.replaceFirst("  cause .*\n", "").replace("'The run'", "'As it was called then'"));
    RunHistory history =
        new RunHistory(List.of(journal("evolved", 2).get(0), failed("it failed", 2)));
    new LineageTables(workshop.spark, store).load(history, plan);
    StructType now = new LineageTables(workshop.spark, store).read("run_failures").schema();
    assertThat(Arrays.stream(now.fields()).map(StructField::toDDL))
        .containsExactlyInAnyOrderElementsOf(
            Arrays.stream(TableDefinition.of("run_failures").columns().fields())
                .map(StructField::toDDL)
                .toList());
    assertThat(
            new LineageTables(workshop.spark, store)
                .read("run_failures")
                .first()
                .<String>getAs("cause"))
        .isEqualTo("it failed");
  }

  private static JournalEntry failed(String cause, long entry) {
    return new JournalEntry(
        entry, "2026-11-24T12:00:00Z", new JournalEntry.Failed("defect", cause), "0");
  }

  @Test
  void aTableThatCannotBeUsedIsNamedAndKeepsNobodyFromTheOthers(@TempDir Path folder) {
    Store store = Store.open(folder.toString(), new Configuration());
    String location = store.path("lineage", "steps").toString();
    workshop.spark.sql(
        TableDefinition.of("steps")
            .create(location)
            .replaceFirst("loss( +)DOUBLE", "loss$1STRING"));
    LineageQueries queries = new LineageQueries(workshop.spark, store);
    // Has the word, and not the table.
    assertThat(queries.ask("SELECT steps FROM runs").count()).isZero();
    assertThatThrownBy(() -> queries.ask("SELECT * FROM step_rates"))
        .isInstanceOf(InvalidInputException.class)
        .hasMessage(
            "table "
                + Store.shown(new org.apache.hadoop.fs.Path(location))
                + ": the column \"loss\" has the type STRING, where this Retune has DOUBLE. [table-not-readable]\n"
                + "  Use the Retune that made the store; or move the table's folder out of it: the"
                + " next ./retune lineage makes the table again from the journals.");
    LineageQueries.Query steps = LineageQueries.query("steps", Map.of("run", "any"));
    assertThatThrownBy(() -> queries.run(steps, Map.of("run", "any")))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining("table " + Store.shown(new org.apache.hadoop.fs.Path(location)));
  }

  @Test
  void comparedIsTheCodeOfTheLastDriverThatComputedSteps() {
    List<JournalEntry> one = takenUpTheNextDay("one-program");
    List<JournalEntry> two = new ArrayList<>(one.subList(0, 4));
    two.set(0, journal("two-programs", 2).get(0));
    String program = "8".repeat(64);
    String time = "2026-11-25T09:00:00Z";
    add(two, time, new JournalEntry.DriverStarted(2, environment("newer", program)));
    add(two, time, new AttemptEnded(1, "driver lost", 0, 0));
    add(two, time, started(2, 1));
    add(two, time, new Stepped(2, step(2)));
    add(two, time, new AttemptEnded(2, "finished", 0, 0));
    // Looked at it, and computed nothing.
    add(two, time, new JournalEntry.DriverStarted(3, environment("newest", "9".repeat(64))));
    tables.load(new RunHistory(one), plan);
    tables.load(new RunHistory(two), plan);
    assertThat(
            ask("compare", Map.of("run", "one-program", "other", "two-programs")).stream()
                .filter(row -> row.getAs("part").equals("code"))
                .map(LineageTablesTest::words))
        .containsExactly(
            "code commit unknown newer null null null null",
            "code program " + "7".repeat(64) + " " + program + " null null null null",
            "code programs that computed steps null null 1.0 2.0 null null");
  }

  @Test
  void aRowThatNoRunSawGivesNoRuns() {
    assertThat(ask("runs-of-row", Map.of("row", "0".repeat(32)))).isEmpty();
  }

  private List<Row> ask(String name, Map<String, String> parameters) {
    LineageQueries.Query query = LineageQueries.query(name, parameters);
    return new LineageQueries(workshop.spark, workshop.store)
        .run(query, parameters)
        .collectAsList();
  }

  @Test
  void everyQuerySaysWhatItAnswersAndTakes() {
    assertThat(LineageQueries.list())
        .allSatisfy(
            query -> {
              assertThat(query.question()).endsWith("?");
              Map<String, String> parameters = new TreeMap<>();
              query.parameters().keySet().forEach(name -> parameters.put(name, "any"));
              assertThat(
                      new LineageQueries(workshop.spark, workshop.store)
                          .run(query, parameters)
                          .columns())
                  .containsExactlyElementsOf(query.columns().keySet());
            })
        .extracting(LineageQueries.Query::name)
        .containsExactly(
            "compare",
            "cost",
            "data-diff",
            "exposure",
            "failures",
            "leaderboard",
            "regressions",
            "rows-of-run",
            "runs-of-row",
            "steps");
  }

  @Test
  void whatCannotBeAskedIsRefusedWithWhatCan() {
    assertThatThrownBy(() -> LineageQueries.query("rows", Map.of()))
        .isInstanceOf(InvalidInputException.class)
        .hasMessage(
            "retune lineage rows: there is no such query. [unknown-query]\n"
                + "  There are: compare, cost, data-diff, exposure, failures, leaderboard,"
                + " regressions, rows-of-run, runs-of-row, steps.");
    assertThatThrownBy(() -> LineageQueries.query("rows-of-run", Map.of("row", "1")))
        .isInstanceOf(InvalidInputException.class)
        .hasMessage(
            """
            retune lineage rows-of-run: run is missing. [query-parameters]
              Give run=..., a run, or the start of its name.
            retune lineage rows-of-run: unknown parameter "row". [query-parameters]
              Known: run.""");
  }
}
