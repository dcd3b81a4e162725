package io.retune.it;

import com.fasterxml.jackson.databind.JsonNode;
import io.retune.job.RunId;
import io.retune.store.Json;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
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
 * split, and what of it is ours beside what it takes to load the weights. Model, data, snapshot and
 * plan are in the store already: the first run, which makes them, is not counted.
 */
final class StartBench {
  private static final int ROUNDS = 5;

  private static final String SPARK = "session";

  private static final String LOAD = "load";

  private static final String REST = "rest";

  /** Those before the first step, in their order; what is in none of them is the rest. */
  private static final List<String> STAGES =
      List.of("start", SPARK, "executors", "import", "prepare", "plan", REST, LOAD);

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
    print(rounds);
  }

  /** Milliseconds by stage of one run. */
  private Map<String, Long> split(int round) throws IOException {
    String request = "round " + round;
    Instant submitted = Instant.now();
    RetuneProcess.run(
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
            "--json")
        .json();
    Instant ready = submitted;
    JsonNode timeMs = Json.read("{}".getBytes(StandardCharsets.UTF_8));
    Path journal = store.resolve("runs").resolve(RunId.of("smoke", request)).resolve("journal");
    for (String line : Files.readAllLines(journal.resolve("000001.jsonl"))) {
      JsonNode entry = Json.read(line.getBytes(StandardCharsets.UTF_8));
      switch (entry.path("event").path("type").asText()) {
        case "attempt-started" -> ready = Instant.parse(entry.path("time").asText());
        case "ended" -> timeMs = entry.path("event").path("timeMs");
        default -> {} // Of what comes later.
      }
    }
    Map<String, Long> split = new LinkedHashMap<>();
    for (String stage : STAGES) {
      split.put(stage, timeMs.path(stage).asLong());
    }
    long counted = split.values().stream().mapToLong(Long::longValue).sum();
    split.put(REST, Duration.between(submitted, ready).toMillis() - counted);
    return split;
  }

  private static void print(List<Map<String, Long>> rounds) {
    System.out.printf(Locale.ROOT, "%-10s %12s%n", "stage", "ms (median)");
    for (String stage : STAGES) {
      long median = median(rounds.stream().map(it -> it.get(stage)).toList());
      System.out.printf(Locale.ROOT, "%-10s %12d%n", stage, median);
    }
    List<Long> all = rounds.stream().map(it -> sum(it, STAGES)).toList();
    List<String> own =
        STAGES.stream().filter(it -> !it.equals(SPARK) && !it.equals(LOAD)).toList();
    List<Long> ours = rounds.stream().map(it -> sum(it, own)).toList();
    List<Long> load = rounds.stream().map(it -> it.get(LOAD)).toList();
    System.out.printf(Locale.ROOT, "%-10s %12d%n", "all", median(all));
    System.out.printf(
        Locale.ROOT,
        "ours       %12d: all but Spark's session and load; %.2f of load%n",
        median(ours),
        (double) median(ours) / median(load));
  }

  private static long sum(Map<String, Long> split, List<String> stages) {
    return stages.stream().mapToLong(split::get).sum();
  }

  private static long median(List<Long> values) {
    return values.stream().sorted().toList().get(values.size() / 2);
  }
}
