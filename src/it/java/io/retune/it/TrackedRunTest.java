package io.retune.it;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.retune.RetuneHere;
import io.retune.Said;
import io.retune.it.FaultProxy.Fault;
import io.retune.job.RunId;
import io.retune.store.Json;
import io.retune.store.Lease;
import io.retune.store.Store;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whole runs beside a tracking server that fails: nothing is lost, and nothing waits for it. */
class TrackedRunTest {
  /** Weights of conf/runs/smoke.conf with two steps, on any number of executors. */
  private static String weights;

  @TempDir private static Path folder;
  private static MlflowServer server;
  private static Path store;

  @BeforeAll
  static void start() throws IOException {
    server = MlflowServer.open(Files.createDirectory(folder.resolve("server")));
    store = folder.resolve("store");
    SmokeStore.into(store);
    weights = run(Map.of(), "untracked").json().path("weights_sha256").asText();
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  private static Said run(Map<String, String> environment, String request, String... more) {
    return retune(
        environment,
        Stream.concat(Stream.of(arguments(store, request)), Stream.of(more))
            .toArray(String[]::new));
  }

  /** In a process of its own where it needs an environment of its own. */
  private static Said retune(Map<String, String> environment, String... arguments) {
    return environment.isEmpty()
        ? RetuneHere.run(arguments)
        : RetuneProcess.start(environment, List.of(), arguments).waitFor();
  }

  private static String[] arguments(Path store, String request) {
    return new String[] {
      "run",
      "conf/runs/smoke.conf",
      "--set",
      "order.steps=2",
      "--set",
      "order.micro-batches=2",
      "--store",
      store.toString(),
      "--request",
      request,
      "--json"
    };
  }

  private static Said sync(Map<String, String> environment, String request, String... more) {
    List<String> arguments =
        new ArrayList<>(
            List.of("sync", RunId.of("smoke", request), "--store", store.toString(), "--json"));
    arguments.addAll(List.of(more));
    return retune(environment, arguments.toArray(String[]::new));
  }

  private static String[] at(Object uri, String... more) {
    return Stream.concat(Stream.of("--set", "tracking.mlflow.uri=" + uri), Stream.of(more))
        .toArray(String[]::new);
  }

  @Test
  void aServerThatNeverAnswersCostsTheRunNothingAndIsSentEverythingLater() throws IOException {
    String request = "black-hole";
    try (FaultProxy proxy = new FaultProxy(server.uri(), 1)) {
      proxy.set(Fault.SILENCE);
      Said run =
          run(Map.of(), request, at(proxy.uri(), "--set", "tracking.mlflow.request-timeout=2s"));
      assertThat(run.json().path("weights_sha256").asText()).isEqualTo(weights);
      assertThat(run.stderr())
          .contains("mlflow    has not got everything yet: ")
          .contains("later: ./retune sync " + RunId.of("smoke", request));
      proxy.set(Fault.LOST_ANSWERS);
      assertThat(sync(Map.of(), request, at(proxy.uri())).exitCode()).isZero();
      assertThat(proxy.harmed()).isPositive();
    }
    requireWhole(request, server, Map.of());
  }

  @Tag(LongForm.TAG)
  @Test
  void aServerThatFailsAndDiesOnTheWayHasEverythingInTheEnd() throws IOException {
    String request = "failing";
    try (FaultProxy proxy = new FaultProxy(server.uri(), 2)) {
      proxy.set(Fault.ERRORS);
      Said run = run(Map.of(), request, at(proxy.uri()));
      assertThat(run.json().path("weights_sha256").asText()).isEqualTo(weights);
      assertThat(proxy.harmed()).isPositive();
      String late = "killed-in-a-batch";
      proxy.set(Fault.NONE);
      proxy.whileServing("log-batch", server::kill);
      Said killed = run(Map.of(), late, at(proxy.uri(), "--set", "tracking.mlflow.patience=5s"));
      assertThat(killed.json().path("weights_sha256").asText()).isEqualTo(weights);
      server.start();
      assertThat(sync(Map.of(), late, at(proxy.uri())).exitCode()).isZero();
      requireWhole(late, server, Map.of());
      assertThat(sync(Map.of(), request, at(proxy.uri())).exitCode()).isZero();
    }
    requireWhole(request, server, Map.of());
  }

  @Test
  void aRunWhoseDriverWasKilledIsSaidToBeAndGoesOn() throws IOException {
    String request = "killed-driver";
    String run = RunId.of("smoke", request);
    Path mine = folder.resolve("killed");
    SmokeStore.into(mine);
    List<String> arguments = new ArrayList<>(List.of(arguments(mine, request)));
    arguments.addAll(List.of(at(server.uri())));
    boolean killed =
        RetuneProcess.start(arguments.toArray(String[]::new))
            .killWhen(() -> said(mine, run, "\"kind\":\"status\""));
    assertThat(killed).isTrue();
    assertThat(status(run)).isEqualTo("RUNNING");

    // All runs of the store: the one that another process holds is left to it.
    Store held = Store.open(mine.toString(), new Configuration());
    Lease lease = Lease.take(held, held.path("runs", run), "The run");
    Said sync = syncAll(mine);
    assertThat(sync.exitCode()).as(sync::stderr).isZero();
    assertThat(sync.stderr())
        .contains(run + "  is left to its driver, process ")
        .contains(", which sends it itself");
    assertThat(status(run)).isEqualTo("RUNNING");
    lease.close();
    assertThat(syncAll(mine).exitCode()).isZero();
    assertThat(status(run)).isEqualTo("KILLED");

    int leases = leases(mine, run);
    Said nothing = syncAll(mine);
    assertThat(nothing.stderr()).contains(run + "  was there already");
    assertThat(leases(mine, run)).as("taken where nothing is to be sent").isEqualTo(leases);

    Said again = RetuneHere.run(arguments.toArray(String[]::new));
    assertThat(again.json().path("weights_sha256").asText()).isEqualTo(weights);
    assertThat(status(run)).isEqualTo("FINISHED");
    assertThat(
            journal(mine, run).stream()
                .filter(entry -> entry.at("/event/kind").asText().equals("status")))
        .as("running, killed, running, finished")
        .hasSize(4);
  }

  private static boolean said(Path store, String run, String what) {
    try {
      Path journal = store.resolve("runs").resolve(run).resolve("journal");
      return Files.isDirectory(journal)
          && Files.exists(journal.resolve("000001.jsonl"))
          && Files.readString(journal.resolve("000001.jsonl")).contains(what);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String status(String run) {
    return server.pages(run, Map.of()).get(0).path("status").asText();
  }

  private static Said syncAll(Path store) {
    return RetuneHere.run(
        "sync", "--store", store.toString(), "--set", "tracking.mlflow.uri=" + server.uri());
  }

  private static int leases(Path store, String run) throws IOException {
    try (Stream<Path> files = Files.list(store.resolve("runs").resolve(run).resolve("leases"))) {
      return (int) files.count();
    }
  }

  @Tag(LongForm.TAG)
  @Test
  void aWrongPasswordIsSaidAndHarmsNothing() throws IOException {
    String request = "guarded";
    Path home = Files.createDirectory(folder.resolve("guarded"));
    try (MlflowServer guarded = MlflowServer.guarded(home, "the right password")) {
      String[] site =
          at(
              guarded.uri(),
              "--set",
              "tracking.mlflow.credentials.user-variable=MLFLOW_TRACKING_USERNAME",
              "--set",
              "tracking.mlflow.credentials.password-variable=MLFLOW_TRACKING_PASSWORD");
      Map<String, String> wrong =
          Map.of(
              "MLFLOW_TRACKING_USERNAME", "admin", "MLFLOW_TRACKING_PASSWORD", "a wrong password");
      Map<String, String> right =
          Map.of(
              "MLFLOW_TRACKING_USERNAME",
              "admin",
              "MLFLOW_TRACKING_PASSWORD",
              "the right password");
      Said run = run(wrong, request, site);
      assertThat(run.json().path("weights_sha256").asText()).isEqualTo(weights);
      assertThat(run.stderr()).contains("mlflow    has not got everything yet: ");
      Said refused = sync(wrong, request, site);
      assertThat(refused.exitCode()).isEqualTo(2);
      assertThat(refused.stderr())
          .contains("MLFLOW_TRACKING_PASSWORD")
          .doesNotContain("wrong password");
      assertThat(sync(right, request, site).exitCode()).isZero();
      requireWhole(request, guarded, right);
    }
  }

  /** Everything that the journal has is there once, and nothing else. */
  private static void requireWhole(
      String request, MlflowServer server, Map<String, String> credentials) throws IOException {
    String run = RunId.of("smoke", request);
    JsonNode pages = server.pages(run, credentials);
    assertThat(pages.size()).as("one run, deleted ones counted").isEqualTo(1);
    JsonNode page = pages.get(0);
    assertThat(page.path("status").asText()).isEqualTo("FINISHED");
    SortedMap<String, List<String>> expected = new TreeMap<>();
    SortedMap<String, String> artifacts = new TreeMap<>();
    for (JsonNode entry : journal(store, run)) {
      JsonNode event = entry.path("event");
      switch (event.path("type").asText()) {
        case "step" -> {
          JsonNode step = event.path("step");
          point(expected, "train/loss", step.path("step"), step.path("loss").asDouble());
          point(expected, "train/grad_norm", step.path("step"), step.path("gradNorm").asDouble());
          point(
              expected,
              "train/learning_rate",
              step.path("step"),
              step.path("learningRate").asDouble());
        }
        case "written" ->
            event
                .path("artifacts")
                .forEach(a -> artifacts.put(a.path("name").asText(), a.path("sha256").asText()));
        default -> {}
      }
    }
    assertThat(expected).hasSize(3);
    expected.forEach(
        (key, points) -> assertThat(points(page, key)).as(key).containsExactlyElementsOf(points));
    assertThat(points(page, "eval/loss")).hasSize(2);
    assertThat(artifacts).containsKeys("adapter/adapter_model.safetensors", "metadata.json");
    assertThat(page.path("models").size()).as("one logged model").isEqualTo(1);
    JsonNode model = page.path("models").get(0).path("files");
    artifacts.forEach(
        (name, sha256) -> {
          // What stands under adapter/ is the logged model.
          JsonNode found =
              name.startsWith("adapter/")
                  ? model.path(name.substring("adapter/".length()))
                  : page.path("artifacts").path(name);
          assertThat(found.asText()).as(name).isEqualTo(sha256);
        });
  }

  private static void point(
      SortedMap<String, List<String>> points, String key, JsonNode step, double value) {
    points.computeIfAbsent(key, k -> new ArrayList<>()).add(step.asInt() + " " + value);
  }

  private static List<String> points(JsonNode page, String key) {
    List<String> points = new ArrayList<>();
    page.path("metrics")
        .path(key)
        .forEach(point -> points.add(point.get(0).asInt() + " " + point.get(2).asDouble()));
    return points;
  }

  private static List<JsonNode> journal(Path store, String run) throws IOException {
    List<JsonNode> entries = new ArrayList<>();
    try (Stream<Path> files = Files.list(store.resolve("runs").resolve(run).resolve("journal"))) {
      for (Path file : files.sorted().toList()) {
        for (String line : Files.readAllLines(file)) {
          entries.add(Json.read(line.getBytes(StandardCharsets.UTF_8)));
        }
      }
    }
    return entries;
  }
}
