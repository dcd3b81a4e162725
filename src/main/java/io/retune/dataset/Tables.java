package io.retune.dataset;

import static org.apache.spark.sql.functions.struct;
import static org.apache.spark.sql.functions.udf;

import io.delta.tables.DeltaTable;
import io.retune.config.ErrorCode;
import io.retune.config.InvalidInputException;
import io.retune.config.TableSource;
import io.retune.store.Sha256;
import io.retune.store.Sources;
import io.retune.store.UnwritableException;
import java.util.function.Supplier;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.api.java.UDF1;
import org.apache.spark.sql.types.DataTypes;

/** Tables that others keep, at the versions that a source names. */
public final class Tables {
  private static final String DIGEST = "__digest";

  private final Supplier<SparkSession> spark;
  private final Sources sources;

  public Tables(Supplier<SparkSession> spark, Sources sources) {
    this.spark = spark;
    this.sources = sources;
  }

  /**
   * The digest to pin a table by: the Merkle root of its rows.
   *
   * @param place what named the source, for messages
   * @throws InvalidInputException if it cannot be read
   */
  public Sha256 root(TableSource source, String place) {
    Dataset<Row> rows = rows(source, place);
    UDF1<Row, String> digest = RowContent::digest;
    return reading(
        source,
        place,
        () ->
            MerkleRoot.of(
                    rows.select(
                        udf(digest, DataTypes.StringType)
                            .apply(struct(Frame.columns(rows.columns())))
                            .as(DIGEST)),
                    DIGEST)
                .root());
  }

  /**
   * The table at the version it has now, where the source names none.
   *
   * @throws InvalidInputException if there is no such table
   */
  public TableSource atVersion(TableSource source, String place) {
    if (!(source instanceof TableSource.Delta delta) || delta.version().isPresent()) {
      return source;
    }
    sources.requireReachable(delta.path(), source.toString(), place);
    requireTable(delta, place);
    Row newest =
        reading(
            source,
            place,
            () ->
                DeltaTable.forPath(spark.get(), delta.path()).history(1).select("version").first());
    return delta.at(newest.getLong(0));
  }

  /**
   * @throws InvalidInputException if there is no such table or version, or a query could give other
   *     rows another time
   */
  Dataset<Row> rows(TableSource source, String place) {
    if (source instanceof TableSource.Query query) {
      sources.requireReachable(Sources.QUERY, source.toString(), place);
      return SourceRows.usable(
          reading(source, place, () -> new PinnedQuery(spark.get(), query, place).rows()));
    }
    TableSource.Delta delta = (TableSource.Delta) source;
    sources.requireReachable(delta.path(), source.toString(), place);
    requireTable(delta, place);
    long version =
        delta
            .version()
            .orElseThrow(
                () ->
                    InvalidInputException.of(
                        ErrorCode.SOURCE_MOVES,
                        place,
                        "\"" + source + "\" names no version, so its rows may change.",
                        "Expected delta:PATH@VERSION."));
    return SourceRows.usable(
        reading(
            source,
            place,
            () ->
                spark
                    .get()
                    .read()
                    .format("delta")
                    .option("versionAsOf", version)
                    .load(delta.path())));
  }

  private void requireTable(TableSource.Delta delta, String place) {
    if (!reading(delta, place, () -> DeltaTable.isDeltaTable(spark.get(), delta.path()))) {
      throw InvalidInputException.of(
          ErrorCode.TABLE_NOT_READABLE,
          place,
          "\"" + delta + "\": there is no Delta table.",
          "Check the path.");
    }
  }

  interface Reading<T> {
    T read() throws Exception;
  }

  /** Spark's own words for what cannot be read; the reader of them is the one who named it. */
  static <T> T reading(TableSource source, String place, Reading<T> reading) {
    try {
      return reading.read();
    } catch (InvalidInputException e) {
      throw e;
    } catch (Exception e) {
      if (UnwritableException.reasonOf(e).isPresent()) {
        throw new IllegalStateException(e);
      }
      throw InvalidInputException.of(
          ErrorCode.TABLE_NOT_READABLE,
          place,
          "\"" + source + "\" cannot be read: " + firstLine(e),
          "Check path and version: VACUUM and log retention take old ones away.");
    }
  }

  private static String firstLine(Exception e) {
    Throwable deepest = e;
    while (deepest.getCause() != null && deepest.getCause() != deepest) {
      deepest = deepest.getCause();
    }
    return SqlWords.of(deepest);
  }
}
