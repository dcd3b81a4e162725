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
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * Python programs that we test with, installed from PyPI through the user's own pip into a folder
 * of {@code target}, once, and shared by all tests.
 */
final class Venv {
  private static final Path HOME =
      Path.of(System.getProperty("retune.home", "")).toAbsolutePath().normalize();
  private static final Path SCRIPTS = HOME.resolve(Path.of("src", "it", "python"));
  private static final Path LOGS = HOME.resolve(Path.of("target", "it-logs"));

  private static final int LOG_LINES = 20;
  private static final long LIMIT_MINUTES = 30;

  private final Path folder;
  private final List<String> pins;
  private final List<List<String>> steps;
  private final Map<String, String> environment;

  /**
   * @param name of the folder
   * @param pins files of {@code src/it/python} that the installation depends on; their digest,
   *     written last, marks it as whole
   * @param steps arguments of Python, in order, that install it and see that it works
   * @param environment of all that runs in it
   */
  Venv(String name, List<String> pins, List<List<String>> steps, Map<String, String> environment) {
    this.folder = HOME.resolve(Path.of("target", name));
    this.pins = pins;
    this.steps = steps;
    this.environment = environment;
  }

  /** The same with more in its environment. */
  Venv with(Map<String, String> more) {
    Map<String, String> all = new HashMap<>(environment);
    all.putAll(more);
    return new Venv(folder.getFileName().toString(), pins, steps, all);
  }

  /** A step that installs a file of requirements. */
  static List<String> pip(String option, String requirements) {
    return List.of(
        "-m",
        "pip",
        "install",
        "--no-input",
        "--disable-pip-version-check",
        option,
        "-r",
        script(requirements));
  }

  /** The path of a file of {@code src/it/python}. */
  static String script(String name) {
    return SCRIPTS.resolve(name).toString();
  }

  /** The interpreter; installs what is not there. */
  synchronized Path python() {
    try {
      Files.createDirectories(folder.getParent());
      try (FileChannel channel =
              FileChannel.open(
                  folder.resolveSibling(folder.getFileName() + ".lock"),
                  StandardOpenOption.CREATE,
                  StandardOpenOption.WRITE);
          FileLock alone = channel.lock()) {
        if (!isInstalled()) {
          install();
        }
      }
      return interpreter();
    } catch (IOException e) {
      throw new UncheckedIOException("Python cannot be installed in " + folder, e);
    }
  }

  /** Runs a script of {@code src/it/python} to its end; its output goes to a file of its name. */
  void run(String script, Object... arguments) {
    execute(command(script, arguments), log(script));
  }

  /** A script of {@code src/it/python}, not started yet. */
  ProcessBuilder process(String script, Object... arguments) {
    return inEnvironment(new ProcessBuilder(command(script, arguments)));
  }

  /** A module of Python's, not started yet, whose output goes to a file of its name. */
  ProcessBuilder module(String module, List<String> arguments) {
    List<String> command = new ArrayList<>(List.of(python().toString(), "-m", module));
    command.addAll(arguments);
    return inEnvironment(new ProcessBuilder(command))
        .redirectErrorStream(true)
        .redirectOutput(ProcessBuilder.Redirect.appendTo(log(module).toFile()));
  }

  private ProcessBuilder inEnvironment(ProcessBuilder builder) {
    builder.environment().putAll(environment);
    return builder;
  }

  private List<String> command(String script, Object... arguments) {
    List<String> command = new ArrayList<>();
    command.add(python().toString());
    command.add("-u");
    command.add(script(script));
    Stream.of(arguments).map(Object::toString).forEach(command::add);
    return command;
  }

  private static Path log(String name) {
    try {
      return Files.createDirectories(LOGS).resolve(name + ".log");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private Path interpreter() {
    return folder.resolve(Path.of("bin", "python"));
  }

  private Path stamp() {
    return folder.resolve("installed.sha256");
  }

  private boolean isInstalled() throws IOException {
    return Files.exists(stamp()) && Files.readString(stamp()).equals(digestOfPins());
  }

  private String digestOfPins() throws IOException {
    SortedMap<String, Sha256> manifest = new TreeMap<>();
    for (String file : pins) {
      manifest.put(file, Sha256.of(SCRIPTS.resolve(file)));
    }
    return Sha256.ofManifest(manifest).hex() + "\n";
  }

  private void install() throws IOException {
    Path log = log(folder.getFileName() + "-install");
    Files.deleteIfExists(stamp());
    execute(List.of("python3", "-m", "venv", "--clear", folder.toString()), log);
    for (List<String> step : steps) {
      List<String> command = new ArrayList<>(List.of(interpreter().toString()));
      command.addAll(step);
      execute(command, log);
    }
    Files.writeString(stamp(), digestOfPins());
  }

  private void execute(List<String> command, Path log) {
    try {
      Process process =
          inEnvironment(new ProcessBuilder(command))
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
}
