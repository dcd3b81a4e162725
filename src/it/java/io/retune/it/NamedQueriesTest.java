package io.retune.it;

import static java.util.stream.Collectors.counting;
import static java.util.stream.Collectors.groupingBy;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.retune.RetuneHere;
import io.retune.Said;
import io.retune.dataset.SparkForTests;
import io.retune.job.RunId;
import io.retune.lineage.LineageQueries;
import io.retune.store.Json;
import io.retune.store.Store;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Timestamp;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.commons.io.FileUtils;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/**
 * A store with runs of every fate, and what Spark, and delta-rs with DuckDB by the Python blocks of
 * README and docs/tables.md, find when they are asked.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class NamedQueriesTest {
  private static final String BASE = RunId.of("smoke", "base");
  private static final String WORSE = RunId.of("smoke", "worse");
  private static final String DIVERGED = RunId.of("smoke", "diverged");
  private static final String SAMPLED = RunId.of("smoke", "sampled");
  private static final String KILLED = RunId.of("smoke", "killed");
  private static final List<String> RUNS = List.of(BASE, WORSE, DIVERGED, SAMPLED, KILLED);

  private static final String KEPT =
      "1 of 2 steps were trained and are kept, with no checkpoint: ./retune show " + DIVERGED;

  private static final String NOT_FINITE =
      DIVERGED
          + " step 2: the gradient is not finite. [gradient-not-finite]\n"
          + "  Lower train.optimizer.adamw.lr, or warm up longer: that is another experiment.";

  /** A query's answer; times are microseconds since 1970. */
  private record Answer(List<String> columns, List<List<Object>> rows) {
    /** A row's values by column. */
    List<Map<String, Object>> named() {
      return rows.stream()
          .map(
              row -> {
                Map<String, Object> named = new LinkedHashMap<>();
                IntStream.range(0, row.size()).forEach(i -> named.put(columns.get(i), row.get(i)));
                return named;
              })
          .toList();
    }

    List<Object> column(String name) {
      return named().stream().map(row -> row.get(name)).toList();
    }
  }

  /** A query with its parameters. */
  private record Question(String name, Map<String, String> parameters) {}

  @TempDir static Path folder;

  private Path store;
  private LineageQueries queries;
  private final Map<Question, Answer> bySpark = new LinkedHashMap<>();
  private final Map<Question, Answer> byDuckDb = new LinkedHashMap<>();
  private JsonNode comments;
  private JsonNode trained;

  @BeforeAll
  void runsOfEveryFate() throws IOException {
    store = folder.resolve("store");
    SmokeStore.into(store);
    run("conf/runs/smoke.conf", "base", "order.steps=2").json();
    run("conf/runs/smoke.conf", "worse", "order.steps=2", "train.optimizer.adamw.lr=0.05").json();
    assertThat(
            run(
                    "conf/runs/smoke.conf",
                    "diverged",
                    "order.steps=2",
                    "train.optimizer.adamw.lr=1e30")
                .exitCode())
        .isEqualTo(2);
    run(anotherSample().toString(), "sampled", "order.steps=2").json();
    RetuneProcess victim =
        RetuneProcess.start(arguments("conf/runs/smoke.conf", "killed", "order.steps=3"));
    assertThat(victim.killWhen(() -> victim.stderr().contains("step 1/3"))).isTrue();
    run("conf/runs/smoke.conf", "killed", "order.steps=3").json();
    ask();
  }

  private Said run(String conf, String request, String... settings) {
    return RetuneHere.run(arguments(conf, request, settings));
  }

  private String[] arguments(String conf, String request, String... settings) {
    List<String> arguments =
        new ArrayList<>(
            List.of("run", conf, "--store", store.toString(), "--request", request, "--json"));
    Stream.concat(Stream.of("order.micro-batches=2", "evaluation.prompts=[]"), Stream.of(settings))
        .forEach(setting -> arguments.addAll(List.of("--set", setting)));
    return arguments.toArray(String[]::new);
  }

  /** The smoke configuration with another seed of its sample, in a folder like the project's. */
  private static Path anotherSample() throws IOException {
    FileUtils.copyDirectory(Path.of("conf").toFile(), folder.resolve("conf").toFile());
    Path conf = folder.resolve(Path.of("conf", "runs", "smoke.conf"));
    String seed = "keep = 160, by = synset, seed = ";
    String text = Files.readString(conf);
    assertThat(text).contains(seed + 7);
    return Files.writeString(conf, text.replace(seed + 7, seed + 8));
  }

  private void ask() throws IOException {
    queries =
        new LineageQueries(
            SparkForTests.session(), Store.open(store.toString(), new Configuration()));
    for (Question question : questions()) {
      bySpark.put(question, answer(question));
    }
    Path asked = folder.resolve("questions.json");
    Files.writeString(asked, Json.write(List.copyOf(bySpark.keySet())));
    Path out = folder.resolve("answers.json");
    Readers.run("asked_by_others.py", store, out, asked);
    JsonNode others = Json.read(Files.readAllBytes(out));
    comments = others.path("comments");
    trained = others.path("trained");
    int next = 0;
    for (Question question : bySpark.keySet()) {
      byDuckDb.put(question, answer(others.path("answers").path(next++)));
    }
  }

  private List<Question> questions() {
    List<Question> questions = new ArrayList<>();
    for (String name : List.of("cost", "failures", "leaderboard", "regressions")) {
      questions.add(new Question(name, Map.of()));
    }
    for (String run : RUNS) {
      for (String name : List.of("exposure", "rows-of-run", "steps")) {
        questions.add(of(name, run));
      }
      questions.add(between("compare", BASE, run));
      questions.add(between("data-diff", BASE, run));
    }
    questions.add(new Question("runs-of-row", Map.of("row", aRow())));
    return questions;
  }

  private static Question of(String name, String run) {
    return new Question(name, Map.of("run", run));
  }

  private static Question between(String name, String run, String other) {
    return new Question(name, new TreeMap<>(Map.of("run", run, "other", other)));
  }

  /** One that the base has seen, and the runs on the same sample too. */
  private String aRow() {
    return queries
        .ask("SELECT min(row_id) FROM exposures WHERE run = '" + BASE + "'")
        .first()
        .getString(0);
  }

  private Answer answer(Question question) {
    Dataset<Row> found =
        queries.run(
            LineageQueries.query(question.name(), question.parameters()), question.parameters());
    return new Answer(
        List.of(found.columns()),
        found.collectAsList().stream()
            .map(row -> IntStream.range(0, row.length()).mapToObj(i -> plain(row.get(i))))
            .map(Stream::toList)
            .toList());
  }

  private static Object plain(Object value) {
    if (value instanceof Timestamp time) {
      return ChronoUnit.MICROS.between(Instant.EPOCH, time.toInstant());
    }
    return value instanceof Integer number ? (Object) number.longValue() : value;
  }

  private static Answer answer(JsonNode json) {
    List<String> columns = new ArrayList<>();
    json.path("columns").forEach(column -> columns.add(column.asText()));
    List<List<Object>> rows = new ArrayList<>();
    for (JsonNode row : json.path("rows")) {
      List<Object> values = new ArrayList<>();
      row.forEach(value -> values.add(plain(value)));
      rows.add(values);
    }
    return new Answer(columns, rows);
  }

  private static Object plain(JsonNode value) {
    if (value.isNull()) {
      return null;
    } else if (value.isIntegralNumber()) {
      return value.asLong();
    }
    return value.isDouble() ? (Object) value.asDouble() : value.asText();
  }

  /**
   * Doubles to the last bit, those that are computed too: each is one product and one quotient, in
   * the same order, which IEEE 754 rounds in one way.
   */
  @Test
  void everyQueryGivesTheSameRowsInTheSameOrderInSparkAndInDuckDb() {
    assertThat(bySpark.keySet().stream().map(Question::name).distinct())
        .containsExactlyInAnyOrderElementsOf(
            LineageQueries.list().stream().map(LineageQueries.Query::name).toList());
    bySpark.forEach(
        (question, answer) -> {
          assertThat(byDuckDb.get(question)).as(question.toString()).isEqualTo(answer);
          boolean nothing = nothing().contains(question);
          assertThat(answer.rows().isEmpty()).as(question.toString()).isEqualTo(nothing);
        });
    System.out.printf(
        "%d questions, %d rows: the same in Spark and DuckDB%n",
        bySpark.size(), bySpark.values().stream().mapToInt(a -> a.rows().size()).sum());
  }

  @Test
  void readmesBlockFindsTheRowsThatMadeEachModel() {
    List<String> expected =
        queries
            .ask(
                """
                SELECT run, row_id, sort_array(collect_list(step)) AS seen_in
                FROM exposures GROUP BY run, row_id ORDER BY run, row_id""")
            .toJSON()
            .collectAsList();
    assertThat(trained).extracting(JsonNode::toString).isEqualTo(expected).isNotEmpty();
  }

  /** A run is like itself, and another learning rate takes the same rows. */
  private static List<Question> nothing() {
    return List.of(
        between("compare", BASE, BASE),
        between("data-diff", BASE, BASE),
        between("data-diff", BASE, WORSE));
  }

  private static Question sampledDifference() {
    return between("data-diff", BASE, SAMPLED);
  }

  @Test
  void theRowsOfARunAreTheLedgersOfTheStepsItDid() {
    Map<String, Integer> done = Map.of(BASE, 2, WORSE, 2, DIVERGED, 1, SAMPLED, 2, KILLED, 3);
    done.forEach(
        (run, steps) -> {
          List<String> planned =
              queries
                  .ask(
                      """
                      SELECT explode(row_ids) AS row_id, example_id, step, micro_batch, slot
                      FROM ledger JOIN runs ON runs.plan_key = ledger.plan_key
                      WHERE split = 'train' AND step <= %d AND run = '%s'
                      ORDER BY step, micro_batch, slot, row_id"""
                          .formatted(steps, run))
                  .collectAsList()
                  .stream()
                  .map(row -> row.mkString(" "))
                  .toList();
          assertThat(bySpark.get(of("rows-of-run", run)).named())
              .extracting(
                  row ->
                      Stream.of("row_id", "example_id", "step", "micro_batch", "slot")
                          .map(column -> row.get(column).toString())
                          .reduce((a, b) -> a + " " + b)
                          .orElseThrow())
              .containsExactlyElementsOf(planned)
              .hasSizeGreaterThan(2);
        });
    assertThat(bySpark.get(of("rows-of-run", BASE)).column("dataset_version")).containsOnly(1L);
  }

  /** How often a run saw each row. */
  private Map<Object, Long> times(String run) {
    return counted(bySpark.get(of("rows-of-run", run)).column("row_id"));
  }

  private static Map<Object, Long> counted(List<Object> values) {
    return values.stream().collect(groupingBy(value -> value, TreeMap::new, counting()));
  }

  @Test
  void theDifferenceOfTwoRunsIsThatOfTheirRows() {
    Map<Object, Long> one = times(BASE);
    Map<Object, Long> two = times(SAMPLED);
    List<List<Object>> expected =
        Stream.concat(one.keySet().stream(), two.keySet().stream())
            .distinct()
            .sorted()
            .<List<Object>>map(
                row ->
                    List.of("wordnet", row, one.getOrDefault(row, 0L), two.getOrDefault(row, 0L)))
            .filter(row -> !row.get(2).equals(row.get(3)))
            .toList();
    assertThat(bySpark.get(sampledDifference()).rows()).isEqualTo(expected);
  }

  @Test
  void exposureCountsWhatRowsOfRunLists() {
    Map<Object, Long> counted = new TreeMap<>();
    bySpark
        .get(of("exposure", KILLED))
        .named()
        .forEach(row -> counted.put(row.get("row_id"), (Long) row.get("times_seen")));
    assertThat(counted).isEqualTo(times(KILLED));
  }

  @Test
  void theRunsOfARowAreThoseThatListIt() {
    String row = aRow();
    Map<Object, Long> expected = new TreeMap<>();
    RUNS.forEach(
        run -> {
          if (times(run).containsKey(row)) {
            expected.put(run, times(run).get(row));
          }
        });
    Answer answer = bySpark.get(new Question("runs-of-row", Map.of("row", row)));
    assertThat(counted(answer.column("run"))).isEqualTo(expected).containsKeys(BASE, WORSE, KILLED);
  }

  @Test
  void comparedAreExactlyTheKeysThatWereSetOtherwise() {
    String reason =
        "2e-4 needs 40 steps for the same loss (3.07 against 3.12 nats, batches of 16 examples)";
    assertThat(configuration(WORSE))
        .containsExactly("train.optimizer.adamw.lr: 0.0005 because " + reason + ", 0.05");
    assertThat(configuration(SAMPLED))
        .containsExactly(
            "data.prepare.small.sample.seed: 7 because seconds, not minutes, 8 because seconds, not"
                + " minutes");
    assertThat(configuration(KILLED)).containsExactly("order.steps: 2, 3");
  }

  private List<String> configuration(String other) {
    return bySpark.get(between("compare", BASE, other)).named().stream()
        .filter(row -> row.get("part").equals("configuration"))
        .map(
            row ->
                "%s: %s%s, %s%s"
                    .formatted(
                        row.get("key"),
                        row.get("run_value"),
                        because(row.get("run_reason")),
                        row.get("other_value"),
                        because(row.get("other_reason"))))
        .toList();
  }

  private static String because(Object reason) {
    return reason == null ? "" : " because " + reason;
  }

  @Test
  void whatRegressedIsTheWorseRunAgainstTheModelAndTheRunBeforeIt() {
    assertThat(bySpark.get(new Question("regressions", Map.of())).named())
        .extracting(row -> row.get("run") + " " + row.get("kind") + " " + row.get("better_run"))
        .containsExactly(WORSE + " earlier run " + BASE, WORSE + " untouched model null");
  }

  @Test
  void whatFailedIsTheRunThatDivergedAndTheAttemptOfTheKilledDriver() throws IOException {
    Consumer<Stream<String>> asExpected =
        found ->
            assertThat(found)
                .containsExactly(
                    DIVERGED + " unfinished unfinished null 1 has no end yet",
                    DIVERGED + " unfinished attempt 1 1 " + NOT_FINITE,
                    DIVERGED + " unfinished bad-input null 1 " + NOT_FINITE + "\n" + KEPT,
                    KILLED + " finished attempt 1 1 driver lost");
    asExpected.accept(
        bySpark.get(new Question("failures", Map.of())).rows().stream()
            .map(row -> row.subList(0, 6).stream().map(String::valueOf))
            .map(words -> words.reduce((a, b) -> a + " " + b).orElseThrow()));
    // The command line says the same, but for nulls, which it leaves out.
    List<JsonNode> printed = new ArrayList<>();
    Json.read(
            RetuneProcess.run("lineage", "failures", "--store", store.toString(), "--json")
                .stdout()
                .getBytes(StandardCharsets.UTF_8))
        .forEach(printed::add);
    asExpected.accept(
        printed.stream()
            .map(
                row ->
                    Stream.of("run", "status", "what", "attempt", "step", "cause")
                        .map(column -> row.path(column).asText("null"))
                        .reduce((a, b) -> a + " " + b)
                        .orElseThrow()));
  }

  @Test
  void aRunThatWasTakenUpAgainCostsBothAttemptsAndEachStepOnce() {
    Map<Object, Map<String, Object>> costs = new TreeMap<>();
    bySpark
        .get(new Question("cost", Map.of()))
        .named()
        .forEach(row -> costs.put(row.get("run"), row));
    assertThat(costs).containsOnlyKeys(RUNS);
    assertThat(costs.get(KILLED))
        .containsEntry("attempts", 2L)
        .containsEntry("steps_done", 3L)
        .containsEntry("steps_recomputed", 1L);
    assertThat(costs.get(DIVERGED))
        .containsEntry("status", "unfinished")
        .containsEntry("attempts", 1L)
        .containsEntry("steps_done", 1L);
    for (String run : List.of(DIVERGED, KILLED)) {
      long bytes =
          queries
              .ask("SELECT DISTINCT path FROM artifacts WHERE run = '" + run + "'")
              .collectAsList()
              .stream()
              .mapToLong(row -> store.resolve(row.getString(0)).toFile().length())
              .sum();
      assertThat(costs.get(run)).containsEntry("artifact_bytes", bytes);
    }
    assertThat(bySpark.get(of("steps", KILLED)).column("attempt")).containsExactly(1L, 2L, 2L);
  }

  @Test
  void theBestOfARaceIsFirstAndAnotherSampleIsAnotherRace() {
    Map<Object, List<String>> races = new TreeMap<>();
    bySpark
        .get(new Question("leaderboard", Map.of()))
        .named()
        .forEach(
            row ->
                races
                    .computeIfAbsent(row.get("evaluation_sha256"), examples -> new ArrayList<>())
                    .add(row.get("place") + " " + row.get("run")));
    assertThat(races.values())
        .containsExactlyInAnyOrder(
            List.of("1 " + KILLED, "2 " + BASE, "3 " + WORSE), List.of("1 " + SAMPLED));
  }

  @Test
  void deltaRsHasTheCommentOfEveryTableAndColumn() {
    assertThat(comments.size()).isPositive();
    comments
        .fields()
        .forEachRemaining(
            table -> {
              Map<String, String> expected = new LinkedHashMap<>();
              StructType schema = queries.ask("SELECT * FROM " + table.getKey()).schema();
              for (StructField field : schema.fields()) {
                expected.put(field.name(), field.getComment().get());
              }
              Map<String, String> found = new LinkedHashMap<>();
              table
                  .getValue()
                  .fields()
                  .forEachRemaining(c -> found.put(c.getKey(), c.getValue().asText("")));
              assertThat(found.remove("")).as(table.getKey()).isNotBlank();
              assertThat(found).as(table.getKey()).isEqualTo(expected);
            });
  }

  @Test
  void everyJournalAndMetadataIsValidForAnIndependentValidator() throws IOException {
    Path out = folder.resolve("valid.json");
    Readers.run("valid_documents.py", "docs/schemas", store, out);
    JsonNode valid = Json.read(Files.readAllBytes(out));
    assertThat(valid.path("metadata").asInt()).isEqualTo(RUNS.size());
    assertThat(valid.at("/lines/step").asInt()).isEqualTo(2 + 2 + 1 + 2 + 3);
    assertThat(valid.path("lines").fieldNames())
        .toIterable()
        .contains("header", "declared", "attempt-ended", "failed", "ended", "written");
  }

  @Test
  void theCheckOfTheDocumentsAcceptsEveryJournalAndKnowsItsSeal() throws Exception {
    for (String run : RUNS) {
      JsonNode recorded =
          Json.read(Files.readAllBytes(store.resolve(Path.of("runs", run, "recorded.json"))));
      assertThat(checked(journal(run)))
          .isEqualTo(recorded.path("entry").asLong() + " " + recorded.path("seal").asText());
    }
  }

  @Test
  void theCheckOfTheDocumentsRefusesAJournalThatWasTamperedWith() throws Exception {
    for (int segment = 1; segment <= 2; segment++) {
      List<String> lines =
          Files.readAllLines(journal(KILLED).resolve("%06d.jsonl".formatted(segment)));
      int last = lines.size() - 1;
      List<String> changed = new ArrayList<>(lines);
      changed.set(last - 1, lines.get(last - 1).replaceFirst("\"entry\":(\\d)", "\"entry\":9$1"));
      List<String> lost = new ArrayList<>(lines);
      lost.remove(last - 1);
      List<String> moved = new ArrayList<>(lines);
      moved.set(last, lines.get(last - 1));
      moved.set(last - 1, lines.get(last));
      List<String> repeated = new ArrayList<>(lines);
      repeated.add(lines.get(last));
      for (List<String> tampered : List.of(changed, lost, moved, repeated)) {
        assertThat(checked(tampered(segment, String.join("\n", tampered) + "\n")))
            .startsWith("refused");
      }
    }
  }

  @Test
  void whatWasBeingWrittenDoesNotCountAndWhatWasCutOffIsMissedByItsSealAlone() throws Exception {
    String whole = Files.readString(journal(KILLED).resolve("000002.jsonl"));
    assertThat(checked(tampered(2, whole + "{\"entry\":17,\"ti")))
        .isEqualTo(checked(journal(KILLED)));
    String cut = whole.substring(0, whole.lastIndexOf('\n', whole.length() - 2) + 1);
    assertThat(checked(tampered(2, cut)))
        .matches("\\d+ [0-9a-f]{64}")
        .isNotEqualTo(checked(journal(KILLED)));
  }

  private Path journal(String run) {
    return store.resolve(Path.of("runs", run, "journal"));
  }

  /** The killed run's journal with another segment. */
  private Path tampered(int segment, String text) throws IOException {
    Path copy = Files.createTempDirectory(folder, "journal");
    FileUtils.copyDirectory(journal(KILLED).toFile(), copy.toFile());
    Files.writeString(copy.resolve("%06d.jsonl".formatted(segment)), text);
    return copy;
  }

  /** What the Python program of docs/journal.md says of a journal. */
  private static String checked(Path journal) throws IOException, InterruptedException {
    Matcher program =
        Pattern.compile("```python\n(.*?)```", Pattern.DOTALL)
            .matcher(Files.readString(Path.of("docs", "journal.md")));
    assertThat(program.find()).isTrue();
    Path check = Files.writeString(folder.resolve("check.py"), program.group(1));
    Process process = Readers.process(check, journal).redirectErrorStream(true).start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return process.waitFor() == 0 ? said.strip() : "refused: " + said;
  }
}
