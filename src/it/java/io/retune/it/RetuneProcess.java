package io.retune.it;

import static java.util.stream.Collectors.joining;
import static org.assertj.core.api.Assertions.assertThat;

import io.retune.Said;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.apache.spark.launcher.JavaModuleOptions;

/** Retune as a user starts it: a process of its own, its exit code, and what it printed. */
final class RetuneProcess implements Said {
  private final Process process;
  private final Path stdout;
  private final Path stderr;

  private RetuneProcess(Process process, Path stdout, Path stderr) {
    this.process = process;
    this.stdout = stdout;
    this.stderr = stderr;
  }

  /** Starts {@code retune arguments...}, writing what it prints under {@code target/it-logs}. */
  static RetuneProcess start(String... arguments) {
    return start(Map.of(), List.of(), arguments);
  }

  /** As {@link #start(String...)}, with more in its environment, and Java options. */
  static RetuneProcess start(
      Map<String, String> environment, List<String> javaOptions, String... arguments) {
    return start(List.of(), environment, javaOptions, arguments);
  }

  /**
   * As {@link #start(String...)}, on a cluster, by {@code jobs/submit.sh}.
   *
   * @param options what spark-submit takes
   */
  static RetuneProcess submit(
      Map<String, String> environment, List<String> options, String... arguments) {
    List<String> command = new ArrayList<>();
    command.add(Path.of("jobs", "submit.sh").toString());
    command.addAll(options);
    command.add("--");
    command.addAll(Arrays.asList(arguments));
    return start(command, environment, arguments[0]);
  }

  /** As {@link #start(String...)}, unable to write a file that is longer. */
  static RetuneProcess startWithFilesUpTo(int mebibytes, String... arguments) {
    // POSIX counts in 512 bytes.
    String limited = "ulimit -f " + mebibytes * 2048 + " && exec \"$@\"";
    return start(List.of("sh", "-c", limited, "sh"), Map.of(), List.of(), arguments);
  }

  private static RetuneProcess start(
      List<String> launcher,
      Map<String, String> environment,
      List<String> javaOptions,
      String... arguments) {
    List<String> command = new ArrayList<>(launcher);
    command.addAll(command(javaOptions));
    command.addAll(Arrays.asList(arguments));
    return start(command, environment, arguments[0]);
  }

  private static RetuneProcess start(
      List<String> command, Map<String, String> environment, String name) {
    try {
      Path logs = Files.createDirectories(Path.of("target", "it-logs"));
      Path stdout = Files.createTempFile(logs, name + "-", ".out");
      Path stderr = Path.of(stdout.toString().replaceAll("out$", "err"));
      ProcessBuilder builder =
          new ProcessBuilder(command)
              .redirectOutput(stdout.toFile())
              .redirectError(stderr.toFile());
      builder.environment().put("CI", "true");
      builder.environment().putAll(environment);
      return new RetuneProcess(builder.start(), stdout, stderr);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** What starts Retune on the class path of the tests, but for its arguments. */
  static List<String> command(List<String> javaOptions) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    Arrays.stream(JavaModuleOptions.defaultModuleOptions().trim().split("\\s+"))
        .filter(option -> !option.contains("jdk.incubator.vector"))
        .forEach(command::add);
    command.addAll(List.of("-Xmx2g", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"));
    command.add("-Dspark.executor.extraJavaOptions=-XX:+UseSerialGC -XX:TieredStopAtLevel=1");
    command.addAll(javaOptions);
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), "io.retune.Retune"));
    return command;
  }

  /** {@link #command} as a shell takes it. */
  static String shellCommand(List<String> javaOptions) {
    return command(javaOptions).stream().map(RetuneProcess::quoted).collect(joining(" "));
  }

  /** A word as a shell takes it. */
  static String quoted(String word) {
    return "'" + word.replace("'", "'\\''") + "'";
  }

  /** Puts a {@code ./retune} that is this build into a folder. */
  static void installLauncher(Path folder, List<String> javaOptions) throws IOException {
    installLauncher(folder, "exec %s \"$@\"\n".formatted(shellCommand(javaOptions)));
  }

  /** The same, of what it does. */
  static void installLauncher(Path folder, String script) throws IOException {
    Path launcher = Files.writeString(folder.resolve("retune"), "#!/bin/sh\n" + script);
    assertThat(launcher.toFile().setExecutable(true)).isTrue();
  }

  /** Runs to the end. */
  static RetuneProcess run(String... arguments) {
    RetuneProcess retune = start(arguments);
    retune.waitFor();
    return retune;
  }

  RetuneProcess waitFor() {
    try {
      assertThat(process.waitFor(20, TimeUnit.MINUTES)).as("ends in time").isTrue();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
    return this;
  }

  /** kill -9 as soon as {@code condition} holds; false if the process ended before. */
  boolean killWhen(BooleanSupplier condition) {
    if (!runsUntil(condition)) {
      return false;
    }
    process.destroyForcibly();
    waitFor();
    return true;
  }

  /** As Ctrl-C and schedulers end a program: it may clean up. */
  RetuneProcess stop() {
    process.destroy();
    return waitFor();
  }

  /** Waits until {@code condition} holds; false if the process ended before. */
  boolean runsUntil(BooleanSupplier condition) {
    long deadline = System.nanoTime() + Duration.ofMinutes(10).toNanos();
    while (process.isAlive()) {
      if (condition.getAsBoolean()) {
        return true;
      }
      assertThat(System.nanoTime()).as("the moment comes").isLessThan(deadline);
      pause();
    }
    return false;
  }

  private static void pause() {
    try {
      Thread.sleep(2);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public int exitCode() {
    return process.exitValue();
  }

  @Override
  public String stderr() {
    return read(stderr);
  }

  @Override
  public String stdout() {
    return read(stdout);
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
