package io.retune.it;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.retune.Programs;
import io.retune.store.Json;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** An MLflow server of its own, from PyPI, with its database and artifacts in a folder. */
final class MlflowServer implements AutoCloseable {
  private static final Duration START = Duration.ofMinutes(2);

  private static final Venv VENV =
      new Venv(
          "mlflow",
          List.of("requirements-mlflow.txt"),
          List.of(
              Venv.pip("--quiet", "requirements-mlflow.txt"),
              List.of("-c", "import mlflow.server")),
          Map.of(
              "MLFLOW_DISABLE_TELEMETRY", "true",
              "MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false",
              "GIT_PYTHON_REFRESH", "quiet"));

  private final Path folder;
  private final int port;
  private final String scheme;
  private final List<String> options;
  private final Map<String, String> environment;
  private Process process;

  private MlflowServer(
      Path folder, String scheme, List<String> options, Map<String, String> environment) {
    this.folder = folder;
    this.port = freePort();
    this.scheme = scheme;
    this.options = options;
    this.environment = environment;
    start();
  }

  /** One that lets everybody in. */
  static MlflowServer open(Path folder) {
    return new MlflowServer(folder, "http", List.of(), Map.of());
  }

  /** One that asks for a password; its administrator is called admin. */
  static MlflowServer guarded(Path folder, String password) {
    return new MlflowServer(
        folder,
        "http",
        List.of("--app-name", "basic-auth"),
        Map.of(
            "MLFLOW_FLASK_SERVER_SECRET_KEY", "of-a-test", "MLFLOW_AUTH_ADMIN_PASSWORD", password));
  }

  /** One that talks TLS only. */
  static MlflowServer overTls(Path folder, Path key, Path certificate) {
    return new MlflowServer(
        folder,
        "https",
        List.of("--uvicorn-opts", "--ssl-keyfile %s --ssl-certfile %s".formatted(key, certificate)),
        Map.of());
  }

  static int freePort() {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** {@code mlflow arguments...}, not started yet; its output goes to a file of its name. */
  static ProcessBuilder command(List<String> arguments) {
    return VENV.module("mlflow", arguments);
  }

  /** Starts it, again after {@link #kill}; returns when it answers. */
  void start() {
    List<String> arguments = new ArrayList<>();
    arguments.add("server");
    arguments.addAll(List.of("--backend-store-uri", "sqlite:///" + folder.resolve("mlflow.db")));
    arguments.addAll(List.of("--artifacts-destination", folder.resolve("artifacts").toString()));
    arguments.addAll(List.of("--serve-artifacts", "--workers", "1"));
    arguments.addAll(List.of("--host", "127.0.0.1", "--port", String.valueOf(port)));
    arguments.addAll(options);
    ProcessBuilder builder = command(arguments).directory(folder.toFile());
    builder.environment().putAll(environment);
    try {
      process = builder.start();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    awaitPort();
  }

  private void awaitPort() {
    long deadline = System.nanoTime() + START.toNanos();
    while (!answers()) {
      assertThat(process.isAlive()).as("the server lives").isTrue();
      assertThat(System.nanoTime()).as("the server starts in time").isLessThan(deadline);
      try {
        Thread.sleep(100);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IllegalStateException(e);
      }
    }
  }

  private boolean answers() {
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      return socket.isConnected();
    } catch (IOException e) {
      return false;
    }
  }

  URI uri() {
    return URI.create(scheme + "://127.0.0.1:" + port);
  }

  /** SIGKILL, to it and to what it started. */
  void kill() {
    Programs.kill(process);
    try {
      assertThat(process.waitFor(1, TimeUnit.MINUTES)).as("the server is dead").isTrue();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  /** All that it has of our run, read with MLflow's own client: an array, deleted runs too. */
  JsonNode pages(String run, Map<String, String> environment) {
    try {
      Path out = Files.createTempFile(folder, "page", ".json");
      VENV.with(environment).run("mlflow_page.py", uri(), run, out);
      return Json.read(Files.readAllBytes(out));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() {
    kill();
  }
}
