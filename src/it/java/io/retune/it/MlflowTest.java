package io.retune.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import io.retune.config.TrackingSite;
import io.retune.config.TrackingSite.UserVariables;
import io.retune.store.Sha256;
import io.retune.tracking.Delivered;
import io.retune.tracking.Delivery;
import io.retune.tracking.Missing;
import io.retune.tracking.Mlflow;
import io.retune.tracking.MlflowRefusedException;
import io.retune.tracking.MlflowUnreachableException;
import io.retune.tracking.OwnAuthority;
import io.retune.tracking.Publication;
import io.retune.tracking.Publisher;
import io.retune.tracking.Sites;
import io.retune.tracking.TrackedRun;
import io.retune.tracking.TrackedRun.Artifact;
import io.retune.tracking.TrackedRun.DatasetInput;
import io.retune.tracking.TrackedRun.LoggedModel;
import io.retune.tracking.TrackedRun.Metric;
import io.retune.tracking.TrackedRun.Metrics;
import io.retune.tracking.TrackedRun.Registration;
import io.retune.tracking.TrackedRun.Status;
import io.retune.tracking.TrackedRunCopy;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Runs on the pages of a real MLflow server, whatever happens on the way there. */
class MlflowTest {
  private static final Duration ANSWER = Duration.ofSeconds(10);
  private static final Duration PATIENT = Duration.ofMinutes(2);
  private static final Duration IMPATIENT = Duration.ofSeconds(1);
  private static final Instant STARTED = Instant.parse("2026-11-01T10:00:00Z");
  private static final int ENTRIES = 2000;

  @TempDir private static Path folder;
  private static MlflowServer server;

