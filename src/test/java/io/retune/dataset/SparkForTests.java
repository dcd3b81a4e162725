package io.retune.dataset;

import io.retune.store.LinkLogStore;
import org.apache.spark.sql.SparkSession;

/** One session for all tests of a JVM: two local cores, Delta, commits as in production. */
public final class SparkForTests {
  private SparkForTests() {}

  public static SparkSession session() {
    SparkSession session =
        SparkSession.builder()
            .master("local[2]")
            .appName("retune-tests")
            .config("spark.ui.enabled", false)
            .config("spark.sql.shuffle.partitions", 2)
            .config("spark.databricks.delta.snapshotPartitions", 2)
            .config("spark.sql.session.timeZone", "UTC")
            .config("spark.sql.warehouse.dir", "target/spark-warehouse")
            .config("spark.sql.codegen.wholeStage", false)
            .config("spark.sql.codegen.factoryMode", "NO_CODEGEN")
            .config("spark.sql.legacy.parameterSubstitution.constantsOnly", true)
            .config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
            .config(
                "spark.sql.catalog.spark_catalog",
                "org.apache.spark.sql.delta.catalog.DeltaCatalog")
            .config("spark.delta.logStore.file.impl", LinkLogStore.class.getName())
            .getOrCreate();
    session.sparkContext().setLogLevel("ERROR");
    return session;
  }
}
