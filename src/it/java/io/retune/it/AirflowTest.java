package io.retune.it;

import static java.util.stream.Collectors.joining;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.retune.RetuneHere;
import io.retune.job.RunId;
import io.retune.store.Json;
import io.retune.store.Lease;
import io.retune.store.Sha256;
import io.retune.store.Store;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/**
 * The DAGs of {@code jobs/airflow} in a real Airflow, with the real model: the weights of {@code
 * ./retune} alone, whatever is killed, and one run of it.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class AirflowTest {
  private static final Path SOURCES = Path.of("jobs", "airflow");
  private static final String CONF = "conf/words.conf";
  private static final String DATASET = "retune://store/datasets/words";
  private static final String ADAPTER = "retune://store/adapters/words";

  private static final String INGEST = "retune_ingest";
  private static final String TUNE = "retune_tune";

  private static final List<String> THINGS =
      List.of(
          "anchor", "basket", "bridge", "candle", "castle", "compass", "dagger", "engine",
          "feather", "forest", "garden", "glacier", "hammer", "harbor", "helmet", "island",
          "jacket", "kettle", "ladder", "lantern", "meadow", "mirror", "needle", "orchard", "oven",
          "pillow", "quarry", "ribbon", "saddle", "table", "valley", "violin");

  @TempDir static Path folder;

  private Path home;
  private Path store;
  private Path dags;
  private String words;
  private String weights;
  private Airflow airflow;

  /** The version 1 of the words, trained on by {@code ./retune} alone. */
  @BeforeAll
  void setUp() throws IOException {
    home = Files.createDirectories(folder.resolve("home"));
    store = folder.resolve("store");
    dags = Files.createDirectories(folder.resolve("dags"));
    Files.createDirectories(home.resolve("conf"));
    Files.copy(Path.of("conf/models/smollm2-135m-instruct.conf"), home.resolve("conf/model.conf"));
    words = writeWords("a thing that people call %s when they see one");
    Files.writeString(home.resolve(CONF), configuration(words));
    RetuneProcess.installLauncher(home, List.of());
    writeDags();
    CompletableFuture<Airflow> created =
        CompletableFuture.supplyAsync(() -> Airflow.create(folder.resolve("airflow"), dags));
    try {
      RetuneProcess alone =
          RetuneProcess.run(
              "run", home.resolve(CONF).toString(), "--store", store.toString(), "--json");
      weights = alone.json().path("weights_sha256").asText();
    } finally {
      airflow = created.join();
    }
  }

  /** A line for each thing; its digest. */
  private String writeWords(String meaning) throws IOException {
    String lines =
        THINGS.stream()
            .map(it -> Json.write(Map.of("word", it, "meaning", meaning.formatted(it))) + "\n")
            .collect(joining());
    Path file = Files.writeString(home.resolve("words.jsonl"), lines);
    return Sha256.of(file).hex();
  }

  private String configuration(String sha256) {
    return """
        name = words
        description = "A few words, for a test."
        model { include "model.conf" }
        data {
          datasets.words = { source = "file:%s", sha256 = %s, format = jsonl, licence = CC0-1.0, privacy = public }
          prepare = [
            { name = held-out, split = { evaluation = 0.25, by = word, seed = 7 } }
            { name = chat, render = [
                { role = user, content = "Define the noun \\"${word}\\" in one sentence." }
                { role = assistant, content = "${meaning}", train = true } ] }
            { name = fits, length = { max = 128 } }
          ]
        }
        order { seed = 42, steps = 6, micro-batches = 2, tokens-per-micro-batch = 128 }
        train {
          seed = 42
          method = { lora { rank = 16, alpha = 32, targets = all-linear } }
          optimizer = { adamw { lr = 5e-4 } }
          schedule = { constant {} }
          checkpoint-every = 1 steps
        }
        evaluation { split = held-out, bootstrap = { resamples = 1000, seed = 1 } }
        """
        .formatted(home.resolve("words.jsonl"), sha256);
  }

  private void writeDags() throws IOException {
    for (String file : List.of("retune_airflow.py", "retune_dags.py")) {
      Files.copy(SOURCES.resolve(file), dags.resolve(file));
    }
    Files.writeString(
        dags.resolve("retune_dags.yaml"),
        """
        home: %s
        store: %s
        retry-seconds: 1
        ingest:
          schedule: null
          datasets: {words: %s}
        tune:
          configurations: {%s: [words]}
        """
            .formatted(home, store, CONF, CONF));
  }

  @Test
  void theDagsAreImportedQuicklyWithoutWarningsAndAreAsPromised() throws Exception {
    Path out = folder.resolve("dags.json");
    // Of the repository itself, with its own settings.
    airflow.script(folder.resolve("dags.log"), "airflow_dags.py", SOURCES.toAbsolutePath(), out);
    JsonNode found = Json.read(Files.readAllBytes(out));
    assertThat(found.path("errors")).isEmpty();
    assertThat(found.path("defaults").asBoolean()).as("the file says the defaults").isTrue();
    assertThat(found.path("warnings")).isEmpty();
    assertThat(found.path("seconds").asDouble()).as("of CPU").isLessThan(3);
    assertThat(found.path("dags").path(INGEST))
        .isEqualTo(
            json(
                """
                {"schedule": "CronTriggerTimetable", "assets": [], "catchup": false, "max_active_runs": 1,
                 "tags": ["data", "retune"], "documented": true,
                 "tasks": {"wordnet": {"type": "RetuneOperator", "pool": "retune_data", "retries": 5, "backoff": 2,
                   "timeout_hours": 12.0, "owner": "retune", "documented": true, "upstream": [], "mapped": false,
                   "outlets": ["retune://retune-store/datasets/wordnet"]}}}
                """));
    JsonNode tune = found.path("dags").path(TUNE);
    assertThat(tune.path("assets")).isEqualTo(json("[\"retune://retune-store/datasets/wordnet\"]"));
    assertThat(tune.path("max_active_runs").asInt()).isEqualTo(4);
    assertThat(tune.path("documented").asBoolean()).isTrue();
    Map<String, String> tasks = new HashMap<>();
    tune.path("tasks")
        .fields()
        .forEachRemaining(
            task ->
                tasks.put(
                    task.getKey(),
                    Stream.of("pool", "retries", "timeout_hours", "mapped", "upstream", "outlets")
                        .map(key -> task.getValue().path(key).toString())
                        .collect(joining(" "))));
    assertThat(tasks)
        .isEqualTo(
            Map.of(
                "choose", "\"retune_data\" 5 12.0 false [] []",
                "prepare", "\"retune_data\" 5 12.0 true [\"choose\"] []",
                "finetune", "\"retune_training\" 5 72.0 true [\"choose\",\"prepare\"] []",
                "evaluate",
                    "\"retune_training\" 5 12.0 true [\"choose\",\"finetune\"]"
                        + " [\"adapters of retune://retune-store\"]"));
  }

  @Test
  void anExitCodeIsRetriedWhereThatCanHelpAndNoDriverIsForgotten() throws Exception {
    Path out = folder.resolve("operator.json");
    Path log = folder.resolve("operator.log");
    Path programs = Files.createDirectory(folder.resolve("programs"));
    airflow.script(log, "airflow_operator.py", dags, programs, out);
    JsonNode found = Json.read(Files.readAllBytes(out));
    String asked =
        " finetune conf/a.conf --version more=1 --version words=3 --set data.datasets.words.sha256="
            + "ab".repeat(32)
            + " --request a/b --store /data/store --site jobs/sites/laptop.conf 0 --json";
    assertThat(words(found.at("/here/arguments"))).isEqualTo(programs + "/retune" + asked);
    assertThat(words(found.at("/on a cluster/arguments")))
        .isEqualTo(programs + "/jobs/submit.sh --master yarn --" + asked);
    assertThat(found.at("/here/airflow")).as("variables of Airflow's").isEmpty();
    String secret = found.at("/here/secret").asText();
    assertThat(secret).isEqualTo("hunter2-of-a-test");
    assertThat(Files.readString(log))
        .doesNotContain(secret)
        .contains("sträßchen", "the last line, without an end");
    String ended = "retune finetune ended with exit code ";
    String goesOn = " The same request goes on.";
    String problem = "\na.conf:1: is wrong. [a-code]\n  Write it right.";
    Map<String, String> exits = new HashMap<>();
    found
        .path("exits")
        .fields()
        .forEachRemaining(e -> exits.put(e.getKey(), e.getValue().asText()));
    assertThat(exits)
        .isEqualTo(
            Map.of(
                "1", "AirflowFailException: " + ended + "1." + problem,
                "2", "AirflowFailException: " + ended + "2." + problem,
                "3",
                    "AirflowException: "
                        + ended
                        + "3: it failed and can be resumed."
                        + goesOn
                        + problem,
                "4", "AirflowFailException: " + ended + "4." + problem,
                "5",
                    "AirflowException: "
                        + ended
                        + "5: another driver holds the run."
                        + goesOn
                        + problem,
                "64", "AirflowFailException: " + ended + "0, but not with a JSON object.",
                "65", "AirflowException: " + ended + "1: it was killed, or did not start." + goesOn,
                "66", "AirflowFailException: " + ended + "2.",
                "201",
                    "AirflowException: "
                        + ended
                        + "137: it was killed, or did not start."
                        + goesOn));
    assertThat(found.path("timeout"))
        .isEqualTo(
            json("{\"raised\": \"AirflowTaskTimeout\", \"told\": \"SIGTERM\", \"gone\": true}"));
    Map<String, String> ends =
        Map.of(
            "told to end",
            "AirflowException: " + ended + "143: it was interrupted." + goesOn,
            "told to end and deaf",
            "AirflowException: " + ended + "-9: it was killed, or did not start." + goesOn,
            "its task is killed",
            "null",
            "its supervisor is killed",
            "AirflowException: The supervisor of this task is gone, so nobody could stop it: it ends.");
    ends.forEach(
        (how, end) -> {
          JsonNode driver = found.path(how);
          assertThat(driver.path("gone").asBoolean()).as(how).isTrue();
          assertThat(driver.path("told").asText()).as(how).isEqualTo("SIGTERM");
          assertThat(driver.path("end").asText()).as(how).isEqualTo(end);
        });
  }

  @Test
  void dagsTestTrainsTheWeightsOfRetuneAlone() {
    Airflow tested = airflow.copy(folder.resolve("dags-test"), dags);
    List<String> before = runs();
    tested.command("dags", "test", INGEST);
    tested.command("dags", "test", TUNE, "--conf", "{\"versions\": {\"words\": 1}}");
    List<String> made = runs();
    made.removeAll(before);
    assertThat(made).hasSize(1);
    assertThat(
            sql(
                "SELECT status, weights_sha256 FROM run_overview WHERE run = '"
                    + made.get(0)
                    + "'"))
        .isEqualTo(
            json("[{\"status\":\"finished\",\"weights_sha256\":\"%s\"}]".formatted(weights)));
  }

  /**
   * Ingest is asked for, its Asset starts the training; that loses its task and driver, then its
   * supervisor, and is one run all the same. Another version is told; its training is marked failed
   * and cleared.
   */
  @Tag(LongForm.TAG)
  @Test
  void anUpdatedDatasetIsTrainedOnOnceWhateverIsKilled() throws Exception {
    List<String> before = runs();
    try (Airflow scheduled = airflow.copy(folder.resolve("scheduled"), dags)) {
      scheduled.start();
      scheduled.trigger(INGEST, "{}");
      String tuned = awaitRun(scheduled, 1);
      String request = TUNE + "/" + tuned + "/finetune/0";
      String run = RunId.of("words", request);

      awaitStep(scheduled, run, 1);
      ProcessHandle driver = driver(run);
      ProcessHandle task = driver.parent().orElseThrow();
      assertThat(task.destroyForcibly()).isTrue();
      assertThat(driver.destroyForcibly()).isTrue();

      awaitStep(scheduled, run, 3);
      ProcessHandle second = driver(run);
      assertThat(second.pid()).isNotEqualTo(driver.pid());
      ProcessHandle supervisor = second.parent().flatMap(ProcessHandle::parent).orElseThrow();
      assertThat(supervisor.destroyForcibly()).isTrue();
      scheduled.await("the driver that nobody could stop has ended", () -> !second.isAlive());

      awaitEnd(scheduled, tuned);
      assertThat(scheduled.state(TUNE, tuned)).isEqualTo("success");
      List<String> made = runs();
      made.removeAll(before);
      assertThat(made).containsExactly(run);
      JsonNode result = scheduled.result(TUNE, tuned, "finetune", 0);
      assertThat(result.path("weights_sha256").asText()).isEqualTo(weights);
      assertThat(result.path("request").asText()).isEqualTo(request);
      assertThat(result.path("attempts").findValuesAsText("end"))
          .hasSize(3)
          .startsWith("driver lost")
          .endsWith("finished");
      assertThat(scheduled.task(TUNE, tuned, "finetune", 0).path("try_number").asInt())
          .isGreaterThan(2);
      recordedOnce(run, request);
      told(scheduled, run, result);
      anotherVersionIsMarkedFailedAndGoesOnWhenItIsCleared(scheduled);
    }
  }

  private void recordedOnce(String run, String request) {
    assertThat(sql("SELECT run, request FROM runs WHERE request LIKE 'retune_tune/asset%'"))
        .isEqualTo(json("[{\"run\":\"%s\",\"request\":\"%s\"}]".formatted(run, request)));
    assertThat(
            sql("SELECT step FROM steps WHERE run = '" + run + "' ORDER BY step")
                .findValuesAsText("step"))
        .containsExactly("1", "2", "3", "4", "5", "6");
    assertThat(sql("SELECT version FROM datasets WHERE name = 'words'").findValuesAsText("version"))
        .containsExactly("1");
  }

  private void told(Airflow scheduled, String run, JsonNode result) {
    List<JsonNode> versions = scheduled.events(DATASET);
    assertThat(versions).hasSize(1);
    assertThat(versions.get(0).path("version").asInt()).isEqualTo(1);
    assertThat(versions.get(0).path("rows").asInt()).isEqualTo(THINGS.size());
    assertThat(versions.get(0).path("source_sha256").asText()).isEqualTo(words);
    assertThat(versions.get(0).path("root_sha256").asText())
        .isEqualTo(sql("SELECT root FROM datasets WHERE name = 'words'").at("/0/root").asText());
    List<JsonNode> adapters = scheduled.events(ADAPTER);
    assertThat(adapters).hasSize(1);
    assertThat(adapters.get(0).path("run").asText()).isEqualTo(run);
    assertThat(adapters.get(0).path("weights_sha256").asText()).isEqualTo(weights);
    assertThat(adapters.get(0).path("adapter")).isEqualTo(result.path("adapter"));
    assertThat(adapters.get(0).path("verdict").asText()).isEqualTo("better");
    assertThat(adapters.get(0).path("versions")).isEqualTo(json("{\"words\": 1}"));
  }

  /** Told with a digest that the configuration does not name; the event has it, too. */
  private void anotherVersionIsMarkedFailedAndGoesOnWhenItIsCleared(Airflow scheduled)
      throws IOException {
    String other = writeWords("what %s is called by those who know it");
    String options =
        "{\"options\": [\"--set\", \"data.datasets.words.sha256=%s\"]}".formatted(other);
    scheduled.trigger(INGEST, options);
    String tuned = awaitRun(scheduled, 2);
    String run = RunId.of("words", TUNE + "/" + tuned + "/finetune/0");
    String again = scheduled.trigger(INGEST, options);
    awaitStep(scheduled, run, 1);
    ProcessHandle driver = driver(run);
    scheduled.markFailed(TUNE, tuned, "finetune", 0);
    scheduled.await("the driver has ended", () -> !driver.isAlive());
    awaitEnd(scheduled, tuned);
    assertThat(scheduled.state(TUNE, tuned)).isEqualTo("failed");
    assertThat(scheduled.task(TUNE, tuned, "finetune", 0).path("state").asText())
        .isEqualTo("failed");
    assertThat(
            scheduled
                .result(TUNE, tuned, "choose", -1)
                .at("/0/versions/words/source_sha256")
                .asText())
        .isEqualTo(other);
    assertThat(scheduled.result(TUNE, tuned, "prepare", 0).path("dataset/words").asInt())
        .isEqualTo(2);
    scheduled.await("ingest has ended", () -> scheduled.state(INGEST, again).equals("success"));
    assertThat(scheduled.task(INGEST, again, "words", -1).path("state").asText())
        .isEqualTo("skipped");
    assertThat(scheduled.result(INGEST, again, "words", -1).at("/datasets/words/version").asInt())
        .isEqualTo(2);
    assertThat(scheduled.events(DATASET))
        .extracting(e -> e.path("version").asInt())
        .containsExactly(1, 2);
    assertThat(scheduled.runs(TUNE)).hasSize(2);
    assertThat(scheduled.events(ADAPTER)).hasSize(1);

    scheduled.clear(TUNE, tuned, "finetune");
    scheduled.await("the training goes on", () -> !scheduled.state(TUNE, tuned).equals("failed"));
    awaitEnd(scheduled, tuned);
    assertThat(scheduled.state(TUNE, tuned)).isEqualTo("success");
    JsonNode result = scheduled.result(TUNE, tuned, "finetune", 0);
    assertThat(result.path("run").asText()).isEqualTo(run);
    assertThat(result.path("attempts")).hasSize(2);
    assertThat(result.at("/attempts/1/resumed_from").asInt()).isPositive();
    List<JsonNode> adapters = scheduled.events(ADAPTER);
    assertThat(adapters).hasSize(2);
    assertThat(adapters.get(1).path("versions")).isEqualTo(json("{\"words\": 2}"));
    assertThat(adapters.get(1).path("weights_sha256")).isEqualTo(result.path("weights_sha256"));
  }

  private static String awaitRun(Airflow scheduled, int number) {
    scheduled.await("an event starts run " + number, () -> scheduled.runs(TUNE).size() >= number);
    String run = scheduled.runs(TUNE).get(number - 1);
    assertThat(run).startsWith("asset_triggered__");
    return run;
  }

  private static void awaitEnd(Airflow scheduled, String run) {
    scheduled.await(
        "the training ends",
        () -> List.of("success", "failed").contains(scheduled.state(TUNE, run)));
  }

  private void awaitStep(Airflow scheduled, String run, int step) {
    Path checkpoint =
        store.resolve(Path.of("runs", run, "checkpoints", "step-%06d".formatted(step)));
    scheduled.await(checkpoint + " is there", () -> Files.exists(checkpoint));
  }

  private ProcessHandle driver(String run) {
    Store opened = Store.open(store.toString(), new Configuration());
    Lease.Holder holder = Lease.holder(opened, opened.path("runs", run)).orElseThrow();
    return ProcessHandle.of(holder.pid()).orElseThrow();
  }

  private List<String> runs() {
    try (Stream<Path> runs = Files.list(store.resolve("runs"))) {
      return new ArrayList<>(runs.map(run -> run.getFileName().toString()).toList());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private JsonNode sql(String query) {
    RetuneHere asked = RetuneHere.run("sql", query, "--store", store.toString(), "--json");
    assertThat(asked.exitCode()).as(asked.stderr()).isZero();
    return json(asked.stdout());
  }

  private static String words(JsonNode texts) {
    return Stream.iterate(0, i -> i < texts.size(), i -> i + 1)
        .map(i -> texts.get(i).asText())
        .collect(joining(" "));
  }

  private static JsonNode json(String text) {
    try {
      return Json.read(text.getBytes(StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new UncheckedIOException(text, e);
    }
  }
}
