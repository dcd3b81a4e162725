package io.retune.it;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.retune.Programs;
import io.retune.store.Json;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.apache.commons.io.FileUtils;

/** An Airflow of its own, from PyPI, with its database and its tasks' logs in a folder. */
final class Airflow implements AutoCloseable {
  private static final Duration LIMIT = Duration.ofMinutes(10);

  /** Of {@code src/it/python}. */
  private static final String REQUIREMENTS = "../../../jobs/airflow/requirements.txt";

  private static final Venv VENV =
      new Venv(
          "airflow",
          List.of(REQUIREMENTS),
          List.of(
              Venv.pip("--quiet", REQUIREMENTS),
              List.of("-c", "import airflow.cli.commands.standalone_command")),
          // Whoever imports it is given a configuration, in his home unless another folder is said.
          Map.of("AIRFLOW_HOME", Path.of("target", "airflow", "home").toAbsolutePath().toString()));

  private final Path home;
  private final int port = MlflowServer.freePort();
  private final Venv venv;
  private final List<Process> servers = new ArrayList<>();

  /** Uvicorn refuses a request with a body that would be upgraded to HTTP/2. */
  private final HttpClient client =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

  private String token = "";

  private Airflow(Path home, Path dags) {
    this.home = home;
    this.venv =
        VENV.with(
            Map.ofEntries(
                Map.entry("AIRFLOW_HOME", home.toString()),
                Map.entry("AIRFLOW__CORE__DAGS_FOLDER", dags.toString()),
                Map.entry("AIRFLOW__CORE__LOAD_EXAMPLES", "False"),
                Map.entry("AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION", "False"),
                Map.entry("AIRFLOW__CORE__EXECUTOR", "LocalExecutor"),
                Map.entry("AIRFLOW__CORE__PARALLELISM", "3"),
                Map.entry("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS", "True"),
                Map.entry("AIRFLOW__CORE__EXECUTION_API_SERVER_URL", uri("/execution/").toString()),
                Map.entry("AIRFLOW__API_AUTH__JWT_SECRET", "of-a-test".repeat(8)),
                Map.entry("AIRFLOW__API__SECRET_KEY", "of-a-test".repeat(8)),
                Map.entry("AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT", "" + MlflowServer.freePort()),
                Map.entry("AIRFLOW__USAGE_DATA_COLLECTION__ENABLED", "False"),
                // A task whose supervisor was killed is missed after 20 seconds, not 5 minutes.
                Map.entry("AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_SEC", "5"),
                Map.entry("AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT", "20"),
                Map.entry(
                    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL",
                    "5")));
  }

  /** With a new database and the pools of the README. */
  static Airflow create(Path home, Path dags) {
    Airflow airflow = new Airflow(home, dags);
    airflow.command("db", "migrate");
    airflow.command("pools", "set", "retune_training", "1", "trainings");
    airflow.command("pools", "set", "retune_data", "2", "imports and preparations");
    return airflow;
  }

