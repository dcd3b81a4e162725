package io.retune.cluster;

import io.retune.config.ErrorCode;
import io.retune.config.InvalidInputException;
import io.retune.config.Site;
import io.retune.store.LinkLogStore;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.apache.spark.SparkConf;
import org.apache.spark.sql.SparkSession;

/**
 * The Spark session of a job: on this machine as the site says, or the one spark-submit configured.
 */
public final class SparkSessions {
  /**
   * Few rows on few cores: two hundred shuffle partitions, Spark's default, would be two hundred
   * empty tasks.
   */
  private static final int LAPTOP_SHUFFLE_PARTITIONS = 4;

  private SparkSessions() {}

  /** The session of this process that {@link #open} would give. */
  public static Optional<SparkSession> running() {
    scala.Option<SparkSession> there = SparkSession.getDefaultSession();
    return there.isDefined() && !there.get().sparkContext().isStopped()
        ? Optional.of(there.get())
        : Optional.empty();
  }

  /** One rank in this process, or separate executors. */
  public static SparkSession open(Site site) {
    SparkConf conf = new SparkConf();
    conf.setIfMissing("spark.app.name", "retune");
    delta(conf);
    meaning(conf);
    barrier(conf);
    boolean submitted = conf.contains("spark.master");
    if (!submitted) {
      onThisMachine(conf, site);
    }
    // Nothing is kept there; Spark would make the folder where the user stands.
    conf.setIfMissing(
        "spark.sql.warehouse.dir", Path.of(site.cache(), "spark-warehouse").toUri().toString());
    executors(conf, site);
    requireThisMachine(conf.get("spark.master"));
    return SparkSession.builder().config(conf).getOrCreate();
  }

  /** Stores and caches lie on local disks: an executor elsewhere would not find them. */
  private static void requireThisMachine(String master) {
    if (!master.startsWith("local")) {
      throw InvalidInputException.of(
          ErrorCode.MASTER_REFUSED,
          "master = " + master,
          "has executors on other machines, which is not supported yet.",
          "Leave master out, and give --executors N for executors on this machine.");
    }
  }

  private static void delta(SparkConf conf) {
    Map.of(
            "spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension",
            "spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog",
            "spark.delta.logStore.file.impl", LinkLogStore.class.getName(),
            // Delta's parser drops named parameters unless they are bound the old way
            // (delta-io/delta#7640).
            "spark.sql.legacy.parameterSubstitution.constantsOnly", "true",
            // Plans of many columns are not cut short in messages, and nobody is told that they
            // were.
            "spark.sql.debug.maxToStringFields", "1000",
            "spark.databricks.delta.snapshotPartitions", "2")
        .forEach(conf::setIfMissing);
  }

  /** What an expression of a recipe means: the same in every session, whatever was submitted. */
  private static void meaning(SparkConf conf) {
    // Expressions fail on a division by zero or a bad cast instead of making a null.
    conf.set("spark.sql.ansi.enabled", "true");
    conf.set("spark.sql.session.timeZone", "UTC");
    conf.set("spark.sql.caseSensitive", "false");
    conf.set("spark.sql.legacy.timeParserPolicy", "CORRECTED");
  }

  private static void barrier(SparkConf conf) {
    Map.of(
            "spark.scheduler.barrier.maxConcurrentTasksCheck.interval", "1s",
            // Tasks start when all executors are there, else they pile up on the first.
            "spark.scheduler.minRegisteredResourcesRatio", "1",
            // A rank moves its own gradients; the default of one year is no timeout.
            "spark.barrier.sync.timeout", "600")
        .forEach(conf::setIfMissing);
  }

  private static void onThisMachine(SparkConf conf, Site site) {
    String master = site.master().orElseGet(() -> localMaster(site));
    conf.setMaster(master);
    conf.setIfMissing("spark.ui.enabled", "false");
    conf.setIfMissing("spark.ui.showConsoleProgress", "false");
    conf.setIfMissing("spark.sql.shuffle.partitions", "" + LAPTOP_SHUFFLE_PARTITIONS);
    // Compiling a query takes longer than a laptop's rows: preparation of the quickstart in half of
    // the time without.
    conf.setIfMissing("spark.sql.codegen.wholeStage", "false");
    conf.setIfMissing("spark.sql.codegen.factoryMode", "NO_CODEGEN");
    if (master.startsWith("local")) {
      conf.setIfMissing("spark.driver.host", "127.0.0.1");
      conf.setIfMissing("spark.driver.bindAddress", "127.0.0.1");
    }
    if (master.startsWith("local-cluster")) {
      conf.setIfMissing("spark.executor.extraClassPath", System.getProperty("java.class.path"));
      conf.setIfMissing("spark.executor.cores", "" + coresPerExecutor(site));
      conf.setIfMissing("spark.executor.memory", site.executorMemoryMb() + "m");
      conf.setIfMissing("spark.executor.extraJavaOptions", "-XX:+UseSerialGC");
      makeEmptySparkHome();
    }
  }

  /** {@code local-cluster[executors, cores, MiB]}: executors in JVMs of their own. */
  private static String localMaster(Site site) {
    if (site.executors().isEmpty()) {
      return "local[*]";
    }
    return "local-cluster[%d,%d,%d]"
        .formatted(site.executors().get(), coresPerExecutor(site), site.executorMemoryMb());
  }

  /** As the site says, else an equal share of this machine's cores. */
  private static int coresPerExecutor(Site site) {
    return site.executorCores()
        .orElseGet(
            () ->
                Math.max(
                    1, Runtime.getRuntime().availableProcessors() / site.executors().orElse(1)));
  }

  private static void executors(SparkConf conf, Site site) {
    Map.of(
            "spark.executorEnv.OMP_NUM_THREADS", "1",
            "spark.executorEnv.DJL_OFFLINE", "true",
            "spark.executorEnv.OPT_OUT_TRACKING", "true")
        .forEach(conf::setIfMissing);
    site.executors().ifPresent(n -> conf.setIfMissing("spark.executor.instances", "" + n));
    site.executorCores().ifPresent(n -> conf.setIfMissing("spark.executor.cores", "" + n));
  }

  /** local-cluster starts its workers from SPARK_HOME and wants a folder {@code jars} there. */
  private static void makeEmptySparkHome() {
    String home = System.getenv("SPARK_HOME");
    if (home == null) {
      throw new IllegalStateException(
          "SPARK_HOME is not set; start Retune with ./retune, which sets it");
    }
    try {
      Files.createDirectories(Path.of(home, "jars"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
