package io.retune.it;

import io.retune.it.FaultProxy.Fault;
import io.retune.job.RunId;
import io.retune.lineage.Journal;
import io.retune.lineage.JournalEntry;
import io.retune.store.Store;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.apache.hadoop.conf.Configuration;

/**
 * {@code retune bench tracking}: what a tracking server costs the training, well, silent and
 * failing. The same steps are trained in turn without a server and with each kind, in several
 * rounds; a step's time is the journal's own, with the wait for the journal.
 */
final class TrackingBench {
  private static final int ROUNDS = 3;
  private static final int STEPS = 30;

  /** What a run is told, by the name of its kind; the first is what the others are held against. */
  private final Map<String, List<String>> kinds = new LinkedHashMap<>();

  private final Path store;

  private TrackingBench(Path store) {
    this.store = store;
  }

  public static void main(String[] arguments) throws IOException {
    Path folder = Files.createTempDirectory("tracking-bench");
    TrackingBench bench = new TrackingBench(folder.resolve("store"));
    try (MlflowServer server = MlflowServer.open(Files.createDirectory(folder.resolve("server")));
        FaultProxy silent = new FaultProxy(server.uri(), 1).set(Fault.SILENCE);
        FaultProxy failing = new FaultProxy(server.uri(), 2).set(Fault.ERRORS);
        FaultProxy down = new FaultProxy(server.uri(), 3).set(Fault.DOWN)) {
      bench.kinds.put("without", List.of());
      bench.kinds.put("well", at(server.uri()));
      bench.kinds.put("silent", at(silent.uri()));
      bench.kinds.put("503 for 30 %", at(failing.uri()));
      bench.kinds.put("down", at(down.uri()));
      bench.measure();
    }
  }

  private static List<String> at(Object uri) {
    return List.of("--set", "tracking.mlflow.uri=" + uri);
  }

  private void measure() throws IOException {
    Map<String, List<double[]>> times = new LinkedHashMap<>();
    for (int round = 0; round <= ROUNDS; round++) {
      for (Map.Entry<String, List<String>> kind : kinds.entrySet()) {
        double[] steps = steps("%s %d".formatted(kind.getKey(), round), kind.getValue());
        if (round > 0) {
          times.computeIfAbsent(kind.getKey(), k -> new ArrayList<>()).add(steps);
        } else {
          // The first has the files in no cache; one such run is enough.
          break;
        }
      }
    }
    System.out.printf(
        Locale.ROOT,
        "%-14s %12s %22s %16s%n",
        "server",
        "ms a step",
        "of a step without",
        "of all steps");
    List<double[]> without = times.get("without");
    times.forEach(
        (kind, rounds) ->
            System.out.printf(
                Locale.ROOT,
                "%-14s %12.1f %22.3f %16.3f%n",
                kind,
                median(rounds.stream().flatMapToDouble(Arrays::stream).toArray()),
                median(ratios(rounds, without)),
                total(rounds) / total(without)));
  }

  /** Each step beside the same one of the same round. */
  private static double[] ratios(List<double[]> rounds, List<double[]> without) {
    List<Double> ratios = new ArrayList<>();
    for (int round = 0; round < rounds.size(); round++) {
      for (int step = 0; step < rounds.get(round).length; step++) {
        ratios.add(rounds.get(round)[step] / without.get(round)[step]);
      }
    }
    return ratios.stream().mapToDouble(Double::doubleValue).toArray();
  }

  private static double total(List<double[]> rounds) {
    return rounds.stream().flatMapToDouble(Arrays::stream).sum();
  }

  private static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    int half = sorted.length / 2;
    return sorted.length % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
  }

  /** Milliseconds of each step but the first, which loads code. */
  private double[] steps(String request, List<String> tracking) throws IOException {
    List<String> arguments =
        new ArrayList<>(
            List.of(
                "run",
                "conf/runs/smoke.conf",
                "--set",
                "order.steps=" + STEPS,
                "--set",
                "order.micro-batches=4",
                "--set",
                "evaluation.prompts=[]",
                "--store",
                store.toString(),
                "--request",
                request,
                "--json"));
    arguments.addAll(tracking);
    RetuneProcess.run(arguments.toArray(String[]::new)).json();
    return journal(store, request).stream()
        .map(JournalEntry::event)
        .filter(JournalEntry.Stepped.class::isInstance)
        .map(event -> ((JournalEntry.Stepped) event).step())
        .skip(1)
        .mapToDouble(step -> step.wallMs() + step.recordMs())
        .toArray();
  }

  /** What a run of smoke.conf wrote down. */
  static List<JournalEntry> journal(Path store, String request) {
    return Journal.read(
        Store.existing(store.toString(), new Configuration()), RunId.of("smoke", request));
  }
}
