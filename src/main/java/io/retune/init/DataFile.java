package io.retune.init;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.retune.config.DatasetSpec.Format;
import io.retune.config.ErrorCode;
import io.retune.config.FileReason;
import io.retune.config.InvalidInputException;
import io.retune.config.Problem;
import io.retune.dataset.CsvReader;
import io.retune.dataset.ParquetRows;
import io.retune.store.Json;
import io.retune.store.Unpacked;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.spark.sql.SparkSession;

/**
 * A user's file as it was found: read once, from the first line to the last.
 *
 * @param rows lines that are not blank
 * @param columns what there is under each key, in the order in which they were met
 * @param sample at most {@link #SAMPLED} rows, each as likely to be among them as any other
 */
record DataFile(
    Path path, Format format, long rows, Map<String, SeenColumn> columns, List<JsonNode> sample) {
  /** Enough for the lengths' 99th percentile, few enough to be tokenised in a second. */
  static final int SAMPLED = 1000;

  /** The same rows each time. */
  private static final long SEED = 7;

  DataFile {
    columns = Collections.unmodifiableMap(new LinkedHashMap<>(columns));
    sample = List.copyOf(sample);
  }

  boolean isLongerThanSample() {
    return rows > sample.size();
  }

  /**
   * @param spark asked for where the file is Parquet
   * @throws InvalidInputException if it cannot be read, or with every line, of the first 20, that
   *     is not what its name says
   */
  static DataFile read(Path path, Supplier<SparkSession> spark) {
    if (!Files.isRegularFile(path)) {
      throw InvalidInputException.of(
          ErrorCode.FILE_NOT_FOUND,
          "--data " + path,
          "is no file.",
          "Give one file: JSON lines, CSV, Parquet or text.");
    }
    Reading reading = new Reading(path, format(path));
    if (reading.format == Format.PARQUET) {
      reading.addParquet(spark.get());
      return reading.file();
    }
    try {
      Unpacked.read("--data " + path, path, reading::addAll);
    } catch (CharacterCodingException e) {
      throw InvalidInputException.notUtf8("--data " + path);
    } catch (IOException e) {
      throw InvalidInputException.notReadable(
          ErrorCode.SOURCE_NOT_READABLE, "--data " + path, e, "Give a file that you may read.");
    }
    return reading.file();
  }

  /** By its name; JSON lines where it says nothing, which show themselves if they are none. */
  private static Format format(Path path) {
    String name = Unpacked.uncompressed(path.getFileName().toString().toLowerCase(Locale.ROOT));
    String ending = name.substring(name.lastIndexOf('.') + 1);
    return switch (ending) {
      case "txt", "text", "md" -> Format.TEXT;
      case "csv" -> Format.CSV;
      case "parquet" -> Format.PARQUET;
      default -> Format.JSONL;
    };
  }

  boolean has(String column) {
    return columns.containsKey(column);
  }

  /** {@code question (text), tags (nested)}. */
  String described() {
    return columns.entrySet().stream()
        .map(column -> column.getKey() + " (" + column.getValue().kind() + ")")
        .collect(Collectors.joining(", "));
  }

  /** The rows so far. */
  private static final class Reading {
    private final Path path;
    private final Format format;
    private final Map<String, SeenColumn> columns = new LinkedHashMap<>();
    private final List<JsonNode> sample = new ArrayList<>();
    private final List<Problem> problems = new ArrayList<>();
    private final Random random = new Random(SEED);
    private long line;
    private long rows;

    Reading(Path path, Format format) {
      this.path = path;
      this.format = format;
    }

    void addAll(InputStream bytes) throws IOException {
      if (format == Format.CSV) {
        addRecords(bytes);
        return;
      }
      BufferedReader lines =
          new BufferedReader(new InputStreamReader(bytes, StandardCharsets.UTF_8.newDecoder()));
      for (String text = lines.readLine(); text != null && !enough(); text = lines.readLine()) {
        add(text);
      }
    }

    void addParquet(SparkSession spark) {
      String name = path.getFileName().toString();
      if (!Unpacked.uncompressed(name).equals(name)) {
        throw InvalidInputException.of(
            ErrorCode.MALFORMED_PARQUET,
            "--data " + path,
            "is compressed as a whole.",
            "Decompress it: Parquet compresses its columns itself.");
      }
      try {
        ParquetRows.json(spark, path).forEachRemaining(this::add);
      } catch (InvalidInputException e) {
        throw e;
      } catch (Exception e) { // Spark says in many ways that pages are broken.
        throw InvalidInputException.of(
            ErrorCode.MALFORMED_PARQUET,
            "--data " + path,
            "is a damaged Parquet file.",
            "Write it again.");
      }
    }

    private void addRecords(InputStream bytes) throws IOException {
      CsvReader records = new CsvReader(bytes);
      try {
        List<String> header = records.next().map(CsvReader.Entry::fields).orElse(List.of());
        for (var record = records.next();
            record.isPresent() && !enough();
            record = records.next()) {
          add(header, record.get());
        }
      } catch (CsvReader.MalformedException e) {
        addMalformed(e.line(), e.getMessage());
      }
    }

    private void add(List<String> header, CsvReader.Entry record) {
      List<String> fields = record.fields();
      if (fields.size() != header.size()) {
        addMalformed(record.line(), record.misfit(header.size()));
        return;
      }
      ObjectNode row = JsonNodeFactory.instance.objectNode();
      IntStream.range(0, fields.size()).forEach(i -> row.put(header.get(i), fields.get(i)));
      add(row);
    }

    private void addMalformed(int at, String what) {
      problems.add(
          new Problem(
              ErrorCode.MALFORMED_CSV,
              path + ":" + at,
              what + ".",
              "Put a field that holds commas, quotes or line ends in quotes, and double the quotes"
                  + " inside it (RFC 4180)."));
    }

    void add(String text) {
      line++;
      if (text.isBlank()) {
        return;
      }
      if (format == Format.TEXT) {
        add(JsonNodeFactory.instance.objectNode().put("text", text));
        return;
      }
      try {
        JsonNode row = Json.read(text.getBytes(StandardCharsets.UTF_8));
        if (row.isObject()) {
          add(row);
        } else {
          addNoObject("is JSON, but no object");
        }
      } catch (IOException e) {
        addNoObject("is no JSON: " + FileReason.of(e));
      }
    }

    private void addNoObject(String what) {
      problems.add(
          new Problem(
              ErrorCode.MALFORMED_JSON,
              path + ":" + line,
              what + ".",
              "Give JSON lines, one object a line; or say by the file's name what it is: .csv, .parquet or .txt."));
    }

    private boolean enough() {
      return problems.size() >= Problem.MOST_SHOWN;
    }

    private void add(JsonNode row) {
      rows++;
      row.fields()
          .forEachRemaining(
              field ->
                  columns
                      .computeIfAbsent(field.getKey(), key -> new SeenColumn())
                      .add(field.getValue()));
      // Reservoir sampling (Vitter 1985, algorithm R).
      if (sample.size() < SAMPLED) {
        sample.add(row);
      } else {
        long place = random.nextLong(rows);
        if (place < SAMPLED) {
          sample.set((int) place, row);
        }
      }
    }

    DataFile file() {
      if (!problems.isEmpty()) {
        throw new InvalidInputException(problems);
      }
      if (rows == 0) {
        throw InvalidInputException.of(
            ErrorCode.NO_ROWS,
            "--data " + path,
            "has no rows.",
            "Give a file with at least two lines.");
      }
      return new DataFile(path, format, rows, columns, sample);
    }
  }
}
