package io.retune.dataset;

import io.delta.kernel.Snapshot;
import io.delta.kernel.Table;
import io.delta.kernel.data.FilteredColumnarBatch;
import io.delta.kernel.data.Row;
import io.delta.kernel.engine.Engine;
import io.delta.kernel.internal.InternalScanFileUtils;
import io.delta.kernel.utils.CloseableIterator;
import io.retune.store.DeltaKernel;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.StructType;

/**
 * A Delta table that one commit makes and none changes. Delta's reader for Spark finds the files of
 * a table, and those to skip, by queries of its own, which take seconds in a program that has just
 * begun. Here nothing is to be skipped: Delta's Kernel lists the files, and Spark reads them.
 */
public final class FrozenTable {
  /** What makes Spark take a file's path for a pattern. */
  private static final Pattern PATTERN = Pattern.compile("[\\[\\]{}*?\\\\]");

  private FrozenTable() {}

  /** The table's rows. */
  public static Dataset<org.apache.spark.sql.Row> read(SparkSession spark, Path location) {
    if (PATTERN.matcher(location.toString()).find()) {
      return spark.read().format("delta").load(location.toString());
    }
    Engine engine = DeltaKernel.engine(spark.sparkContext().hadoopConfiguration());
    Snapshot snapshot = Table.forPath(engine, location.toString()).getLatestSnapshot(engine);
    StructType columns = (StructType) DataType.fromJson(snapshot.getMetadata().getSchemaString());
    String[] files = files(snapshot, engine);
    return files.length == 0
        ? spark.createDataFrame(List.of(), columns)
        : spark.read().schema(columns).parquet(files);
  }

  private static String[] files(Snapshot snapshot, Engine engine) {
    List<String> files = new ArrayList<>();
    try (CloseableIterator<FilteredColumnarBatch> batches =
        snapshot.getScanBuilder().build().getScanFiles(engine)) {
      while (batches.hasNext()) {
        try (CloseableIterator<Row> rows = batches.next().getRows()) {
          while (rows.hasNext()) {
            files.add(InternalScanFileUtils.getAddFileStatus(rows.next()).getPath());
          }
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return files.toArray(String[]::new);
  }
}
