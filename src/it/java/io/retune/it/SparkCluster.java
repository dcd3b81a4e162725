package io.retune.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.retune.Programs;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** A standalone cluster of Spark's own distribution from PyPI: a master and workers. */
final class SparkCluster implements AutoCloseable {
  private static final Venv VENV =
      new Venv(
          "pyspark",
          List.of("requirements-spark.txt"),
          List.of(Venv.pip("--quiet", "requirements-spark.txt")),
          Map.of());

  private static final Duration LIMIT = Duration.ofMinutes(2);

  private final Path folder;
  private final List<Process> processes = new ArrayList<>();
  private final String master;

  /**
   * @param folder for what it writes
   * @param workers how many, of two cores and 6 GiB each; the one of number N says that it has one
   *     GPU, with the address N + 4
   */
  SparkCluster(Path folder, int workers) {
    this.folder = folder;
    start(
        "master",
        "org.apache.spark.deploy.master.Master",
        List.of("--host", "127.0.0.1", "--port", "0", "--webui-port", "0"));
    this.master = awaitLine("master", Pattern.compile("Starting Spark master at (spark://\\S+)"));
    for (int worker = 0; worker < workers; worker++) {
      startWorker(worker);
    }
    for (int worker = 0; worker < workers; worker++) {
      awaitLine("worker-" + worker, Pattern.compile("(Successfully registered with master)"));
    }
  }

  private void startWorker(int number) {
    String name = "worker-" + number;
    try {
      Path discovery = folder.resolve("gpu-" + number + ".sh");
      Files.writeString(
          discovery,
          "#!/bin/sh\necho '{\"name\": \"gpu\", \"addresses\": [\"%d\"]}'\n".formatted(number + 4));
      Files.setPosixFilePermissions(discovery, PosixFilePermissions.fromString("rwxr-xr-x"));
      Path properties =
          Files.writeString(
              folder.resolve(name + ".properties"),
              "spark.worker.resource.gpu.amount 1\nspark.worker.resource.gpu.discoveryScript %s\n"
                  .formatted(discovery));
      start(
          name,
          "org.apache.spark.deploy.worker.Worker",
          List.of(
              "--host",
              "127.0.0.1",
              "--webui-port",
              "0",
              "--cores",
              "2",
              "--memory",
              "6g",
              "--work-dir",
              folder.resolve(name).toString(),
              "--properties-file",
              properties.toString(),
              master));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void start(String name, String daemon, List<String> options) {
    List<String> command = new ArrayList<>();
    command.add(home().resolve(Path.of("bin", "spark-class")).toString());
    command.add(daemon);
    command.addAll(options);
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log(name).toFile());
    builder.environment().putAll(environment());
    builder.environment().put("SPARK_DAEMON_MEMORY", "512m");
    try {
      processes.add(builder.start());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private Path log(String name) {
    return folder.resolve(name + ".log");
  }

  private String awaitLine(String name, Pattern line) {
    long deadline = System.nanoTime() + LIMIT.toNanos();
    try {
      while (true) {
        String log = Files.exists(log(name)) ? Files.readString(log(name)) : "";
        Matcher matcher = line.matcher(log);
        if (matcher.find()) {
          return matcher.group(1);
        }
        assertThat(processes).as(() -> log).allMatch(Process::isAlive);
        assertThat(System.nanoTime()).as(() -> name + ": " + log).isLessThan(deadline);
        Thread.sleep(50);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  /** Spark's folder: {@code SPARK_HOME}. */
  static Path home() {
    Path library = VENV.python().getParent().resolveSibling("lib");
    try (Stream<Path> pythons = Files.list(library)) {
      return pythons
          .map(python -> python.resolve(Path.of("site-packages", "pyspark")))
          .filter(Files::isDirectory)
          .findFirst()
          .orElseThrow();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Of whoever talks to it. */
  static Map<String, String> environment() {
    return Map.of("SPARK_HOME", home().toString(), "SPARK_LOCAL_IP", "127.0.0.1");
  }

  String master() {
    return master;
  }

  @Override
  public void close() {
    processes.forEach(Programs::kill);
  }
}
