package io.retune.dataset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.retune.config.DatasetSpec;
import io.retune.config.InvalidInputException;
import io.retune.config.Problem;
import io.retune.config.SourceSpec;
import io.retune.config.TableSource;
import io.retune.store.Sources;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.sql.Row;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TablesTest {
  private static final String PLACE = "run.conf:3";
  private static final String WRONG = "0".repeat(64);

  @TempDir Path folder;
  private Workshop workshop;
  private Tables tables;
  private Path table;

  /** Version 0 has the words a and b, version 1 c as well. */
  @BeforeEach
  void open() throws IOException {
    workshop = new Workshop(folder);
    tables =
        new Tables(() -> workshop.spark, new Sources(folder.resolve("cache"), new Configuration()));
    table = folder.resolve("table");
    write("SELECT 'a' AS word, 1L AS n UNION ALL SELECT 'b', 2L");
    write("SELECT 'c' AS word, 3L AS n");
  }

  private void write(String query) {
    workshop.spark.sql(query).write().format("delta").mode("append").save(table.toString());
  }

  private static TableSource source(String source) {
    return TableSource.parse(source).orElseThrow();
  }

  private DatasetSpec spec(String source, String sha256) {
    return new DatasetSpec(
        new SourceSpec(source, sha256),
        DatasetSpec.Format.TABLE,
        Optional.empty(),
        List.of(),
        "CC0-1.0",
        "public",
        List.of());
  }

  private List<Row> ingested(String source) {
    DatasetSpec spec = spec(source, tables.root(source(source), PLACE).hex());
    DatasetVersion version = workshop.datasets.ingest("words", spec, "");
    assertThat(version.root().hex()).isEqualTo(spec.origin().sha256());
    return workshop.datasets.rows(version).select("word", "n").orderBy("n").collectAsList();
  }

  private String at(int version) {
    return "delta.`" + table + "` VERSION AS OF " + version;
  }

  private List<String> refusal(String source) {
    return catchThrowableOfType(
            InvalidInputException.class, () -> tables.root(source(source), PLACE))
        .problems()
        .stream()
        .map(Problem::message)
        .map(message -> message.replace("\"" + source + "\" ", ""))
        .toList();
  }

  @Test
  void aDeltaTableIsReadAtItsVersion() {
    assertThat(ingested("delta:" + table + "@0"))
        .extracting(r -> r.getString(0))
        .containsExactly("a", "b");
    assertThat(ingested("delta:" + table + "@1"))
        .extracting(r -> r.getString(0))
        .containsExactly("a", "b", "c");
    assertThat(tables.atVersion(source("delta:" + table), PLACE))
        .hasToString("delta:" + table + "@1");
  }

  @Test
  void theDigestIsOfTheRowsNotOfTheFilesTheyLieIn() {
    String before = tables.root(source("delta:" + table + "@1"), PLACE).hex();
    io.delta.tables.DeltaTable.forPath(workshop.spark, table.toString())
        .optimize()
        .executeCompaction();
    assertThat(tables.root(source("delta:" + table + "@2"), PLACE).hex()).isEqualTo(before);
  }

  @Test
  void otherRowsThanThePinnedOnesAreRefused() {
    String source = "delta:" + table + "@1";
    String root = tables.root(source(source), PLACE).hex();
    assertThat(
            catchThrowableOfType(
                InvalidInputException.class,
                () -> workshop.datasets.ingest("words", spec(source, WRONG), "")))
        .hasMessage(
            "data.datasets.words = \""
                + source
                + "\": SHA-256 is "
                + root
                + " but "
                + WRONG
                + " was pinned. [digest-differs]\n  Check where the bytes come from; if the change is intended, pin the"
                + " new digest.");
    assertThat(workshop.datasets.versions("words")).isEmpty();
  }

  @Test
  void tablesAndVersionsThatAreNotThereAreSaid() {
    assertThat(refusal("delta:" + table + "@9"))
        .singleElement()
        .asString()
        .startsWith("cannot be read: ")
        .contains("9");
    assertThat(
            catchThrowableOfType(
                InvalidInputException.class,
                () -> tables.root(source("delta:" + folder + "/none@1"), PLACE)))
        .hasMessage(
            PLACE
                + ": \"delta:"
                + folder
                + "/none@1\": there is no Delta table. [table-not-readable]\n  Check the path.");
  }

  @Test
  void aQueryOverPinnedTablesGivesItsRows() {
    assertThat(ingested("sql:SELECT word, n FROM " + at(1) + " WHERE n > 1"))
        .extracting(r -> r.getString(0))
        .containsExactly("b", "c");
    assertThat(
            ingested(
                "sql:WITH t AS (SELECT * FROM %s), u AS (SELECT max(n) AS n FROM t) SELECT t.word, sum(t.n) AS n FROM t JOIN u ON t.n = u.n GROUP BY t.word"
                    .formatted(at(0))))
        .extracting(r -> r.getString(0))
        .containsExactly("b");
  }

  @Test
  void everyTableOfAQueryNeedsItsVersion() {
    String now = "delta.`" + table + "`";
    assertThat(refusal("sql:SELECT * FROM " + now))
        .hasSize(1)
        .first()
        .asString()
        .contains("as it is now");
    assertThat(refusal("sql:SELECT * FROM " + at(0) + " JOIN words USING (word)"))
        .containsExactly("reads the table words as it is now.");
    assertThat(refusal("sql:SELECT * FROM " + at(0) + " WHERE word IN (SELECT word FROM other)"))
        .containsExactly("reads the table other as it is now.");
    assertThat(refusal("sql:SELECT * FROM (WITH t AS (SELECT 1) SELECT * FROM t), t"))
        .containsExactly("reads the table t as it is now.");
    assertThat(refusal("sql:SELECT * FROM words TIMESTAMP AS OF '2026-01-01'"))
        .containsExactly("reads words by its time.");
    assertThat(refusal("sql:SELECT * FROM table_changes('words', 0)"))
        .containsExactly("reads what the function table_changes gives.");
  }

  @Test
  void anAggregateIsTakenWhereItIsKnownNotToDependOnTheOrderOfRows() {
    assertThat(
            ingested(
                """
                sql:SELECT max(word) AS word, count(DISTINCT n) + count_if(n > 1) + sum(n) +
                CAST(avg(n) + sum(DISTINCT CAST(n AS DECIMAL(9, 2))) + median(n) + percentile(n, 0.5)
                + percentile_cont(0.5) WITHIN GROUP (ORDER BY n) AS BIGINT) + bit_xor(n) +
                approx_count_distinct(n) + regr_count(n, n) + try_sum(n) + CAST(every(n > 0) AS INT)
                + CAST(some(n > 2) AS INT) AS n FROM """
                    .replace("\n", " ")
                    .concat(" " + at(1))))
        .extracting(r -> r.getString(0))
        .containsExactly("c");
    assertThat(
            ingested(
                "sql:SELECT a AS word, b AS n FROM (SELECT word, n, 1 AS one FROM %s) PIVOT (max(n) FOR word IN ('a' AS a, 'b' AS b))"
                    .formatted(at(1))))
        .hasSize(1);
    for (String refused :
        List.of(
            "regr_slope(n, n)",
            "regr_intercept(n, n)",
            "regr_r2(n, n)",
            "regr_sxy(n, n)",
            "regr_avgx(n, n)",
            "hll_sketch_agg(n)",
            "kll_sketch_agg_bigint(n)",
            "theta_sketch_agg(n)",
            "approx_top_k(n)",
            "max_by(word, n)",
            "mode(n)",
            "any_value(n)",
            "stddev(n)",
            "listagg(word)",
            "approx_percentile(n, 0.5)",
            "sum(DISTINCT CAST(n AS FLOAT))")) {
      assertThat(refusal("sql:SELECT " + refused + " AS n FROM " + at(1)))
          .as(refused)
          .containsExactly(
              "depends on the order of rows: it calls "
                  + refused.substring(0, refused.indexOf('('))
                  + "().");
    }
  }

  @Test
  void aCommandIsNotCarriedOut() {
    assertThat(refusal("sql:DROP TABLE delta.`" + table + "`"))
        .singleElement()
        .asString()
        .startsWith("cannot be read: ");
    assertThat(refusal("sql:DELETE FROM delta.`" + table + "`"))
        .singleElement()
        .asString()
        .startsWith("cannot be read: ");
    assertThat(tables.rows(source("delta:" + table + "@1"), PLACE).count()).isEqualTo(3);
  }

  @Test
  void whatCouldGiveOtherRowsIsRefusedByName() {
    String limit = "takes some of the rows, and which ones is not said.";
    assertThat(refusal("sql:SELECT * FROM " + at(0) + " LIMIT 1")).containsExactly(limit);
    assertThat(refusal("sql:SELECT word, rand() AS n FROM " + at(0)))
        .containsExactly("is not determined by its tables: it calls rand().");
    assertThat(refusal("sql:SELECT word, current_date() AS n FROM " + at(0)))
        .containsExactly("is not determined by its tables: it calls current_date().");
    assertThat(refusal("sql:SELECT uuid() AS id, first(word) AS n FROM " + at(0)))
        .contains("depends on the order of rows: it calls first().");
    assertThat(refusal("sql:SELECT array_sort(collect_list(word)) AS n FROM " + at(0)))
        .containsExactly("depends on the order of rows: it calls collect_list().");
    assertThat(refusal("sql:SELECT sum(CAST(n AS DOUBLE)) AS n FROM " + at(0)))
        .containsExactly("depends on the order of rows: it calls sum().");
    assertThat(refusal("sql:SELECT word, row_number() OVER (ORDER BY 1) AS n FROM " + at(0)))
        .containsExactly("looks at other rows through a window, where equal ones have no order.");
    assertThat(refusal("sql:SELECT * FROM " + at(0) + " TABLESAMPLE (50 PERCENT)"))
        .containsExactly("takes a random part of the rows.");
    assertThat(
            refusal(
                "sql:SELECT word FROM "
                    + at(0)
                    + " WHERE n = (SELECT n FROM "
                    + at(0)
                    + " LIMIT 1)"))
        .containsExactly(limit);
  }
}