  /** With a copy of this one's database. */
  Airflow copy(Path copy, Path dags) {
    try {
      FileUtils.copyDirectory(home.toFile(), copy.toFile());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return new Airflow(copy, dags);
  }

  /** Runs {@code airflow arguments...} to its end. */
  void command(String... arguments) {
    run(
        venv.module("airflow", List.of(arguments)),
        "airflow " + String.join(" ", arguments) + ": see target/it-logs/airflow.log");
  }

  /** Runs a script of {@code src/it/python}; what it and Airflow say goes to {@code log}. */
  void script(Path log, String script, Object... arguments) {
    run(
        venv.process(script, arguments).redirectErrorStream(true).redirectOutput(log.toFile()),
        script + ": see " + log);
  }

  private static void run(ProcessBuilder program, String what) {
    try {
      Process process = program.start();
      try {
        assertThat(process.waitFor(LIMIT.toSeconds(), TimeUnit.SECONDS)).as(what).isTrue();
      } finally {
        if (process.isAlive()) {
          Programs.kill(process);
        }
      }
      assertThat(process.exitValue()).as(what).isZero();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  /** The servers without which no task runs; returns when they answer and know the DAGs. */
  void start() {
    try {
      for (List<String> server :
          List.of(
              List.of("api-server", "--host", "127.0.0.1", "--port", "" + port, "--workers", "1"),
              List.of("scheduler"),
              List.of("dag-processor"))) {
        servers.add(venv.module("airflow", server).start());
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    await("the servers answer", () -> answer("GET", "/api/v2/monitor/health", "").isPresent());
    token = answer("GET", "/auth/token", "").orElseThrow().path("access_token").asText();
    await("the DAGs are known", () -> get("/dags").path("total_entries").asInt() == 2);
  }

  /** A new run of a DAG; its name. */
  String trigger(String dag, String parameters) {
    String body = "{\"logical_date\": null, \"conf\": %s}".formatted(parameters);
    return send("POST", "/dags/%s/dagRuns".formatted(dag), body).path("dag_run_id").asText();
  }

  /** The names of a DAG's runs, the first one first. */
  List<String> runs(String dag) {
    List<String> runs = new ArrayList<>();
    get("/dags/%s/dagRuns?order_by=id".formatted(dag))
        .path("dag_runs")
        .forEach(run -> runs.add(run.path("dag_run_id").asText()));
    return runs;
  }

  /** {@code queued}, {@code running}, {@code success} or {@code failed}. */
  String state(String dag, String run) {
    return get("/dags/%s/dagRuns/%s".formatted(dag, encoded(run))).path("state").asText();
  }

  /**
   * A task as Airflow's API has it.
   *
   * @param index of a mapped task; -1: it is not mapped
   */
  JsonNode task(String dag, String run, String task, int index) {
    return get(path(dag, run, task, index));
  }

  /** The JSON object that a task ended with. */
  JsonNode result(String dag, String run, String task, int index) {
    return get("/dags/%s/dagRuns/%s/taskInstances/%s/xcomEntries/return_value?map_index=%d&deserialize=true"
            .formatted(dag, encoded(run), task, index))
        .path("value");
  }

  /** As who looks at its page and presses the button does. */
  void markFailed(String dag, String run, String task, int index) {
    send("PATCH", path(dag, run, task, index), "{\"new_state\": \"failed\"}");
  }

  /** As who wants a failed task of a run, and what comes behind it, to be done again. */
  void clear(String dag, String run, String task) {
    String asked =
        """
        {"dry_run": false, "dag_run_id": "%s", "task_ids": ["%s"], "include_downstream": true,
         "only_failed": true, "reset_dag_runs": true}
        """;
    send("POST", "/dags/%s/clearTaskInstances".formatted(dag), asked.formatted(run, task));
  }

  /** What was told of an Asset, the first event first. */
  List<JsonNode> events(String uri) {
    List<JsonNode> extras = new ArrayList<>();
    for (JsonNode event : get("/assets/events?order_by=timestamp").path("asset_events")) {
      if (event.path("uri").asText().equals(uri)) {
        extras.add(event.path("extra"));
      }
    }
    return extras;
  }

  private static String path(String dag, String run, String task, int index) {
    String path = "/dags/%s/dagRuns/%s/taskInstances/%s".formatted(dag, encoded(run), task);
    return index < 0 ? path : path + "/" + index;
  }

  private static String encoded(String run) {
    return run.replace("+", "%2B").replace(":", "%3A");
  }

  private JsonNode get(String path) {
    return send("GET", path, "");
  }

  private JsonNode send(String method, String path, String body) {
    return answer(method, "/api/v2" + path, body)
        .orElseThrow(() -> new AssertionError(method + " " + path + " was not answered"));
  }

  private Optional<JsonNode> answer(String method, String path, String body) {
    HttpRequest request =
        HttpRequest.newBuilder(uri(path))
            .timeout(Duration.ofMinutes(1))
            .header("Authorization", "Bearer " + token)
            .header("Content-Type", "application/json")
            .method(method, HttpRequest.BodyPublishers.ofString(body))
            .build();
    try {
      HttpResponse<byte[]> response = client.send(request, HttpResponse.BodyHandlers.ofByteArray());
      assertThat(response.statusCode())
          .as(() -> path + ": " + new String(response.body(), StandardCharsets.UTF_8))
          .isBetween(200, 299);
      return Optional.of(Json.read(response.body()));
    } catch (IOException e) {
      return Optional.empty();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  private URI uri(String path) {
    return URI.create("http://127.0.0.1:" + port + path);
  }

  /** Waits until {@code condition} holds, as long as the servers live. */
  void await(String what, BooleanSupplier condition) {
    long deadline = System.nanoTime() + LIMIT.toNanos();
    while (!condition.getAsBoolean()) {
      assertThat(servers).as("the servers live").allMatch(Process::isAlive);
      assertThat(System.nanoTime()).as(what).isLessThan(deadline);
      try {
        Thread.sleep(100);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IllegalStateException(e);
      }
    }
  }

  /** SIGKILL, to a process and to all that it started. */
  /** Stops the servers, and the tasks that still run with their drivers. */
  @Override
  public void close() {
    servers.forEach(Programs::kill);
    for (Process server : servers) {
      try {
        assertThat(server.waitFor(1, TimeUnit.MINUTES)).as("the server is dead").isTrue();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