  @BeforeAll
  static void start() throws IOException {
    server = MlflowServer.open(Files.createDirectory(folder.resolve("server")));
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  private static Mlflow at(URI uri, Duration patience) {
    return new Mlflow(Sites.at(uri, ANSWER, patience), Map.of());
  }

  /** What a driver would tell of a run that has come to {@code entries}, and whether it is over. */
  private static TrackedRun run(String name, int entries, Status status) throws IOException {
    List<Artifact> artifacts = new ArrayList<>();
    artifacts.add(artifact(name, "report.html", 300_000));
    artifacts.add(artifact(name, "config/resolved.conf", 5_000));
    artifacts.add(artifact(name, "empty.txt", 0));
    boolean over = status != Status.RUNNING;
    if (over) {
      artifacts.add(artifact(name, "adapter/adapter_model.safetensors", 2_000_000));
      artifacts.add(artifact(name, "adapter/adapter_config.json", 700));
    }
    return new TrackedRun(
        name,
        "retune tests",
        "the " + name,
        "# " + name + "\n\nloss 2.5 to 1.5",
        STARTED,
        over ? Optional.of(STARTED.plusSeconds(3600)) : Optional.empty(),
        status,
        new TreeMap<>(Map.of("mlflow.source.type", "JOB", "retune.plan", "0123")),
        params(),
        Metrics.of(metrics(entries)),
        List.of(input("training", "snapshots/ab"), input("evaluation", "snapshots/cd")),
        artifacts,
        over
            ? Optional.of(
                new LoggedModel(
                    "adapter",
                    Optional.of(new Registration("glosses of " + name, Optional.of("newest")))))
            : Optional.empty());
  }

  private static SortedMap<String, String> params() {
    SortedMap<String, String> params = new TreeMap<>();
    IntStream.range(0, 130).forEach(i -> params.put("train.key-" + i, "value " + i));
    return params;
  }

  private static List<Metric> metrics(int entries) {
    List<Metric> metrics = new ArrayList<>();
    for (int entry = 1; entry <= entries; entry++) {
      long time = STARTED.toEpochMilli() + 1000L * entry;
      metrics.add(new Metric(entry, "train/loss", entry, time, 2.5 - entry / 7000.0));
      metrics.add(new Metric(entry, "train/learning_rate", entry, time, 1e-4 / entry));
    }
    return metrics;
  }

  private static DatasetInput input(String context, String path) {
    return new DatasetInput(
        "glosses",
        Sha256.of(path).brief(),
        "{\"path\":\"" + path + "\",\"delta_table_version\":0}",
        Optional.empty(),
        Optional.of("{\"rows\":12}"),
        context);
  }

  private static Artifact artifact(String run, String path, int length) throws IOException {
    Path file = folder.resolve("files").resolve(run).resolve(path);
    byte[] bytes = new byte[length];
    new Random(path.hashCode()).nextBytes(bytes);
    Files.createDirectories(file.getParent());
    Files.write(file, bytes);
    return new Artifact(path, file, Sha256.of(bytes));
  }

  /** The one page of the run, after asserting that all of it is there once. */
  private static JsonNode requirePage(MlflowServer server, TrackedRun run) {
    return requirePage(server, run, Map.of());
  }

  private static JsonNode requirePage(
      MlflowServer server, TrackedRun run, Map<String, String> environment) {
    JsonNode pages = server.pages(run.run(), environment);
    assertThat(pages).as("MLflow runs of " + run.run() + ", deleted ones too").hasSize(1);
    requireAll(pages.get(0), run);
    return pages.get(0);
  }

  private static void requireAll(JsonNode page, TrackedRun run) {
    assertThat(points(page)).isEqualTo(points(run));
    assertThat(texts(page.path("artifacts"))).isEqualTo(digests(run, "", "adapter/"));
    assertThat(page.path("status").asText()).isEqualTo(run.status().name());
    assertThat(texts(page.path("params"))).isEqualTo(run.params());
    assertThat(texts(page.path("tags"))).containsAllEntriesOf(run.tags());
    assertThat(page.path("tags").path("mlflow.note.content").asText()).isEqualTo(run.summary());
    assertThat(page.path("name").asText()).isEqualTo(run.name());
    assertThat(page.path("start").asLong()).isEqualTo(run.started().toEpochMilli());
    assertThat(page.path("inputs").findValuesAsText("digest"))
        .containsExactlyInAnyOrderElementsOf(
            run.inputs().stream().map(DatasetInput::digest).toList());
    if (run.model().isPresent()) {
      requireModel(page, run);
    }
  }

  private static void requireModel(JsonNode page, TrackedRun run) {
    assertThat(page.path("end").asLong()).isEqualTo(run.ended().orElseThrow().toEpochMilli());
    assertThat(page.path("models")).hasSize(1);
    assertThat(page.path("models").get(0).path("status").asText()).endsWith("READY");
    assertThat(texts(page.path("models").get(0).path("files")))
        .isEqualTo(digests(run, "adapter/", "\0"));
    assertThat(page.path("outputs").asInt()).isEqualTo(1);
    assertThat(page.path("versions").toString())
        .isEqualTo(
            "[{\"aliases\":[\"newest\"],\"name\":\"glosses of %s\",\"version\":1}]"
                .formatted(run.run()));
  }

  private static Map<String, List<String>> points(JsonNode page) {
    Map<String, List<String>> points = new HashMap<>();
    page.path("metrics")
        .fields()
        .forEachRemaining(
            metric ->
                points.put(
                    metric.getKey(),
                    StreamSupport.stream(metric.getValue().spliterator(), false)
                        .map(p -> p.get(0) + " " + p.get(1) + " " + number(p.get(2).asText()))
                        .toList()));
    return points;
  }

  /** As Python prints it. */
  private static double number(String text) {
    return text.equals("nan") ? Double.NaN : Double.parseDouble(text);
  }

  private static Map<String, List<String>> points(TrackedRun run) {
    Map<String, List<String>> points = new HashMap<>();
    for (Metric metric : run.metrics().behind(0)) {
      points
          .computeIfAbsent(metric.key(), key -> new ArrayList<>())
          .add(metric.step() + " " + metric.timestampMs() + " " + metric.value());
    }
    return points;
  }

  private static Map<String, String> texts(JsonNode object) {
    Map<String, String> texts = new TreeMap<>();
    object.fields().forEachRemaining(e -> texts.put(e.getKey(), e.getValue().asText()));
    return texts;
  }

  /** Digests of the files below {@code of}, without {@code but}, and of the list of them. */
  private static Map<String, String> digests(TrackedRun run, String of, String but) {
    SortedMap<String, Sha256> files = new TreeMap<>();
    run.artifacts().stream()
        .filter(a -> a.path().startsWith(of) && !a.path().startsWith(but))
        .forEach(a -> files.put(a.path().substring(of.length()), a.sha256()));
    Map<String, String> digests = new TreeMap<>();
    files.forEach((path, sha256) -> digests.put(path, sha256.hex()));
    digests.put("SHA256SUMS", Sha256.ofManifest(files).hex());
    return digests;
  }

  @ParameterizedTest
  @EnumSource(names = {"ERRORS", "LOST_ANSWERS", "CUTS"})
  void whateverFailsOnTheWayThePageIsWholeAndNothingIsTwice(FaultProxy.Fault fault)
      throws IOException {
    TrackedRun run = run("way-" + fault.name(), ENTRIES, Status.FINISHED);
    List<Delivery> deliveries = new ArrayList<>();
    try (FaultProxy proxy = new FaultProxy(server.uri(), 7).set(fault)) {
      Publication publication =
          at(proxy.uri(), PATIENT).publish(run, Delivered.NONE, deliveries::add);
      assertThat(proxy.harmed()).as("requests harmed").isGreaterThan(5);
      JsonNode page = requirePage(server, run);
      assertThat(publication.page())
          .hasToString(
              "%s/#/experiments/%s/runs/%s?workflowType=machine_learning",
              proxy.uri(), publication.experiment(), page.path("id").asText());

      // Acknowledged is acknowledged: one look whether the run is there.
      proxy.set(FaultProxy.Fault.NONE);
      int before = proxy.passed();
      Publication nothing =
          at(proxy.uri(), PATIENT).publish(run, Delivered.of(deliveries), deliveries::add);
      assertThat(nothing.deliveries()).isZero();
      assertThat(proxy.passed() - before).isEqualTo(1);

      // Acknowledgements may be lost too.
      Publication again = at(proxy.uri(), PATIENT).publish(run, Delivered.NONE, deliveries::add);
      assertThat(again.deliveries()).isEqualTo(publication.deliveries());
      assertThat(again.startedAgain()).isFalse();
      requirePage(server, run);
    }
  }

  @Test
  void whatEachCreationMadeIsFoundThoughItsAnswerIsLost() throws IOException {
    TrackedRun run =
        TrackedRunCopy.withExperiment(
            run("unheard", 10, Status.FINISHED), "an experiment of its own");
    try (FaultProxy proxy = new FaultProxy(server.uri(), 1)) {
      proxy.loseOneAnswerTo(
          Set.of(
              "experiments/create",
              "runs/create",
              "runs/log-batch",
              "runs/log-inputs",
              "runs/outputs",
              "mlflow/logged-models",
              "registered-models/create",
              "model-versions/create",
              "registered-models/alias",
              "runs/update"));
      at(proxy.uri(), PATIENT).publish(run, Delivered.NONE, delivery -> {});
      assertThat(proxy.harmed()).isEqualTo(10);
    }
    requirePage(server, run);
  }

  @Test
  void aCreationThatArrivesAfterItWasGivenUpLeavesOnePage() throws IOException {
    TrackedRun run = run("late", ENTRIES, Status.FINISHED);
    try (FaultProxy proxy = new FaultProxy(server.uri(), 1)) {
      proxy.delayOne("runs/create", Duration.ofMillis(1500));
      TrackingSite site = Sites.at(proxy.uri(), Duration.ofSeconds(1), PATIENT);
      new Mlflow(site, Map.of())
          .publish(
              run,
              Delivered.NONE,
              delivery -> {
                if (delivery.kind() == Delivery.Kind.METRICS) {
                  // The time that a training takes.
                  pause(Duration.ofMillis(500));
                }
              });
      assertThat(proxy.harmed()).isEqualTo(1);
    }
    requireOneKept(run);
  }

  @Test
  void aServerThatIsDownIsToldEverythingLater() throws IOException {
    TrackedRun run = run("down", ENTRIES, Status.FINISHED);
    try (FaultProxy proxy = new FaultProxy(server.uri(), 1).set(FaultProxy.Fault.DOWN)) {
      Mlflow mlflow = at(proxy.uri(), IMPATIENT);
      assertThatThrownBy(() -> mlflow.publish(run, Delivered.NONE, delivery -> {}))
          .isInstanceOf(MlflowUnreachableException.class)
          .hasMessageContaining("`./retune sync RUN`");
      proxy.set(FaultProxy.Fault.NONE);
      mlflow.publish(run, Delivered.NONE, delivery -> {});
    }
    requirePage(server, run);
  }

  @Test
  void aServerThatFallsSilentInTheMiddleGetsOnlyTheRestLater() throws IOException {
    TrackedRun run = run("silent", ENTRIES, Status.FINISHED);
    List<Delivery> deliveries = new ArrayList<>();
    try (FaultProxy proxy = new FaultProxy(server.uri(), 1)) {
      TrackingSite site = Sites.at(proxy.uri(), Duration.ofMillis(500), IMPATIENT);
      assertThatThrownBy(
              () ->
                  new Mlflow(site, Map.of())
                      .publish(
                          run,
                          Delivered.NONE,
                          delivery -> {
                            deliveries.add(delivery);
                            if (delivery.through() == 1000) {
                              proxy.set(FaultProxy.Fault.SILENCE);
                            }
                          }))
          .isInstanceOf(MlflowUnreachableException.class)
          .hasMessageContaining("no answer within");
      proxy.set(FaultProxy.Fault.NONE);
      List<Delivery> rest = new ArrayList<>();
      at(proxy.uri(), PATIENT).publish(run, Delivered.of(deliveries), rest::add);
      assertThat(deliveries).extracting(Delivery::through).contains(500L, 1000L);
      assertThat(rest)
          .filteredOn(delivery -> delivery.kind() == Delivery.Kind.METRICS)
          .extracting(Delivery::through)
          .containsExactly(1500L, 2000L);
    }
    requirePage(server, run);
  }

  @Test
  void aServerThatIsKilledInTheMiddleOfABatchIsToldTheRestWhenItIsBack() throws IOException {
    TrackedRun run = run("killed", ENTRIES, Status.FINISHED);
    Thread restart = new Thread(server::start, "restart");
    try (FaultProxy proxy = new FaultProxy(server.uri(), 1)) {
      at(proxy.uri(), PATIENT)
          .publish(
              run,
              Delivered.NONE,
              delivery -> {
                if (delivery.through() == 500) {
                  proxy.whileServing(
                      "log-batch",
                      () -> {
                        server.kill();
                        restart.start();
                      });
                }
              });
    }
    assertThat(restart.getState()).as("it was killed").isNotEqualTo(Thread.State.NEW);
    requirePage(server, run);
  }

  @Test
  void aWrongPasswordIsSaidAndTheRightOnePublishesLater() throws IOException {
    TrackedRun run = run("guarded", 10, Status.FINISHED);
    Path home = Files.createDirectory(folder.resolve("guarded"));
    String right = "right-word-of-a-test";
    try (MlflowServer guarded = MlflowServer.guarded(home, right)) {
      TrackingSite site =
          Sites.with(
              Sites.at(guarded.uri(), ANSWER, PATIENT), new UserVariables("USER_V", "WORD_V"));
      Map<String, String> wrong = Map.of("USER_V", "admin", "WORD_V", "wrong-word-of-a-test");
      assertThatThrownBy(() -> new Mlflow(site, wrong).publish(run, Delivered.NONE, delivery -> {}))
          .isInstanceOf(MlflowRefusedException.class)
          .hasMessageContaining("refuses: status 401")
          .hasMessageContaining(
              "Check the user in the environment variable USER_V and the password in WORD_V; then `./retune sync RUN`")
          .hasMessageNotContaining("word-of-a-test");
      new Mlflow(site, Map.of("USER_V", "admin", "WORD_V", right))
          .publish(run, Delivered.NONE, delivery -> {});
      requirePage(
          guarded,
          run,
          Map.of("MLFLOW_TRACKING_USERNAME", "admin", "MLFLOW_TRACKING_PASSWORD", right));
    }
  }

  @Test
  void aServerOfAnOwnAuthorityIsReachedOverTls() throws IOException {
    TrackedRun run = run("tls", 10, Status.FINISHED);
    Path home = Files.createDirectory(folder.resolve("tls"));
    OwnAuthority authority = new OwnAuthority(home);
    try (MlflowServer secure =
        MlflowServer.overTls(home, authority.serverKey(), authority.serverCertificate())) {
      TrackingSite site = Sites.at(secure.uri(), ANSWER, PATIENT);
      assertThatThrownBy(
              () -> new Mlflow(site, Map.of()).publish(run, Delivered.NONE, delivery -> {}))
          .isInstanceOf(MlflowRefusedException.class)
          .hasMessageContaining("certificate that is not trusted");
      new Mlflow(Sites.trusting(site, authority.certificate()), Map.of())
          .publish(run, Delivered.NONE, delivery -> {});
      requirePage(
          secure,
          run,
          Map.of("MLFLOW_TRACKING_SERVER_CERT_PATH", authority.certificate().toString()));
    }
  }

  @Test
  void aRunThatTheServerHasLostIsSentAgainToANewOne() throws IOException {
    TrackedRun run = run("lost", 10, Status.FINISHED);
    List<Delivery> elsewhere = new ArrayList<>();
    for (Delivery.Kind kind : Delivery.Kind.values()) {
      elsewhere.add(
          new Delivery(
              "lost",
              server.uri().toString(),
              "1",
              "00000000000000000000000000000000",
              kind,
              "",
              10,
              1,
              Sha256.of(""),
              STARTED));
    }
    Publication publication =
        at(server.uri(), PATIENT).publish(run, Delivered.of(elsewhere), delivery -> {});
    assertThat(publication.startedAgain()).isTrue();
    requirePage(server, run);
  }

  @Test
  void ofTwoRunsThatWereMadeAtOnceOneIsKeptAndTheOtherRemoved()
      throws IOException, InterruptedException {
    TrackedRun run = run("raced", 600, Status.FINISHED);
    List<Thread> publishers = new ArrayList<>();
    List<Throwable> failures = Collections.synchronizedList(new ArrayList<>());
    String experiment =
        at(server.uri(), PATIENT).publish(running("other"), Delivered.NONE, d -> {}).experiment();
    // Two that exist already, as if both had looked before either was made.
    createRun(experiment, "raced");
    createRun(experiment, "raced");
    for (int i = 0; i < 2; i++) {
      Thread publisher =
          new Thread(
              () -> at(server.uri(), PATIENT).publish(run, Delivered.NONE, delivery -> {}),
              "publisher-" + i);
      publisher.setUncaughtExceptionHandler((thread, e) -> failures.add(e));
      publishers.add(publisher);
      publisher.start();
    }
    for (Thread publisher : publishers) {
      publisher.join();
    }
    assertThat(failures).isEmpty();
    requireOneKept(run);
  }

  /** Two MLflow runs were made: one has everything, and the other is removed and says why. */
  private static void requireOneKept(TrackedRun run) {
    JsonNode pages = server.pages(run.run(), Map.of());
    assertThat(pages.findValuesAsText("stage")).containsExactlyInAnyOrder("active", "deleted");
    for (JsonNode page : pages) {
      if (page.path("stage").asText().equals("active")) {
        requireAll(page, run);
      } else {
        assertThat(page.path("tags").has(Mlflow.DUPLICATE_TAG)).isTrue();
      }
    }
  }

  private static TrackedRun running(String name) throws IOException {
    return run(name, 1, Status.RUNNING);
  }

  private static void createRun(String experiment, String run) {
    post(
        "runs/create",
        "{\"experiment_id\":\"%s\",\"start_time\":%s,\"tags\":[{\"key\":\"retune.run\",\"value\":\"%s\"}]}"
            .formatted(experiment, STARTED.toEpochMilli(), run));
  }

  private static void post(String path, String json) {
    try {
      HttpResponse<String> response =
          HttpClient.newHttpClient()
              .send(
                  HttpRequest.newBuilder(server.uri().resolve("/api/2.0/mlflow/" + path))
                      .header("Content-Type", "application/json")
                      .POST(HttpRequest.BodyPublishers.ofString(json))
                      .build(),
                  HttpResponse.BodyHandlers.ofString());
      assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  @Test
  void aRunThatGoesOnAgainIsRunningUntilItIsFinished() throws IOException {
    List<Delivery> deliveries = new ArrayList<>();
    Mlflow mlflow = at(server.uri(), PATIENT);
    for (Status status : List.of(Status.RUNNING, Status.FAILED, Status.RUNNING, Status.KILLED)) {
      TrackedRun now = status(running("again"), status);
      mlflow.publish(now, Delivered.of(deliveries), deliveries::add);
      assertThat(server.pages("again", Map.of()).get(0).path("status").asText())
          .isEqualTo(status.name());
      assertThat(mlflow.complete(now, Delivered.of(deliveries))).isPresent();
    }
    TrackedRun whole = run("again", 10, Status.FINISHED);
    assertThat(mlflow.complete(whole, Delivered.of(deliveries))).isEmpty();
    mlflow.publish(whole, Delivered.of(deliveries), deliveries::add);
    requirePage(server, whole);
  }

  private static TrackedRun status(TrackedRun run, Status status) {
    return TrackedRunCopy.withStatus(
        run,
        status,
        status == Status.RUNNING ? Optional.empty() : Optional.of(STARTED.plusSeconds(60)));
  }

  @ParameterizedTest
  @CsvSource({
    "not/a name, newest, version, mlflow.registered-model",
    "a name, 'v 1/', alias, mlflow.alias"
  })
  void aNameThatIsRefusedIsSaidAndKeepsNothingElseFromTheServer(
      String model, String alias, String refused, String key) throws IOException {
    TrackedRun run = run("misnamed-" + refused, 10, Status.FINISHED);
    TrackedRun misnamed = registering(run, model, alias);
    List<Delivery> deliveries = new ArrayList<>();
    Mlflow mlflow = at(server.uri(), PATIENT);
    assertThatThrownBy(() -> mlflow.publish(misnamed, Delivered.NONE, deliveries::add))
        .isInstanceOf(MlflowRefusedException.class)
        .hasMessageContaining("refuses: status 400")
        .hasMessageContaining(key)
        .hasMessageContaining("`./retune sync RUN`");
    JsonNode page = server.pages(run.run(), Map.of()).get(0);
    assertThat(page.path("status").asText()).isEqualTo("FINISHED");
    assertThat(page.path("models").get(0).path("status").asText()).endsWith("READY");
    assertThat(Delivered.of(deliveries).missing(misnamed).orElseThrow().items())
        .first()
        .asString()
        .startsWith(refused);
    mlflow.publish(run, Delivered.of(deliveries), deliveries::add);
    if (refused.equals("version")) {
      requirePage(server, run);
    }
  }

  private static TrackedRun registering(TrackedRun run, String model, String alias) {
    return TrackedRunCopy.withModel(
        run, new LoggedModel("adapter", Optional.of(new Registration(model, Optional.of(alias)))));
  }

  @Test
  void whatSomeoneDeletedIsNotMadeAgain() throws IOException {
    TrackedRun run = run("deleted", 10, Status.FINISHED);
    Mlflow mlflow = at(server.uri(), PATIENT);
    Publication publication = mlflow.publish(running("deleted"), Delivered.NONE, delivery -> {});
    post("runs/delete", "{\"run_id\":\"" + publication.mlflowRun() + "\"}");
    for (Mlflow either : List.of(mlflow, at(server.uri(), PATIENT))) {
      assertThatThrownBy(() -> either.publish(run, Delivered.NONE, delivery -> {}))
          .isInstanceOf(MlflowRefusedException.class)
          .hasMessage(
              "MLflow at %s: has the run deleted among the deleted ones. [tracking-refuses]\n  If it is wanted after all: `mlflow runs restore --run-id %s` on the server.",
              server.uri(), publication.mlflowRun());
    }
    post("runs/restore", "{\"run_id\":\"" + publication.mlflowRun() + "\"}");
    mlflow.publish(run, Delivered.NONE, delivery -> {});
    requirePage(server, run);
  }

  @Test
  void aDeletedExperimentIsSaid() throws IOException {
    TrackedRun run = TrackedRunCopy.withExperiment(running("homeless"), "doomed");
    Mlflow mlflow = at(server.uri(), PATIENT);
    String id = mlflow.publish(run, Delivered.NONE, delivery -> {}).experiment();
    post("experiments/delete", "{\"experiment_id\":\"" + id + "\"}");
    assertThatThrownBy(
            () ->
                mlflow.publish(
                    TrackedRunCopy.withExperiment(running("homeless-2"), "doomed"),
                    Delivered.NONE,
                    d -> {}))
        .isInstanceOf(MlflowRefusedException.class)
        .hasMessageContaining("has the experiment \"doomed\" among the deleted ones")
        .hasMessageContaining("`mlflow experiments restore -x " + id + "`");
  }

  @Test
  void whatMlflowCannotTakeIsMadeToFitAndStaysOnce() throws IOException {
    TrackedRun plain = running("odd");
    SortedMap<String, String> params = new TreeMap<>();
    params.put("data.\"a b\"[0]/../x", "1");
    params.put("data.\"a b\"(0)/../x", "2");
    params.put("long", "é".repeat(10_000));
    params.put("empty", "");
    IntStream.range(0, 40).forEach(i -> params.put("much-" + i, "\u00e9".repeat(6000)));
    TrackedRun run =
        new TrackedRun(
            "odd",
            plain.experiment(),
            "odd \"name\"",
            "x".repeat(9_000),
            STARTED,
            Optional.empty(),
            Status.RUNNING,
            new TreeMap<>(Map.of("k".repeat(300), "v")),
            params,
            Metrics.of(
                List.of(
                    new Metric(1, "a", 1, 1, Double.NaN),
                    new Metric(1, "a", 2, 1, Double.POSITIVE_INFINITY),
                    new Metric(1, "a", 3, 1, -0.0),
                    new Metric(1, "b@c", 3, 1, 1e-320))),
            List.of(),
            plain.artifacts(),
            Optional.empty());
    Mlflow mlflow = at(server.uri(), PATIENT);
    mlflow.publish(run, Delivered.NONE, delivery -> {});
    mlflow.publish(run, Delivered.NONE, delivery -> {});

    JsonNode pages = server.pages("odd", Map.of());
    assertThat(pages).hasSize(1);
    JsonNode page = pages.get(0);
    assertThat(points(page).get("a"))
        .as("SQLite keeps no sign of zero")
        .containsExactly("1 1 NaN", "2 1 " + Double.MAX_VALUE, "3 1 0.0");
    assertThat(points(page)).containsEntry(key("b_c", "b@c"), List.of("3 1 " + 1e-320));
    Map<String, String> shown = texts(page.path("params"));
    assertThat(shown)
        .hasSize(params.size())
        .containsEntry(key("data._a b__0__.._x", "data.\"a b\"[0]/../x"), "1")
        .containsEntry(key("data._a b__0__.._x", "data.\"a b\"(0)/../x"), "2")
        .containsEntry("empty", "");
    assertThat(shown.get("long"))
        .hasSize(6000)
        .endsWith(
            "é... [cut: 10,000 characters; the resolved configuration among the artifacts has them all]");
    assertThat(page.path("tags").path("mlflow.note.content").asText())
        .hasSize(8000)
        .endsWith("x... [cut: 9,000 characters]");
  }

  private static String key(String shown, String key) {
    return shown + "-" + Sha256.of(key).hex().substring(0, 8);
  }

  @Test
  void trainingGoesOnWhileTheServerIsDownAndThePageFollows() throws IOException {
    List<Delivery> deliveries = Collections.synchronizedList(new ArrayList<>());
    TrackedRun whole = run("live", 300, Status.FINISHED);
    try (FaultProxy proxy = new FaultProxy(server.uri(), 1)) {
      Publisher publisher =
          Publisher.start(at(proxy.uri(), IMPATIENT), Delivered.NONE, deliveries::add);
      publisher.offer(run("live", 10, Status.RUNNING));
      await(() -> deliveries.stream().anyMatch(d -> d.through() == 10));
      proxy.set(FaultProxy.Fault.DOWN);
      TrackedRun later = run("live", 200, Status.RUNNING);
      long begun = System.nanoTime();
      publisher.offer(later);
      publisher.offer(whole);
      assertThat(Duration.ofNanos(System.nanoTime() - begun)).isLessThan(Duration.ofMillis(200));
      Optional<Missing> missing = publisher.close(Duration.ofSeconds(2));
      assertThat(missing).isPresent();
      assertThat(missing.get().points()).isEqualTo(580);
      assertThat(missing.get().items())
          .contains("model adapter", "status")
          .doesNotContain("params");
      assertThat(Duration.ofNanos(System.nanoTime() - begun)).isLessThan(Duration.ofSeconds(5));

      proxy.set(FaultProxy.Fault.NONE);
      Publisher sync =
          Publisher.start(at(proxy.uri(), PATIENT), Delivered.of(deliveries), deliveries::add);
      sync.offer(whole);
      assertThat(sync.close(PATIENT)).isEmpty();
    }
    requirePage(server, whole);
  }

  private static void await(BooleanSupplier condition) {
    long deadline = System.nanoTime() + PATIENT.toNanos();
    while (!condition.getAsBoolean()) {
      assertThat(System.nanoTime()).as("the moment comes").isLessThan(deadline);
      pause(Duration.ofMillis(10));
    }
  }

  private static void pause(Duration duration) {
    try {
      Thread.sleep(duration.toMillis());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }
}
