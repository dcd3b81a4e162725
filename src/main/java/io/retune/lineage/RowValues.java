package io.retune.lineage;

import java.sql.Timestamp;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.MapType;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;
import scala.jdk.javaapi.CollectionConverters;

/**
 * A row's values in the order of its columns, so that what a record makes and what a table has are
 * equal where a reader of the table sees no difference.
 */
final class RowValues {
  private RowValues() {}

  /** As a table has it. */
  static List<Object> of(Row row) {
    List<Object> values = new ArrayList<>();
    for (int i = 0; i < row.length(); i++) {
      values.add(java(row.get(i)));
    }
    return values;
  }

  private static Object java(Object value) {
    if (value instanceof scala.collection.Seq<?> list) {
      return CollectionConverters.asJava(list).stream().map(RowValues::java).toList();
    } else if (value instanceof scala.collection.Map<?, ?> map) {
      return new TreeMap<>(CollectionConverters.asJava(map));
    }
    return value;
  }

  /**
   * As a record makes it.
   *
   * @param row by column, as {@link RunRows} and {@link SharedRows} make it; a column that it has
   *     not is null
   */
  static List<Object> of(Map<String, Object> row, StructType schema) {
    List<Object> values = new ArrayList<>();
    for (StructField column : schema.fields()) {
      values.add(typed(row.get(column.name()), column.dataType()));
    }
    return values;
  }

  private static Object typed(Object value, DataType type) {
    if (value == null) {
      return null;
    } else if (type instanceof ArrayType array) {
      return ((List<?>) value).stream().map(each -> typed(each, array.elementType())).toList();
    } else if (type instanceof MapType) {
      return new TreeMap<>((Map<?, ?>) value);
    } else if (type.equals(DataTypes.LongType)) {
      return ((Number) value).longValue();
    } else if (type.equals(DataTypes.IntegerType)) {
      return ((Number) value).intValue();
    } else if (type.equals(DataTypes.DoubleType)) {
      return ((Number) value).doubleValue();
    } else if (type.equals(DataTypes.TimestampType)) {
      // Tables have no more digits.
      return Timestamp.from(Instant.parse((String) value).truncatedTo(ChronoUnit.MICROS));
    }
    return value;
  }
}
