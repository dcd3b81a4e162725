package io.retune.it;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.retune.RetuneHere;
import io.retune.Said;
import io.retune.dataset.SparkForTests;
import io.retune.job.RunId;
import io.retune.lineage.LineageTables;
import io.retune.store.Json;
import io.retune.store.Sha256;
import io.retune.store.Store;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.apache.commons.io.FileUtils;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.delta.DeltaLog;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;

/**
 * The record of a run whose first driver is killed: watched from another terminal, held against its
 * journal, rebuilt, and changed by somebody. One run for all; the last test damages its journal.
 */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class RecordTest {
  private static final String REQUEST = "watched";
  private static final String RUN = RunId.of("smoke", REQUEST);
  private static final char ESCAPE = '\u001b';

  @TempDir private static Path store;
  private static JsonNode whileItRan;
  private static String shownWhileItRan;
  private static RetuneProcess finished;

  @BeforeAll
  static void run() {
    SmokeStore.into(store);
    RetuneProcess victim = RetuneProcess.start(arguments("run", "conf/runs/smoke.conf"));
    assertThat(victim.runsUntil(() -> victim.stderr().contains("step 1/"))).isTrue();
    whileItRan = ask("status", "--json").json();
    shownWhileItRan = ask("show", RUN).stdout();
    assertThat(victim.killWhen(() -> victim.stderr().contains("step 3/"))).isTrue();
    finished = RetuneProcess.run(arguments("run", "conf/runs/smoke.conf", "--quiet", "--json"));
  }

  private static String[] arguments(String... first) {
    List<String> arguments = new ArrayList<>(List.of(first));
    arguments.addAll(
        List.of(
            "--set",
            "order.steps=6",
            "--set",
            "order.micro-batches=8",
            "--store",
            store.toString(),
            "--request",
            REQUEST));
    return arguments.toArray(String[]::new);
  }

  private static Said ask(String... arguments) {
    return RetuneHere.run(
        Stream.concat(Stream.of(arguments), Stream.of("--store", store.toString()))
            .toArray(String[]::new));
  }

  private static List<Path> segments() throws IOException {
    try (Stream<Path> files = Files.list(store.resolve("runs").resolve(RUN).resolve("journal"))) {
      return files.sorted().toList();
    }
  }

  @Test
  @Order(1)
  void anotherTerminalSeesHowFarItIs() {
    assertThat(whileItRan.size()).isEqualTo(1);
    assertThat(whileItRan.get(0).path("run").asText()).isEqualTo(RUN);
    assertThat(whileItRan.get(0).path("status").asText()).isEqualTo("running");
    assertThat(whileItRan.get(0).path("steps_done").asInt()).isBetween(1, 5);
    assertThat(whileItRan.get(0).path("loss").asDouble()).isBetween(2.0, 7.0);
    assertThat(whileItRan.get(0).path("seconds_left").asLong()).isPositive();
    assertThat(shownWhileItRan).contains(RUN + "  running").contains(" of 6, ").contains(" left");
  }

  @Test
  @Order(1)
  void whoWantsQuietGetsTheResultAndNothingElse() throws IOException {
    assertThat(finished.exitCode()).isZero();
    assertThat(finished.stderr()).isEmpty();
    JsonNode result = Json.read(finished.stdout().strip().getBytes(StandardCharsets.UTF_8));
    assertThat(result.path("status").asText()).isEqualTo("finished");
    assertThat(result.at("/metrics/eval~1loss/verdict").asText()).isEqualTo("better");
    assertThat(Path.of(result.path("report").asText())).isRegularFile();
  }

  @Test
  @Order(1)
  void nothingThatIsPipedHasControlCharacters() throws IOException {
    try (Stream<Path> logs = Files.list(Path.of("target", "it-logs"))) {
      for (Path log : logs.filter(f -> f.toString().matches(".*\\.(out|err)")).toList()) {
        assertThat(Files.readString(log).indexOf(ESCAPE)).as(log.toString()).isEqualTo(-1);
      }
    }
  }

  @Test
  @Order(2)
  void tablesHoldWhatTheJournalSays() throws IOException {
    JsonNode rebuilt = ask("rebuild", RUN, "--json").json();
    assertThat(rebuilt.path("problems").size()).isZero();
    assertThat(rebuilt.path("steps").asInt()).isEqualTo(6);
    for (JsonNode table : rebuilt.path("tables")) {
      assertThat(table.path("added").asInt()).as(table.toString()).isZero();
      assertThat(table.path("tableRows")).isEqualTo(table.path("journalRows"));
    }
    assertThat(segments()).hasSize(2);
  }

  @Test
  @Order(3)
  void tablesThatWereLostAreMadeAgain() throws IOException {
    Said before = ask("sql", "SELECT * FROM steps ORDER BY step", "--format", "csv");
    for (String table : List.of("steps", "verdicts", "settings", "ledger_by_row", "models")) {
      FileUtils.deleteDirectory(store.resolve("lineage").resolve(table).toFile());
    }
    assertThat(ask("rebuild", RUN, "--json").json().path("problems").size()).isZero();
    assertThat(ask("sql", "SELECT * FROM steps ORDER BY step", "--format", "csv").stdout())
        .isEqualTo(before.stdout())
        .contains("\r\n");
    assertThat(ask("lineage", "rows-of-run", "run=" + RUN, "--json").stdout().lines())
        .hasSizeGreaterThan(50);
  }

  /** As by the next run of another experiment. */
  @Test
  @Order(3)
  void aTableThatAnotherRunMadeAgainHasTheRowsOfAllRuns() throws IOException {
    Said before = ask("sql", "SELECT * FROM attempts", "--format", "csv");
    FileUtils.deleteDirectory(store.resolve("lineage").resolve("attempts").toFile());
    DeltaLog.clearCache();
    new LineageTables(SparkForTests.session(), Store.open(store.toString(), new Configuration()))
        .makeAll();
    assertThat(ask("sql", "SELECT * FROM attempts", "--format", "csv").stdout())
        .isEqualTo(before.stdout())
        .contains("finished");
  }

  @Test
  @Order(3)
  void thePageIsTheSameHoweverOftenItIsMade() throws IOException {
    Path page = store.resolve("runs").resolve(RUN).resolve("report.html");
    Sha256 first = Sha256.of(page);
    assertThat(ask("report", RUN).exitCode()).isZero();
    assertThat(Sha256.of(page)).isEqualTo(first);
  }

  @Test
  @Order(4)
  void aFileThatWasChangedIsNamed() throws IOException {
    Path file = store.resolve("runs").resolve(RUN).resolve("configuration.json");
    byte[] sound = Files.readAllBytes(file);
    Files.writeString(file, "{}");
    Said rebuild = ask("rebuild", RUN);
    assertThat(rebuild.exitCode()).isEqualTo(4);
    assertThat(rebuild.stderr())
        .contains("configuration.json: is not the one that was recorded. [file-changed]");
    Files.write(file, sound);
    assertThat(ask("rebuild", RUN).exitCode()).isZero();
  }

  @Test
  @Order(4)
  void aRowThatWasChangedIsToldAndPutRightWhenThatIsAskedFor() {
    String steps = "delta.`" + store.resolve("lineage").resolve("steps") + "`";
    SparkSession spark = SparkForTests.session();
    spark.sql("ALTER TABLE " + steps + " SET TBLPROPERTIES ('delta.appendOnly' = 'false')");
    spark.sql("UPDATE " + steps + " SET loss = 0.5 WHERE step = 2");
    for (int twice = 0; twice < 2; twice++) {
      Said rebuild = ask("rebuild", RUN);
      assertThat(rebuild.exitCode()).isEqualTo(4);
      assertThat(rebuild.stderr())
          .endsWith(
              """
              table steps: has 1 row that the record of RUN does not make, and lacks 1 that it makes. To see them: ./retune sql "SELECT * FROM steps WHERE run = 'RUN'" [tables-differ]
                Nothing was added to any table. ./retune rebuild RUN --repair puts the recorded rows in the place of these; Delta keeps the tables as they are now as older versions.
              More: ./retune explain tables-differ
              """
                  .replace("RUN", RUN));
    }
    assertThat(ask("rebuild", RUN, "--repair").exitCode()).isZero();
    assertThat(ask("rebuild", RUN).exitCode()).isZero();
    assertThat(ask("sql", "SELECT count(*) AS n FROM steps", "--format", "csv").stdout())
        .isEqualTo("n\r\n6\r\n");
  }

  @Test
  @Order(5)
  void aPlanThatWasChangedIsToldWithItsRemedy() throws IOException {
    JsonNode its = Json.read(Files.readAllBytes(store.resolve("runs").resolve(RUN + "/plan.json")));
    Path plan = store.resolve("plans").resolve(its.path("key").asText()).resolve("plan.json");
    String sound = Files.readString(plan);
    Files.writeString(
        plan, sound.replaceFirst("\"evaluationTargets\" : \\[ ", "\"evaluationTargets\" : [ 1"));
    Said rebuild = ask("rebuild", RUN);
    assertThat(rebuild.exitCode()).isEqualTo(4);
    assertThat(rebuild.stderr())
        .contains(
            "plan.json: was changed since it was written. [file-damaged]\n  Delete the folder ");
    Files.writeString(plan, sound);
  }

  @Test
  @Order(6)
  void aJournalThatWasChangedIsToldAndNothingIsDoneWithIt() throws IOException {
    Path segment = segments().get(1);
    String sound = Files.readString(segment);
    Files.writeString(segment, sound.replaceFirst("\"loss\":", "\"loss\":1"));
    for (String verb : List.of("rebuild", "show")) {
      Said asked = ask(verb, RUN);
      assertThat(asked.exitCode()).as(verb).isEqualTo(4);
      assertThat(asked.stderr()).contains("does not follow from the lines before it");
    }
    // The others, were there any, are shown all the same.
    assertThat(ask("runs").exitCode()).isZero();
    Files.writeString(segment, sound);
    assertThat(ask("show", RUN).exitCode()).isZero();
  }
}
