package io.retune.it;

import io.retune.Programs;
import io.retune.lineage.JournalEntry;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * {@code retune bench start}: the time from the command to ranks that are ready for the first step,
 * split. What is neither the start of Spark, as a program takes that does nothing else, nor the
 * loading of the weights is ours. Model, data, snapshot and plan are in the store already: the
 * first round, which makes them, is not counted.
 */
final class StartBench {
  private static final int ROUNDS = 5;

  private static final String REST = "rest";

  private static final String LOAD = "load";

  private static final String ALL = "all";

  private static final String SPARK_ALONE = "Spark alone";

  private static final String OURS = "ours";

  /** Parts of a run up to the first step, as it notes them itself. */
  private static final List<String> NOTED =
      List.of("start", "session", "executors", "import", "prepare", "plan", LOAD);

  private final Path store;

  private StartBench(Path store) {
    this.store = store;
  }

  public static void main(String[] arguments) throws IOException {
    StartBench bench = new StartBench(Files.createTempDirectory("start-bench").resolve("store"));
    bench.split(0);
    List<Map<String, Long>> rounds = new ArrayList<>();
    for (int round = 1; round <= ROUNDS; round++) {
      rounds.add(bench.split(round));
    }
    System.out.printf(Locale.ROOT, "%-12s %14s%n", "", "ms (median)");
    rounds.get(0).keySet().stream()
        .filter(part -> median(rounds, part) != 0)
        .forEach(
            part -> System.out.printf(Locale.ROOT, "%-12s %14d%n", part, median(rounds, part)));
    System.out.printf(
        Locale.ROOT,
        "ours: all but Spark alone and load; %.2f of load%n",
        (double) median(rounds, OURS) / median(rounds, LOAD));
  }

  private static long median(List<Map<String, Long>> rounds, String part) {
    return rounds.stream().map(it -> it.get(part)).sorted().toList().get(rounds.size() / 2);
  }

  /** Milliseconds by part of one run, beside Spark alone. */
  private Map<String, Long> split(int round) throws IOException {
    long sparkAlone = sparkAlone();
    String request = "round " + round;
    Instant submitted = Instant.now();
    run(request);
    Instant ready = submitted;
    Map<String, Long> split = new LinkedHashMap<>();
    for (JournalEntry entry : TrackingBench.journal(store, request)) {
      if (entry.event() instanceof JournalEntry.AttemptStarted) {
        ready = Instant.parse(entry.time());
      } else if (entry.event() instanceof JournalEntry.Ended ended) {
        NOTED.forEach(part -> split.put(part, ended.timeMs().getOrDefault(part, 0L)));
      }
    }
    long all = Duration.between(submitted, ready).toMillis();
    split.put(REST, all - split.values().stream().mapToLong(Long::longValue).sum());
    split.put(ALL, all);
    split.put(SPARK_ALONE, sparkAlone);
    split.put(OURS, all - sparkAlone - split.get(LOAD));
    return split;
  }

  /** As a user asks for it: by the launcher. */
  private void run(String request) {
    Programs.run(
        new ProcessBuilder(
            "./retune",
            "run",
            "conf/runs/smoke.conf",
            "--set",
            "order.steps=1",
            "--set",
            "evaluation.prompts=[]",
            "--store",
            store.toString(),
            "--request",
            request,
            "--quiet"));
  }

  /** Milliseconds from its call to an open session. */
  private static long sparkAlone() throws IOException {
    long start = System.nanoTime();
    Process alone =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "@target/jvm.options",
                "-Xmx3g",
                "-cp",
                System.getProperty("java.class.path"),
                SparkAlone.class.getName())
            .redirectError(Redirect.INHERIT)
            .start();
    try {
      String said = alone.inputReader().readLine();
      if (!"ready".equals(said)) {
        throw new IllegalStateException("Spark alone said " + said);
      }
      return Duration.ofNanos(System.nanoTime() - start).toMillis();
    } finally {
      alone.destroy();
      alone.onExit().join();
    }
  }
}
