package io.retune.it;

import io.retune.engine.AdapterInit;
import io.retune.model.AdapterFiles;
import io.retune.model.AdapterLayout;
import io.retune.model.ImportedModel;
import io.retune.store.Json;
import io.retune.store.Store;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;

/**
 * {@code retune bench engine [--rounds N]}: step time and peak memory of the engine beside
 * transformers + peft, on the real model, the same examples and the same cores.
 *
 * <p>The sides are processes that live through all rounds and take turns, so that a machine that
 * gets slower does so for all. Beside the median of a step's time stand its least and the least CPU
 * time of a step, which other programs on the machine disturb less.
 */
final class EngineBench {
  private static final Path FOLDER = RealModel.cache().resolveSibling("bench");
  private static final int CORES = 2;
  private static final int STEPS = 4;
  private static final int EXAMPLES_PER_STEP = 16;
  private static final int TOKENS_PER_MICRO_BATCH = 256;
  private static final int FULL_ROWS = 4;
  private static final int WARM_UP_STEPS = 2;
  private static final int DEFAULT_ROUNDS = 7;

  /** Above it figures are doubtful: threads that wait for each other suffer most from strangers. */
  private static final double IDLE_LOAD = 0.5;

  private EngineBench() {}

  public static void main(String[] args) throws Exception {
    int rounds = rounds(args);
    Files.createDirectories(FOLDER);
    ImportedModel model = RealModel.imported();
    Store store = Store.open(FOLDER.toString(), new Configuration());
    Path adapter = store.localPath("adapter");
    AdapterLayout layout = AdapterLayout.of(model.config(), EngineSteps.lora());
    AdapterFiles.write(
        store,
        store.path("adapter"),
        layout,
        AdapterInit.values(layout, EngineSteps.SEED),
        EngineSteps.lora(),
        "base");
    Peers.python();
    System.out.printf(
        "transformers + peft on %d threads against our lanes of one thread each, float32, LoRA on 7 modules, %d rounds%n",
        CORES, rounds);
    warnOfLoad();
    for (Map.Entry<String, List<List<Glosses.Example>>> workload : workloads().entrySet()) {
      Path file = FOLDER.resolve("workload.json");
      Files.writeString(
          file, Json.write(new EngineSteps.Workload(workload.getValue(), TOKENS_PER_MICRO_BATCH)));
      compare(workload.getKey(), sides(model.directory(), adapter, file), rounds);
    }
  }

  private static int rounds(String[] args) {
    if (args.length == 2 && args[0].equals("--rounds")) {
      return Integer.parseInt(args[1]);
    }
    if (args.length > 0) {
      System.err.println("Usage: retune bench engine [--rounds N]");
      System.exit(2);
    }
    return DEFAULT_ROUNDS;
  }

  private static void warnOfLoad() {
    double load = ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage();
    if (load > IDLE_LOAD) {
      System.out.printf(
          Locale.ROOT, "The machine is not idle (load %.1f): figures will be off.%n", load);
    }
  }

  /** Steps by what they consist of. */
  private static Map<String, List<List<Glosses.Example>>> workloads() {
    List<Glosses.Example> glosses = Glosses.examples(STEPS * EXAMPLES_PER_STEP * 2);
    List<List<Glosses.Example>> steps = new ArrayList<>();
    List<List<Glosses.Example>> full = new ArrayList<>();
    int next = 0;
    for (int step = 0; step < STEPS; step++) {
      int from = step * EXAMPLES_PER_STEP;
      steps.add(glosses.subList(from, from + EXAMPLES_PER_STEP));
      List<Glosses.Example> rows = new ArrayList<>();
      for (int row = 0; row < FULL_ROWS; row++) {
        int[] ids = new int[TOKENS_PER_MICRO_BATCH];
        for (int i = 0; i < ids.length; i++, next++) {
          Glosses.Example source = glosses.get(next / 32 % glosses.size());
          ids[i] = source.ids()[next % 32];
        }
        rows.add(new Glosses.Example(ids, ids));
      }
      full.add(rows);
    }
    Map<String, List<List<Glosses.Example>>> workloads = new LinkedHashMap<>();
    workloads.put("%d definitions a step".formatted(EXAMPLES_PER_STEP), steps);
    workloads.put(
        "%d full rows of %d tokens a step, all of them trained"
            .formatted(FULL_ROWS, TOKENS_PER_MICRO_BATCH),
        full);
    return workloads;
  }

