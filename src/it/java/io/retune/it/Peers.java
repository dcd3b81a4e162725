package io.retune.it;

import io.retune.store.Sha256;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * The Python programs we compare ourselves with (transformers, peft, gguf, delta-rs), installed
 * from PyPI through the user's own pip into {@code target/peers}, once, and shared by all tests.
 */
final class Peers {
  private static final Path HOME =
      Path.of(System.getProperty("retune.home", "")).toAbsolutePath().normalize();
  private static final Path SCRIPTS = HOME.resolve(Path.of("src", "it", "python"));
  private static final Path FOLDER = HOME.resolve(Path.of("target", "peers"));
  private static final Path PYTHON = FOLDER.resolve(Path.of("bin", "python"));

  /** What the installation depends on; its digest, written last, marks it as whole. */
  private static final List<String> PINS =
      List.of("requirements-alone.txt", "requirements.txt", "torch_cpu_stubs.py");

  private static final int LOG_LINES = 20;
  private static final long LIMIT_MINUTES = 30;

  private Peers() {}

  /** The interpreter that has the peers; installs them when they are not there. */
  static synchronized Path python() {
    try {
      Files.createDirectories(FOLDER.getParent());
      try (FileChannel channel =
              FileChannel.open(
                  FOLDER.resolveSibling("peers.lock"),
                  StandardOpenOption.CREATE,
                  StandardOpenOption.WRITE);
          FileLock alone = channel.lock()) {
        if (!isInstalled()) {
          install();
        }
      }
      return PYTHON;
    } catch (IOException e) {
      throw new UncheckedIOException("The Python peers cannot be installed in " + FOLDER, e);
    }
  }

  /** Runs a script of {@code src/it/python} to its end; its output goes to a file of its name. */
  static void run(String script, Object... arguments) {
    List<String> command = command(script, arguments);
    execute(command, HOME.resolve(Path.of("target", "it-logs", script + ".log")));
  }

  /** A script of {@code src/it/python}, not started yet, on {@code threads} threads. */
  static ProcessBuilder process(int threads, String script, Object... arguments) {
    return offline(new ProcessBuilder(command(script, arguments)), threads);
  }

  private static List<String> command(String script, Object... arguments) {
    List<String> command = new ArrayList<>();
    command.add(python().toString());
    command.add("-u");
    command.add(SCRIPTS.resolve(script).toString());
    Stream.of(arguments).map(Object::toString).forEach(command::add);
    return command;
  }

  private static Path stamp() {
    return FOLDER.resolve("installed.sha256");
  }

  private static boolean isInstalled() throws IOException {
    return Files.exists(stamp()) && Files.readString(stamp()).equals(pins());
  }

  private static String pins() throws IOException {
    SortedMap<String, Sha256> manifest = new TreeMap<>();
    for (String file : PINS) {
      manifest.put(file, Sha256.of(SCRIPTS.resolve(file)));
    }
    return Sha256.ofManifest(manifest).hex() + "\n";
  }

  private static void install() throws IOException {
    Path log = HOME.resolve(Path.of("target", "it-logs", "peers-install.log"));
    Files.deleteIfExists(stamp());
    execute(List.of("python3", "-m", "venv", "--clear", FOLDER.toString()), log);
    execute(pip("--no-deps", "requirements-alone.txt"), log);
    execute(pip("--quiet", "requirements.txt"), log);
    execute(command(PYTHON, "torch_cpu_stubs.py"), log);
    execute(List.of(PYTHON.toString(), "-c", "import torch, transformers, peft, gguf"), log);
    Files.writeString(stamp(), pins());
  }

  private static List<String> pip(String option, String requirements) {
    return List.of(
        PYTHON.toString(),
        "-m",
        "pip",
        "install",
        "--no-input",
        "--disable-pip-version-check",
        option,
        "-r",
        SCRIPTS.resolve(requirements).toString());
  }

  private static List<String> command(Path python, String script) {
    return List.of(python.toString(), SCRIPTS.resolve(script).toString());
  }

  private static void execute(List<String> command, Path log) {
    try {
      Files.createDirectories(log.getParent());
      ProcessBuilder builder =
          offline(new ProcessBuilder(command), Runtime.getRuntime().availableProcessors());
      // Threads that wait sleep: on a busy machine spinning makes a step ten times as long.
      builder.environment().put("OMP_WAIT_POLICY", "PASSIVE");
      Process process =
          builder
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()))
              .start();
      process.getOutputStream().close();
      if (!process.waitFor(LIMIT_MINUTES, TimeUnit.MINUTES)) {
        process.destroyForcibly();
        throw failed(command, "took longer than " + LIMIT_MINUTES + " minutes", log);
      }
      if (process.exitValue() != 0) {
        throw failed(command, "ended with exit code " + process.exitValue(), log);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(
          String.join(" ", command)
              + " could not be started. The peers need python3 with its venv module, and gcc.",
          e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("Interrupted", e);
    }
  }

  private static IllegalStateException failed(List<String> command, String how, Path log)
      throws IOException {
    List<String> lines = Files.readAllLines(log);
    return new IllegalStateException(
        "%s %s. The last lines of %s:%n%s"
            .formatted(
                String.join(" ", command),
                how,
                log,
                String.join(
                    System.lineSeparator(),
                    lines.subList(Math.max(0, lines.size() - LOG_LINES), lines.size()))));
  }

  /** Nothing is asked of a model hub: everything the peers read lies on this disk. */
  private static ProcessBuilder offline(ProcessBuilder builder, int threads) {
    builder
        .environment()
        .putAll(
            java.util.Map.of(
                "HF_HUB_OFFLINE", "1",
                "TOKENIZERS_PARALLELISM", "false",
                "OMP_NUM_THREADS", String.valueOf(threads)));
    return builder;
  }
}
