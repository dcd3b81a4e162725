package io.retune.dataset;

import io.retune.config.ErrorCode;
import io.retune.config.InvalidInputException;
import io.retune.config.Problem;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Supplier;
import org.apache.spark.SparkThrowable;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.StructType;

/** The rows of Parquet files, all of one schema. */
public final class ParquetRows {
  private static final byte[] MAGIC = "PAR1".getBytes(StandardCharsets.US_ASCII);

  private ParquetRows() {}

  /**
   * @throws InvalidInputException naming the files that are not Parquet, or of another schema than
   *     the first: Spark would take one file's, and which one is not ours to say
   */
  static Dataset<Row> of(SparkSession spark, SortedMap<String, Path> files) {
    refuse(notParquet(files));
    List<Problem> problems = new ArrayList<>();
    StructType schema = schema(spark, files.firstKey(), files.get(files.firstKey()));
    for (Map.Entry<String, Path> file : files.entrySet()) {
      StructType other = schema(spark, file.getKey(), file.getValue());
      if (!other.asNullable().equals(schema.asNullable())) {
        problems.add(
            new Problem(
                ErrorCode.COLUMNS_DIFFER,
                file.getKey(),
                "has the columns %s, %s has %s."
                    .formatted(other.simpleString(), files.firstKey(), schema.simpleString()),
                "Give files of one schema, or make them datasets of their own."));
      }
    }
    refuse(problems);
    String[] uris = files.values().stream().map(SourceRows::literally).toArray(String[]::new);
    return spark.read().schema(schema.asNullable()).parquet(uris);
  }

  /**
   * The rows of one file, as JSON; a null is left out.
   *
   * @throws InvalidInputException if it is no Parquet file, or has a name that Spark passes over
   */
  public static Iterator<String> json(SparkSession spark, Path file) {
    String name = file.getFileName().toString();
    if (name.startsWith("_") || name.startsWith(".")) {
      throw InvalidInputException.of(
          ErrorCode.UNEXPECTED_FILES,
          name,
          "begins with _ or ., which Spark does not read.",
          "Rename it.");
    }
    return of(spark, new TreeMap<>(Map.of(name, file))).toJSON().toLocalIterator();
  }

  private static StructType schema(SparkSession spark, String name, Path file) {
    try {
      return spark.read().parquet(SourceRows.literally(file)).schema();
    } catch (Exception e) { // Spark declares none of what it throws.
      throw ColumnNames.twice(e).orElseGet(() -> damaged(name));
    }
  }

  private static InvalidInputException damaged(String name) {
    return InvalidInputException.of(
        ErrorCode.MALFORMED_PARQUET, name, "is a damaged Parquet file.", "Write it again.");
  }

  /**
   * Computes what reads the files' pages for the first time.
   *
   * @throws InvalidInputException if one cannot be read
   */
  static <T> T reading(Supplier<T> rows) {
    try {
      return rows.get();
    } catch (Exception e) { // Spark declares none of what it throws.
      Optional<SparkThrowable> unreadable =
          SqlWords.in(e, it -> String.valueOf(it.getCondition()).startsWith("FAILED_READ_FILE"));
      if (unreadable.isPresent()) {
        throw damaged(
            String.valueOf(unreadable.get().getMessageParameters().get("path"))
                .replaceFirst(".*/", ""));
      }
      throw e;
    }
  }

  private static List<Problem> notParquet(SortedMap<String, Path> files) {
    List<Problem> problems = new ArrayList<>();
    files.forEach(
        (name, file) -> {
          if (!isParquet(file)) {
            problems.add(
                new Problem(
                    ErrorCode.MALFORMED_PARQUET,
                    name,
                    "is no Parquet file.",
                    "Write it again; or name the files with a glob, as in *.parquet."));
          }
        });
    return problems;
  }

  /** By the four bytes at both of its ends. */
  private static boolean isParquet(Path path) {
    try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "r")) {
      byte[] start = new byte[MAGIC.length];
      byte[] end = new byte[MAGIC.length];
      if (file.length() < start.length + end.length) {
        return false;
      }
      file.readFully(start);
      file.seek(file.length() - end.length);
      file.readFully(end);
      return java.util.Arrays.equals(start, MAGIC) && java.util.Arrays.equals(end, MAGIC);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void refuse(List<Problem> problems) {
    if (!problems.isEmpty()) {
      throw new InvalidInputException(problems);
    }
  }
}
