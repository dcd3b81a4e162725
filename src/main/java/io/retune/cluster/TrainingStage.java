package io.retune.cluster;

import io.retune.collective.Attempt;
import io.retune.train.AllGather;
import io.retune.train.EventServer;
import io.retune.train.RankEvent;
import io.retune.train.RankLoop;
import io.retune.train.Seat;
import io.retune.train.TrainingTask;
import java.io.IOException;
import java.io.Serializable;
import java.io.UncheckedIOException;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.apache.spark.sql.SparkSession;

/** One attempt: ranks as the tasks of a barrier stage, and what rank 0 tells of them. */
public final class TrainingStage {
  private TrainingStage() {}

  /**
   * Trains to the end of the plan.
   *
   * @param world ranks, one on each executor
   * @param task what they do; where they report to is filled in here
   * @param events takes each event before the ranks go on; when it throws, the ranks are ended and
   *     this throws the same
   * @throws RuntimeException if a rank failed
   */
  public static void run(
      SparkSession spark, int world, TrainingTask task, Consumer<RankEvent> events) {
    run(spark, world, task, events, RankLoop::run);
  }

  /**
   * Scores the frozen split with the weights behind {@code task.resumeStep}; otherwise as {@link
   * #run}.
   */
  public static void score(
      SparkSession spark, int world, TrainingTask task, Consumer<RankEvent> events) {
    run(spark, world, task, events, RankLoop::score);
  }

  /** What a rank of an attempt does; travels to its executor. */
  @FunctionalInterface
  private interface Work extends Serializable {
    String of(TrainingTask task, Seat seat, AllGather gather, BooleanSupplier cancelled)
        throws IOException;
  }

  private static void run(
      SparkSession spark, int world, TrainingTask task, Consumer<RankEvent> events, Work work) {
    Attempt attempt = task.attempt();
    try (EventServer server = new EventServer(attempt, events)) {
      String host = spark.sparkContext().getConf().get("spark.driver.host");
      TrainingTask reporting = task.reportingTo(host, server.port());
      try {
        BarrierStage.run(
            spark, world, (seat, gather, cancelled) -> work.of(reporting, seat, gather, cancelled));
      } catch (Exception e) {
        // Spark declares none of what it throws. What the driver refused is the cause of what the
        // ranks then met.
        throw server.failure().orElseGet(() -> asUnchecked(e));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static RuntimeException asUnchecked(Exception e) {
    return e instanceof RuntimeException unchecked
        ? unchecked
        : new IllegalStateException(e.getMessage(), e);
  }
}
