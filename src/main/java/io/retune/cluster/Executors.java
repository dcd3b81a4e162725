package io.retune.cluster;

import java.time.Duration;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext;
import org.apache.spark.sql.SparkSession;

/** The executors of a session: how many were asked for, are there, and what each has. */
public final class Executors {
  private static final Duration LOOK_AGAIN = Duration.ofMillis(200);

  private Executors() {}

  /** Those that are there now, one rank each; in a local session the driver itself. */
  public static int there(SparkSession spark) {
    SparkContext context = spark.sparkContext();
    return context.isLocal() ? 1 : context.statusTracker().getExecutorInfos().length - 1;
  }

  /** As many as the session asked its cluster for; one where it did not say. */
  public static int asked(SparkSession spark) {
    SparkConf conf = spark.sparkContext().getConf();
    // A standalone master is asked for cores.
    int byCores = conf.getInt("spark.cores.max", 0) / coresOfEach(spark);
    return Math.max(1, conf.getInt("spark.executor.instances", byCores));
  }

  /** Cores a rank may use. */
  public static int coresOfEach(SparkSession spark) {
    SparkContext context = spark.sparkContext();
    return context.isLocal()
        ? context.defaultParallelism()
        : context.getConf().getInt("spark.executor.cores", 1);
  }

  /**
   * Waits until {@code wanted} of them are there, no longer than {@code limit}.
   *
   * @return how many are there then
   */
  public static int await(SparkSession spark, int wanted, Duration limit) {
    long deadline = System.nanoTime() + limit.toNanos();
    int there = there(spark);
    try {
      while (there < wanted && System.nanoTime() < deadline) {
        Thread.sleep(LOOK_AGAIN.toMillis());
        there = there(spark);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    return there;
  }
}
