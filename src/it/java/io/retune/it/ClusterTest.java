package io.retune.it;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.retune.RetuneHere;
import io.retune.Said;
import io.retune.job.RunId;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/**
 * On a standalone cluster of a master and two workers, by {@code jobs/submit.sh}: the weights of a
 * laptop, and exit codes that are true, in client and in cluster mode.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ClusterTest {
  private static final String SMOKE = "conf/runs/smoke.conf";

  private static final List<String> CLIENT = List.of();
  private static final List<String> CLUSTER = List.of("--deploy-mode", "cluster");

  /** What Spark says before anybody can tell it how to log. */
  private static final Pattern SPARKS_OWN =
      Pattern.compile("^(WARNING: |\\d\\d/\\d\\d/\\d\\d [0-9:]+ WARN ).*\\n", Pattern.MULTILINE);

  private static final Pattern PID = Pattern.compile("\"pid\":(\\d+)");

  @TempDir static Path folder;

  private SparkCluster cluster;
  private String weights;

  @BeforeAll
  void whatALaptopComesTo() {
    cluster = new SparkCluster(folder, 2);
    SmokeStore.into(store());
    weights =
        RunAnswer.weights(
            RetuneHere.run("run", SMOKE, "--store", store().toString(), "--json").json());
  }

  @AfterAll
  void stop() {
    cluster.close();
  }

  @Test
  void theSameInClientModeWithARankOnEachExecutorAndItsGpus() {
    JsonNode result =
        submit(
                with(
                    CLIENT,
                    "--conf",
                    "spark.executor.resource.gpu.amount=1",
                    "--conf",
                    "spark.task.resource.gpu.amount=0.5"),
                run("--json"))
            .waitFor()
            .json();
    assertThat(RunAnswer.weights(result)).isEqualTo(weights);
    assertThat(RunAnswer.processes(result)).hasSize(2);
    Said asked =
        RetuneHere.run(
            "sql",
            "SELECT gpu_addresses FROM attempts WHERE run = '" + result.path("run").asText() + "'",
            "--store",
            store().toString(),
            "--json");
    assertThat(asked.stdout()).containsPattern("\\[\"4\",\"5\"\\]|\\[\"5\",\"4\"\\]");
  }

  @Test
  void theSameInClusterModeAfterAnExecutorIsKilledAndTheExitCodeComesBack() throws IOException {
    String request = "loses-an-executor";
    RetuneProcess retune = submit(CLUSTER, run("--request", request));
    assertThat(retune.runsUntil(() -> journal(request).contains("\"type\":\"step\""))).isTrue();
    Matcher executor = PID.matcher(journal(request));
    assertThat(executor.find()).isTrue();
    long pid = Long.parseLong(executor.group(1));
    assertThat(ProcessHandle.of(pid).orElseThrow().destroyForcibly()).isTrue();
    assertThat(retune.waitFor().exitCode()).as(retune::stderr).isZero();
    assertThat(retune.stderr()).contains("weights   sha256 " + weights).contains("attempt   2  ");
  }

  @Tag(LongForm.TAG)
  @Test
  void aKilledDriverOfClusterModeIsSaidToBeResumableAndItsRunGoesOn() {
    String request = "loses-its-driver";
    RetuneProcess retune = submit(CLUSTER, run("--request", request));
    assertThat(retune.runsUntil(() -> journal(request).contains("\"type\":\"checkpoint\"")))
        .isTrue();
    driverOf(request).destroyForcibly();
    assertThat(retune.waitFor().exitCode()).as(retune::stderr).isEqualTo(3);
    assertThat(retune.stderr())
        .contains("The driver ended without an exit code: it was killed, or its host was lost.");
    JsonNode result = submit(CLUSTER, run("--request", request, "--json")).waitFor().json();
    assertThat(RunAnswer.weights(result)).isEqualTo(weights);
    assertThat(result.at("/attempts/1/resumed_from").asInt()).isPositive();
  }

  @Test
  void badInputIsExitCodeTwoInBothModesAndSaysTheSame() {
    List<String> said = new ArrayList<>();
    for (List<String> mode : List.of(CLIENT, CLUSTER)) {
      RetuneProcess retune = submit(mode, run("--set", "train.optimizer.adamw.lr=fast")).waitFor();
      assertThat(retune.exitCode()).as(retune::stderr).isEqualTo(2);
      assertThat(retune.stderr()).contains("train.optimizer.adamw.lr");
      said.add(SPARKS_OWN.matcher(retune.stderr()).replaceAll(""));
    }
    assertThat(said.get(1)).isEqualTo(said.get(0));
  }

  /** A cache that is another folder for each process, as it is on another host. */
  @Test
  void executorsThatDoNotSeeTheDriversCacheReadItsSourcesAllTheSame() {
    Path cache = Path.of(System.getProperty("user.home"), ".cache", "retune");
    Path fromHere = Path.of("").toAbsolutePath().relativize(cache);
    JsonNode ingested =
        submit(
                CLIENT,
                "ingest",
                SMOKE,
                "--store",
                folder.resolve("another-store").toString(),
                "--set",
                "cache=/proc/self/cwd/" + fromHere,
                "--json")
            .waitFor()
            .json();
    assertThat(ingested.at("/datasets/wordnet/rows").asInt()).isEqualTo(117_907);
    assertThat(folder.resolve("another-store/.being-read")).isEmptyDirectory();
  }

  @Test
  void aStoreThatExecutorsDoNotSeeIsRefusedByTheirHost() {
    // A path that is another folder for each process.
    RetuneProcess retune =
        submit(CLIENT, "run", SMOKE, "--set", "store=/proc/self/cwd/target/a-store-of-its-own")
            .waitFor();
    assertThat(retune.exitCode()).as(retune::stderr).isEqualTo(2);
    assertThat(retune.stderr())
        .contains("is another folder, or none, on 127.0.0.1.")
        .contains("that driver and executors see under the same path");
    assertThat(Path.of("target/a-store-of-its-own/datasets")).doesNotExist();
  }

  private static Path store() {
    return folder.resolve("store");
  }

  private static String journal(String request) {
    Path journal =
        store().resolve(Path.of("runs", RunId.of("smoke", request), "journal", "000001.jsonl"));
    try {
      return Files.exists(journal) ? Files.readString(journal) : "";
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  /** The JVM that Spark's worker started for it: its command line has the request. */
  private static ProcessHandle driverOf(String request) {
    return ProcessHandle.allProcesses()
        .filter(
            process ->
                process
                    .info()
                    .commandLine()
                    .filter(line -> line.contains("DriverWrapper") && line.contains(request))
                    .isPresent())
        .findFirst()
        .orElseThrow();
  }

  private static List<String> with(List<String> options, String... more) {
    List<String> all = new ArrayList<>(options);
    all.addAll(List.of(more));
    return all;
  }

  private static String[] run(String... options) {
    List<String> arguments = new ArrayList<>(List.of("run", SMOKE, "--store", store().toString()));
    arguments.addAll(List.of(options));
    return arguments.toArray(String[]::new);
  }

  private RetuneProcess submit(List<String> mode, String... arguments) {
    List<String> options =
        new ArrayList<>(
            List.of(
                "--properties-file", "jobs/profiles/standalone.properties",
                "--master", cluster.master(),
                "--executor-cores", "1",
                "--executor-memory", "1g",
                "--driver-memory", "1g",
                "--conf", "spark.cores.max=2",
                "--conf", "spark.ui.enabled=false"));
    options.addAll(mode);
    Map<String, String> environment = new HashMap<>(SparkCluster.environment());
    return RetuneProcess.submit(environment, options, arguments);
  }
}
