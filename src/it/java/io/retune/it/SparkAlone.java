package io.retune.it;

import org.apache.spark.sql.SparkSession;

/** A session such as Retune opens, by a program that does nothing else: a line says it is there. */
final class SparkAlone {
  private SparkAlone() {}

  public static void main(String[] arguments) {
    SparkSession.builder()
        .master("local[2]")
        .appName("alone")
        .config("spark.ui.enabled", false)
        .config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
        .config(
            "spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog")
        .getOrCreate();
    System.out.println("ready");
  }
}
