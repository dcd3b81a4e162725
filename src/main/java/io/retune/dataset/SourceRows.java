package io.retune.dataset;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.regexp_replace;
import static org.apache.spark.sql.functions.udf;

import com.fasterxml.jackson.databind.JsonNode;
import io.retune.config.DatasetSpec;
import io.retune.config.ErrorCode;
import io.retune.config.FileReason;
import io.retune.config.InvalidInputException;
import io.retune.config.Problem;
import io.retune.store.Json;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.function.UnaryOperator;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.api.java.UDF1;
import org.apache.spark.sql.types.DataTypes;

/** What a source's files hold, as rows. */
final class SourceRows {
  private static final String UNREADABLE = "\ufffd";

  private final SparkSession spark;

  SourceRows(SparkSession spark) {
    this.spark = spark;
  }

  /**
   * @param files by name without folder, on this machine's disk, decompressed
   * @throws InvalidInputException naming file and line where a line is not what {@code format} says
   */
  Dataset<Row> read(DatasetSpec.Format format, SortedMap<String, Path> files) {
    return switch (format) {
      case TEXT -> decoded(lines(files), files);
      case JSONL -> usable(objects(lines(files), files));
      case CSV -> usable(CsvRows.of(spark, files));
      case PARQUET -> usable(ParquetRows.of(spark, files));
      case TABLE -> throw new IllegalArgumentException("A table has no files");
    };
  }

  private Dataset<Row> lines(SortedMap<String, Path> files) {
    Map<String, String> names = new HashMap<>();
    files.forEach((name, path) -> names.put(asHadoopNamesIt(path), name));
    UDF1<String, String> nameOf =
        uri ->
            Optional.ofNullable(names.get(java.net.URI.create(uri).getPath()))
                .orElseThrow(() -> new IllegalStateException("Spark read " + uri));
    String[] uris = files.values().stream().map(SourceRows::literally).toArray(String[]::new);
    // Only \n ends a line: a lone \r inside one is text.
    return spark
        .read()
        .option("lineSep", "\n")
        .text(uris)
        .select(
            udf(nameOf, DataTypes.StringType).apply(col("_metadata.file_path")).as("file"),
            regexp_replace(col("value"), "\r$", "").as("text"));
  }

  /** Without dots. */
  private static String asHadoopNamesIt(Path file) {
    String path = file.toAbsolutePath().toString();
    return new org.apache.hadoop.fs.Path("file", "", path).toUri().getPath();
  }

  /** As Hadoop's globs take it for this file and no other; blanks as they are. */
  static String literally(Path file) {
    return "file:" + file.toAbsolutePath().toString().replaceAll("[\\\\*?\\[\\]{}]", "\\\\$0");
  }

  private Dataset<Row> objects(Dataset<Row> lines, SortedMap<String, Path> files) {
    UDF1<String, Boolean> isFilled = line -> !line.isBlank();
    Dataset<Row> filled = lines.filter(udf(isFilled, DataTypes.BooleanType).apply(col("text")));
    UDF1<String, Boolean> isSuspect = line -> isSuspect(line) || !defect(line).isEmpty();
    refuse(filled, isSuspect, files, SourceRows::defect);
    try {
      return spark
          .read()
          .option("mode", "FAILFAST")
          .option("allowSingleQuotes", false)
          .json(filled.select("text").as(Encoders.STRING()));
    } catch (Exception e) { // Spark declares none of what it throws.
      Optional<InvalidInputException> twice = ColumnNames.twice(e);
      if (twice.isPresent()) {
        throw twice.get();
      }
      throw e;
    }
  }

  /** What is wrong with a line that should be one JSON object; empty if nothing is. */
  private static String defect(String line) {
    try {
      JsonNode node = Json.read(line.getBytes(StandardCharsets.UTF_8));
      return node.isObject() ? "" : "is JSON, but no object";
    } catch (IOException e) {
      return "is no JSON: " + FileReason.of(e);
    }
  }

  private static Dataset<Row> decoded(Dataset<Row> lines, SortedMap<String, Path> files) {
    UDF1<String, Boolean> isSuspect = SourceRows::isSuspect;
    refuse(lines, isSuspect, files, line -> "");
    return lines;
  }

  /** Spark reads what is not UTF-8 as if somebody had written U+FFFD there, which may be so. */
  private static boolean isSuspect(String line) {
    return line.contains(UNREADABLE);
  }

  /** One pass finds out whether a closer look is needed. */
  private static void refuse(
      Dataset<Row> lines,
      UDF1<String, Boolean> isSuspect,
      SortedMap<String, Path> files,
      UnaryOperator<String> defect) {
    if (lines.filter(udf(isSuspect, DataTypes.BooleanType).apply(col("text"))).isEmpty()) {
      return;
    }
    List<Problem> problems = problems(files, defect);
    if (!problems.isEmpty()) {
      throw new InvalidInputException(problems);
    }
  }

  /** Reads again, in order, to say where: only when something is wrong. */
  private static List<Problem> problems(
      SortedMap<String, Path> files, UnaryOperator<String> defect) {
    List<Problem> problems = new ArrayList<>();
    for (Map.Entry<String, Path> file : files.entrySet()) {
      try (InputStream in = new BufferedInputStream(Files.newInputStream(file.getValue()))) {
        Optional<ByteBuffer> line = line(in);
        for (long at = 1; line.isPresent() && problems.size() < Problem.MOST_SHOWN; at++) {
          problem(file.getKey() + ":" + at, line.get(), defect).ifPresent(problems::add);
          line = line(in);
        }
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
    return problems;
  }

  /** The bytes up to the next line feed; empty at the end. */
  private static Optional<ByteBuffer> line(InputStream in) throws IOException {
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    int next = in.read();
    if (next < 0) {
      return Optional.empty();
    }
    for (; next >= 0 && next != '\n'; next = in.read()) {
      line.write(next);
    }
    return Optional.of(ByteBuffer.wrap(line.toByteArray()));
  }

  private static Optional<Problem> problem(
      String place, ByteBuffer bytes, UnaryOperator<String> defect) {
    try {
      String line =
          StandardCharsets.UTF_8.newDecoder().decode(bytes).toString().replaceFirst("\r$", "");
      String what = line.isBlank() ? "" : defect.apply(line);
      return what.isEmpty()
          ? Optional.empty()
          : Optional.of(
              new Problem(
                  ErrorCode.MALFORMED_JSON,
                  place,
                  what + ".",
                  "A JSONL file has one JSON object a line."));
    } catch (CharacterCodingException e) {
      return Optional.of(Problem.notUtf8(place));
    }
  }

  /**
   * @throws InvalidInputException naming the columns that cannot be kept under their names
   */
  static Dataset<Row> usable(Dataset<Row> rows) {
    ColumnNames.requireUsable(List.of(rows.columns()));
    return rows;
  }
}
