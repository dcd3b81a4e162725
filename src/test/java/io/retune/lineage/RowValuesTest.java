package io.retune.lineage;

import static org.assertj.core.api.Assertions.assertThat;

import java.sql.Timestamp;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.Test;
import scala.jdk.javaapi.CollectionConverters;

class RowValuesTest {
  private static final StructType SCHEMA =
      StructType.fromDDL(
          "at TIMESTAMP, n BIGINT, i INT, x DOUBLE, names ARRAY<STRING>, facts MAP<STRING, STRING>,"
              + " none STRING");

  @Test
  void whatARecordMakesEqualsWhatATableHasOfIt() {
    Map<String, Object> made =
        Map.of(
            "at",
            "2026-11-24T13:00:00.123456789Z",
            "n",
            3,
            "i",
            4,
            "x",
            2,
            "names",
            List.of("a", "b"),
            "facts",
            new TreeMap<>(Map.of("torch", "2.7.1")),
            "beyond",
            "no column");
    assertThat(RowValues.of(made, SCHEMA))
        .isEqualTo(
            RowValues.of(
                RowFactory.create(
                    Timestamp.from(Instant.parse("2026-11-24T13:00:00.123456Z")),
                    3L,
                    4,
                    2.0,
                    CollectionConverters.asScala(List.of("a", "b")).toSeq(),
                    CollectionConverters.asScala(Map.of("torch", "2.7.1")),
                    null)));
  }
}
