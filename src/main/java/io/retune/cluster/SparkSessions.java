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
    return SparkSession.builder().config(conf(site)).getOrCreate();
  }

  /**
   * Starts nothing.
   *
   * @throws InvalidInputException if no session can be opened with the settings that there are
   */
  public static void requireUsable(Site site) {
    conf(site);
  }

  private static SparkConf conf(Site site) {
    SparkConf conf = new SparkConf();
    conf.setIfMissing("spark.app.name", "retune");
    delta(conf);
    meaning(conf);
    barrier(conf);
    executors(conf, site);
    if (SubmittedDriver.isSubmitted()) {
      onACluster(conf, site);
    } else {
      onThisMachine(conf, site);
    }
    // Nothing is kept there; Spark would make the folder where the user stands.
    conf.setIfMissing(
        "spark.sql.warehouse.dir", Path.of(site.cache(), "spark-warehouse").toUri().toString());
    return conf;
  }

  /** What the site says holds where spark-submit was told nothing. */
  private static void onACluster(SparkConf conf, Site site) {
    String master = conf.get("spark.master");
    if (conf.getBoolean("spark.dynamicAllocation.enabled", false)) {
      throw InvalidInputException.of(
          ErrorCode.DYNAMIC_ALLOCATION,
          "spark.dynamicAllocation.enabled = true",
          "is for stages that may run a task at a time; all ranks run at once (SPARK-24942).",
          "Submit with --conf spark.dynamicAllocation.enabled=false and a number of executors.");
    }
    conf.setIfMissing("spark.executor.memory", site.executorMemoryMb() + "m");
    if (master.startsWith("spark://")) {
      standalone(conf, site);
    }
    conf.setIfMissing("spark.sql.shuffle.partitions", "" + shufflePartitions(conf));
  }

  /** Two tasks a core: Spark's 200 are for other amounts of rows. */
  private static int shufflePartitions(SparkConf conf) {
    int coresOfEach = conf.getInt("spark.executor.cores", 1);
    int cores = conf.getInt("spark.executor.instances", 1) * coresOfEach;
    return Math.max(
        LAPTOP_SHUFFLE_PARTITIONS, 2 * Math.max(cores, conf.getInt("spark.cores.max", 0)));
  }

  /**
   * A standalone master counts cores, not executors; an executor without a number of cores takes
   * all of its worker, and nobody could say beforehand what a rank is.
   */
  private static void standalone(SparkConf conf, Site site) {
    if (!conf.contains("spark.executor.cores")) {
      throw InvalidInputException.of(
          ErrorCode.EXECUTOR_CORES_UNKNOWN,
          "spark.executor.cores",
          "is not set, so that an executor would take all cores of its worker, however many.",
          "Submit with --executor-cores N, or set executor-cores in the site.");
    }
    int cores = conf.getInt("spark.executor.cores", 1);
    site.executors().ifPresent(n -> conf.setIfMissing("spark.cores.max", "" + n * cores));
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
    if (!master.startsWith("local")) {
      throw InvalidInputException.of(
          ErrorCode.MASTER_REFUSED,
          "master = " + master,
          "is a cluster, to which spark-submit has to ship Retune.",
          "Start with jobs/submit.sh --master %s -- run CONF; or leave master out, and give --executors N for executors on this machine."
              .formatted(master));
    }
    conf.setMaster(master);
    conf.setIfMissing("spark.ui.enabled", "false");
    conf.setIfMissing("spark.ui.showConsoleProgress", "false");
    conf.setIfMissing("spark.sql.shuffle.partitions", "" + LAPTOP_SHUFFLE_PARTITIONS);
    // Compiling a query takes longer than a laptop's rows: preparation of the quickstart in half of
    // the time without.
    conf.setIfMissing("spark.sql.codegen.wholeStage", "false");
    conf.setIfMissing("spark.sql.codegen.factoryMode", "NO_CODEGEN");
    conf.setIfMissing("spark.driver.host", "127.0.0.1");
    conf.setIfMissing("spark.driver.bindAddress", "127.0.0.1");
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