  private static List<Side> sides(Path model, Path adapter, Path workload) throws IOException {
    List<Side> sides = new ArrayList<>();
    sides.add(
        new Side(
            "transformers + peft",
            Peers.process(CORES, "bench_peer.py", model, adapter, workload)));
    for (int lanes : new int[] {2, 1}) {
      List<String> command = new ArrayList<>();
      command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
      command.addAll(List.of("-Xmx512m", "-XX:+UseSerialGC"));
      command.addAll(List.of("-cp", System.getProperty("java.class.path")));
      command.add(EngineSteps.class.getName());
      command.addAll(
          List.of(
              model.toString(),
              workload.toString(),
              RealModel.cache().toString(),
              String.valueOf(lanes)));
      ProcessBuilder builder = new ProcessBuilder(command);
      builder.environment().put("OMP_NUM_THREADS", "1");
      sides.add(new Side("retune, lanes: " + lanes, builder));
    }
    return sides;
  }

  private static void compare(String workload, List<Side> sides, int rounds) throws Exception {
    try {
      for (int step = 0; step < WARM_UP_STEPS + rounds; step++) {
        for (Side side : sides) {
          side.step(step, step >= WARM_UP_STEPS);
        }
      }
      System.out.printf("%n%s%n", workload);
      System.out.printf(
          "%-20s %8s %5s  %8s %5s  %8s %5s  %8s %5s  %s%n",
          "", "median", "", "least", "", "CPU", "", "peak", "", "loss at the end");
      sides.forEach(side -> side.print(sides.get(0)));
    } finally {
      for (Side side : sides) {
        side.close();
      }
    }
  }

  /** One contestant: a process that does a step when told to. */
  private static final class Side implements AutoCloseable {
    private final String name;
    private final Path log;
    private final Process process;
    private final BufferedReader answers;
    private final BufferedWriter orders;
    private final List<Double> millis = new ArrayList<>();
    private final List<Double> cpuMillis = new ArrayList<>();
    private double loss;

    Side(String name, ProcessBuilder builder) throws IOException {
      this.name = name;
      this.log = FOLDER.resolve(name.replaceAll("[^a-z0-9]+", "-") + ".log");
      this.process = builder.redirectError(log.toFile()).start();
      this.answers = process.inputReader(StandardCharsets.UTF_8);
      this.orders = process.outputWriter(StandardCharsets.UTF_8);
      answer();
    }

    void step(int step, boolean counts) throws IOException {
      double cpu = cpu();
      long start = System.nanoTime();
      orders.write(step + "\n");
      orders.flush();
      loss = Double.parseDouble(answer());
      if (counts) {
        millis.add((System.nanoTime() - start) / 1e6);
        cpuMillis.add(cpu() - cpu);
      }
    }

    private double cpu() {
      return process.info().totalCpuDuration().map(Duration::toMillis).orElse(0L);
    }

    void print(Side base) {
      System.out.printf(
          Locale.ROOT,
          "%-20s %5.0f ms %5.2f  %5.0f ms %5.2f  %5.0f ms %5.2f  %4.0f MiB %5.2f  %.5f%n",
          name,
          median(),
          median() / base.median(),
          least(millis),
          least(millis) / least(base.millis),
          least(cpuMillis),
          least(cpuMillis) / least(base.cpuMillis),
          peakMebibytes(),
          peakMebibytes() / base.peakMebibytes(),
          loss);
    }

    private String answer() throws IOException {
      String line = answers.readLine();
      if (line == null) {
        throw new IllegalStateException(name + " ended; see " + log);
      }
      return line;
    }

    private double median() {
      double[] sorted = millis.stream().mapToDouble(Double::doubleValue).sorted().toArray();
      return (sorted[(sorted.length - 1) / 2] + sorted[sorted.length / 2]) / 2;
    }

    private static double least(List<Double> values) {
      return values.stream().mapToDouble(Double::doubleValue).min().orElseThrow();
    }

    /** The most memory that was resident at a time, from Linux's /proc; elsewhere not a number. */
    private double peakMebibytes() {
      try (Stream<String> lines = Files.lines(Path.of("/proc/" + process.pid() + "/status"))) {
        return lines
            .filter(line -> line.startsWith("VmHWM:"))
            .mapToDouble(line -> Double.parseDouble(line.split("\\s+")[1]) / 1024)
            .findFirst()
            .orElse(Double.NaN);
      } catch (IOException e) {
        return Double.NaN;
      }
    }

    @Override
    public void close() throws Exception {
      orders.close();
      process.waitFor();
    }
  }
}
