package io.retune.lineage;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.explode;
import static org.apache.spark.sql.functions.lit;

import io.retune.dataset.Preparation;
import io.retune.dataset.Snapshot;
import io.retune.plan.Plan;
import io.retune.plan.Planner;
import io.retune.store.Store;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/** A plan's ledger as rows of a table: which example is where, and which rows it came from. */
enum Ledger {
  /** A row for each place. */
  BY_PLACE("ledger") {
    @Override
    Dataset<Row> laidOut(Dataset<Row> places, int files) {
      return places
          .withColumn("row_ids", col("sources.row_id"))
          .drop("sources")
          .repartitionByRange(files, col("split"), col("micro_batch"))
          .sortWithinPartitions("split", "micro_batch", "slot");
    }
  },

  /** A row for each source row of each place. */
  BY_ROW("ledger_by_row") {
    @Override
    Dataset<Row> laidOut(Dataset<Row> places, int files) {
      return places
          .withColumn("source", explode(col("sources")))
          .withColumn("dataset", col("source.dataset"))
          .withColumn("row_id", col("source.row_id"))
          .drop("source", "sources")
          .repartitionByRange(files, col("row_id"))
          .sortWithinPartitions("row_id", "split", "micro_batch", "slot");
    }
  };

  /** About half a million examples. */
  private static final int MICRO_BATCHES_PER_FILE = 100_000;

  final String table;

  Ledger(String table) {
    this.table = table;
  }

  /** In the order in which the table is read. */
  abstract Dataset<Row> laidOut(Dataset<Row> places, int files);

  /** All rows of the plan. */
  Dataset<Row> rows(SparkSession spark, Store store, Plan plan, Snapshot snapshot) {
    Dataset<Row> examples =
        Preparation.examples(spark, store, snapshot).select("example_id", "dataset", "sources");
    int microBatches = plan.steps().stream().mapToInt(Plan.Step::microBatches).sum();
    return laidOut(
        Planner.ledger(spark, store, plan)
            .join(examples, "example_id")
            .withColumn("plan_key", lit(plan.key())),
        1 + microBatches / MICRO_BATCHES_PER_FILE);
  }
}
