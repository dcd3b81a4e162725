package io.retune.job;

import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/**
 * Where the time of a run went: the parts follow each other. What is done beside the training, by
 * threads that nothing waits for, is in none of them.
 */
public final class TimeSplit {
  /** The parts of a run, in their order. */
  public enum Stage {
    BUILD,
    START,
    SESSION,
    EXECUTORS,
    IMPORT,
    PREPARE,
    PLAN,
    LOAD,
    TRAIN,
    EVALUATE,
    SAMPLE,
    RECORD
  }

  private final Map<Stage, Duration> spent = new EnumMap<>(Stage.class);

  /** Starts with what the launcher says the build took, and with what it took to get here. */
  public TimeSplit() {
    add(Stage.BUILD, Duration.ofMillis(Long.getLong("retune.build.ms", 0)));
    add(Stage.START, Duration.ofMillis(Math.max(0, System.currentTimeMillis() - startedAt())));
  }

  /** When spark-submit was called, by its own clock; else when this process was. */
  private static long startedAt() {
    return Long.getLong(
        "spark.app.submitTime", ManagementFactory.getRuntimeMXBean().getStartTime());
  }

  public synchronized void add(Stage stage, Duration duration) {
    spent.merge(stage, duration, Duration::plus);
  }

  /** Runs {@code work} and counts its time as {@code stage}'s. */
  public <T> T measure(Stage stage, Supplier<T> work) {
    long start = System.nanoTime();
    try {
      return work.get();
    } finally {
      add(stage, Duration.ofNanos(System.nanoTime() - start));
    }
  }

  /** As {@link #measure(Stage, Supplier)}, of work that comes to nothing. */
  public void measure(Stage stage, Runnable work) {
    measure(
        stage,
        () -> {
          work.run();
          return null;
        });
  }

  /** Milliseconds by stage in lower case, for the record. */
  public synchronized SortedMap<String, Long> milliseconds() {
    return spent.entrySet().stream()
        .collect(
            Collectors.toMap(
                e -> e.getKey().name().toLowerCase(Locale.ROOT),
                e -> e.getValue().toMillis(),
                (one, other) -> one,
                TreeMap::new));
  }

  /** {@code session 4.1 s · import 2.0 s · ...}, without the stages that took no time. */
  @Override
  public synchronized String toString() {
    return spent.entrySet().stream()
        .filter(e -> e.getValue().toMillis() >= 50)
        .map(
            e ->
                "%s %.1f s"
                    .formatted(
                        e.getKey().name().toLowerCase(Locale.ROOT),
                        e.getValue().toMillis() / 1000.0))
        .collect(Collectors.joining(" · "));
  }
}
