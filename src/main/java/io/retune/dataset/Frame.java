package io.retune.dataset;

import static org.apache.spark.sql.functions.array;
import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.struct;
import static org.apache.spark.sql.functions.udf;

import io.retune.config.ErrorCode;
import io.retune.config.InvalidInputException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.api.java.UDF1;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;

/**
 * Rows on their way to examples: the user's columns, and beside them, under names that start with
 * two underscores and that no expression can see, where each row comes from.
 */
record Frame(Dataset<Row> rows) {
  /** Name of the row, 32 hexadecimal digits; it decides nothing but between equal rows. */
  static final String ID = "__id";

  static final String DATASET = "__dataset";

  /** The rows it came from: {@code dataset}, {@code row_id}. */
  static final String SOURCES = "__sources";

  static final String SPLIT = "__split";

  private static final String OURS = "__";

  /** Of a dataset's version, as {@link Datasets#rows} gives them. */
  static Frame of(String dataset, Dataset<Row> rows) {
    return new Frame(
        rows.withColumn(ID, col(Datasets.ROW_ID))
            .withColumn(DATASET, lit(dataset))
            .withColumn(SOURCES, array(struct(lit(dataset).as("dataset"), col(Datasets.ROW_ID))))
            .withColumn(SPLIT, lit("train"))
            .drop(Datasets.ROW_ID, Datasets.ROW_DIGEST));
  }

  /** The user's columns. */
  StructType schema() {
    return new StructType(
        Arrays.stream(rows.schema().fields())
            .filter(field -> !field.name().startsWith(OURS))
            .toArray(StructField[]::new));
  }

  /** Our columns. */
  List<Column> provenance() {
    List<Column> ours = new ArrayList<>();
    for (String name : rows.columns()) {
      if (name.startsWith(OURS)) {
        ours.add(column(name));
      }
    }
    return ours;
  }

  /** SHA-256 of the user's columns. */
  Column digest() {
    UDF1<Row, String> digest = RowContent::digest;
    return udf(digest, DataTypes.StringType).apply(struct(columns(schema().fieldNames())));
  }

  /**
   * @throws InvalidInputException if the other has other columns, or of other types
   */
  Frame union(String name, Frame other) {
    Set<String> mine = described(schema());
    Set<String> theirs = described(other.schema());
    if (!mine.equals(theirs)) {
      throw InvalidInputException.of(
          ErrorCode.COLUMNS_DIFFER,
          "data.datasets." + name,
          "is prepared to the columns " + theirs + ", those before it to " + mine + ".",
          "Bring all datasets to the same columns in their own prepare, with a select.");
    }
    return new Frame(rows.unionByName(other.rows));
  }

  private static Set<String> described(StructType schema) {
    Set<String> columns = new java.util.TreeSet<>();
    for (StructField field : schema.fields()) {
      columns.add(field.name() + " " + field.dataType().simpleString());
    }
    return columns;
  }

  static boolean isReserved(String column) {
    String name = column.toLowerCase(Locale.ROOT);
    return name.startsWith(OURS)
        || name.equals(Datasets.ROW_ID)
        || name.equals(Datasets.ROW_DIGEST);
  }

  /** A column by its exact name, whatever characters it has. */
  static Column column(String name) {
    return col("`" + name.replace("`", "``") + "`");
  }

  static Column[] columns(String[] names) {
    return Arrays.stream(names).map(Frame::column).toArray(Column[]::new);
  }
}
