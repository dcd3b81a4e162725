package io.retune.lineage;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.countDistinct;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.delta.kernel.internal.actions.Metadata;
import io.retune.config.DatasetSpec;
import io.retune.config.InvalidInputException;
import io.retune.config.TransformSpec;
import io.retune.dataset.DatasetVersion;
import io.retune.dataset.Snapshot;
import io.retune.dataset.Workshop;
import io.retune.lineage.JournalEntry.AttemptEnded;
import io.retune.lineage.JournalEntry.Declared;
import io.retune.lineage.JournalEntry.Stepped;
import io.retune.plan.Plan;
import io.retune.plan.Planner;
import io.retune.store.Sha256;
import io.retune.store.Store;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Timestamp;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.commons.io.FileUtils;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.delta.DeltaLog;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Journals into tables, and what the named queries find there. */
class LineageTablesTest extends RecordedRuns {
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

  @Test
  void anEndWithoutAStartIsNoAttempt() {
    List<JournalEntry> journal = new ArrayList<>(journal("no-start", 2));
    journal.add(
        new JournalEntry(
            journal.size() + 1, "2026-11-24T12:00:00Z", new AttemptEnded(7, "refused", 0, 0), "0"));
    tables.load(new RunHistory(journal), plan);
    assertThat(count("attempts", "no-start")).isEqualTo(1);
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
    Snapshot other =
        new Snapshot(
            snapshot.key(),
            Sha256.of(snapshotRoot),
            snapshot.model(),
            snapshot.datasets(),
            snapshot.counts(),
            snapshot.trainExamples(),
            snapshot.evaluationExamples());
    entries.set(0, of(entries.get(0), other, scored));
    return entries;
  }

  /** The declaration of a run of another snapshot. */
  private static JournalEntry of(JournalEntry declaration, Snapshot other, String scored) {
    Declared was = (Declared) declaration.event();
    return new JournalEntry(
        declaration.entry(),
        declaration.time(),
        new Declared(
            was.run(),
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
        "0");
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

  @Test
  void aTableWithOtherCommentsLacksNothingToBeRead(@TempDir Path folder) {
    TableDefinition failures = TableDefinition.of("run_failures");
    String location = folder.resolve("run_failures").toString();
    workshop.spark.sql(failures.create(location).replace("'The run'", "'As it was called then'"));
    Metadata there =
        new RowAppender(workshop.spark.sparkContext().hadoopConfiguration()).metadata(location);
    assertThat(failures.missing(location, there)).isEmpty();
    assertThat(failures.changes(location, there)).hasSize(1);
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
    assertThat(code(one, two)).containsExactly("7".repeat(64) + ", " + program);
  }

  /** In what {@code retune diff} says that the other's code differs. */
  private static Stream<String> code(List<JournalEntry> one, List<JournalEntry> other) {
    return Arguments.of(new RunHistory(one))
        .differencesTo(Arguments.of(new RunHistory(other)), Set.of())
        .stream()
        .filter(difference -> difference.part() == Arguments.Part.CODE)
        .map(difference -> difference.other().orElseThrow());
  }

  @Test
  void whoOnlyExportedIsNotTheCodeThatMadeTheWeights() {
    List<JournalEntry> one = ended(journal("trained", 2));
    List<JournalEntry> other = new ArrayList<>(ended(journal("exported-by-another", 2)));
    add(
        other,
        "2026-11-25T09:00:00Z",
        new JournalEntry.DriverStarted(2, environment("newest", "9".repeat(64))));
    tables.load(new RunHistory(one), plan);
    tables.load(new RunHistory(other), plan);
    assertThat(code(one, other)).isEmpty();
    assertThat(
            ask("compare", Map.of("run", "trained", "other", "exported-by-another")).stream()
                .filter(row -> row.getAs("part").equals("code")))
        .isEmpty();
    // Before its first step a run is its last driver's.
    assertThat(code(one, other.subList(0, 3))).isEmpty();
    assertThat(code(one, List.of(other.get(0), other.get(other.size() - 1))))
        .containsExactly("9".repeat(64));
  }

  @Test
  void aDatasetAndATransformOfOneNameAreTwoThings(@TempDir Path folder) {
    Store store = Store.open(folder.toString(), new Configuration());
    LineageTables theirs = new LineageTables(workshop.spark, store);
    for (int rows : new int[] {30, 20}) {
      List<JournalEntry> journal = journal("namesakes-" + rows, 2);
      Snapshot of =
          new Snapshot(
              "of " + rows,
              snapshot.root(),
              snapshot.model(),
              snapshot.datasets(),
              List.of(
                  new Snapshot.Count("chat", "dataset", "1", 40),
                  new Snapshot.Count("chat", "render", "2", rows)),
              1,
              1);
      journal.set(0, of(journal.get(0), of, plan.evaluationSha256()));
      theirs.add(of);
      theirs.load(new RunHistory(journal), plan);
    }
    assertThat(
            ask(store, "compare", Map.of("run", "namesakes-30", "other", "namesakes-20")).stream()
                .map(LineageTablesTest::words))
        .containsExactly("data rows after chat null null 30.0 20.0 null null");
    assertThat(ask(store, "compare", Map.of("run", "namesakes-30", "other", "namesakes-30")))
        .isEmpty();
  }

  @Test
  void aRowThatNoRunSawGivesNoRuns() {
    assertThat(ask("runs-of-row", Map.of("row", "0".repeat(32)))).isEmpty();
  }

  private List<Row> ask(String name, Map<String, String> parameters) {
    return ask(workshop.store, name, parameters);
  }

  private List<Row> ask(Store store, String name, Map<String, String> parameters) {
    LineageQueries.Query query = LineageQueries.query(name, parameters);
    return new LineageQueries(workshop.spark, store).run(query, parameters).collectAsList();
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
