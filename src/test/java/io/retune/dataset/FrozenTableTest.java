package io.retune.dataset;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FrozenTableTest {
  private final SparkSession spark = SparkForTests.session();

  @TempDir Path folder;

  private org.apache.hadoop.fs.Path written(String name, Dataset<Row> rows) {
    org.apache.hadoop.fs.Path location =
        new org.apache.hadoop.fs.Path(folder.resolve(name).toUri());
    rows.write().format("delta").save(location.toString());
    return location;
  }

  @Test
  void rowsAreThoseThatDeltaReadsWhateverTheFolderIsCalled() {
    for (String name : new String[] {"plain", "a b%20c", "[x]{y,z}*?\\"}) {
      Dataset<Row> rows =
          spark.range(0, 100, 1, 3).selectExpr("id", "array(id, id + 1) AS ids", "'é' AS text");
      org.apache.hadoop.fs.Path location = written(name, rows);
      Dataset<Row> read = FrozenTable.read(spark, location);
      Dataset<Row> byDelta = spark.read().format("delta").load(location.toString());
      assertThat(read.schema()).as(name).isEqualTo(byDelta.schema());
      assertThat(read.collectAsList())
          .as(name)
          .hasSize(100)
          .containsExactlyInAnyOrderElementsOf(byDelta.collectAsList());
    }
  }

  @Test
  void aTableWithoutRowsHasItsColumns() {
    Dataset<Row> read = FrozenTable.read(spark, written("empty", spark.range(0).toDF("id")));
    assertThat(read.collectAsList()).isEmpty();
    assertThat(read.columns()).containsExactly("id");
  }

  @Test
  void filesThatTheTableHasNoMoreAreNotRead() {
    org.apache.hadoop.fs.Path location = written("twice", spark.range(3).toDF("id"));
    spark
        .range(5, 7)
        .toDF("id")
        .write()
        .format("delta")
        .mode("overwrite")
        .save(location.toString());
    assertThat(FrozenTable.read(spark, location).collectAsList())
        .extracting(row -> row.getLong(0))
        .containsExactlyInAnyOrder(5L, 6L);
  }
}
