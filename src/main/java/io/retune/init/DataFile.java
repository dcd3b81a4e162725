package io.retune.init;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import io.retune.config.DatasetSpec.Format;
import io.retune.config.ErrorCode;
import io.retune.config.FileReason;
import io.retune.config.InvalidInputException;
import io.retune.store.Json;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
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
import java.util.stream.Collectors;

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

  /**
   * @throws InvalidInputException if it cannot be read, or is neither JSON lines nor text
   */
  static DataFile read(Path path) {
    if (!Files.isRegularFile(path)) {
      throw InvalidInputException.of(
          ErrorCode.FILE_NOT_FOUND,
          "--data " + path,
          "is no file.",
          "Give one file: JSON lines, or text.");
    }
    Reading reading = new Reading(path, format(path));
    try (BufferedReader lines = Files.newBufferedReader(path, StandardCharsets.UTF_8)) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        reading.add(line);
      }
    } catch (CharacterCodingException e) {
      throw InvalidInputException.notUtf8("--data " + path);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return reading.file();
  }

  /**
   * By its name: text where it says so, else JSON lines, which show themselves if they are none.
   */
  private static Format format(Path path) {
    String name = path.getFileName().toString().toLowerCase(Locale.ROOT);
    return name.endsWith(".txt") || name.endsWith(".text") || name.endsWith(".md")
        ? Format.TEXT
        : Format.JSONL;
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
    private final Random random = new Random(SEED);
    private long line;
    private long rows;

    Reading(Path path, Format format) {
      this.path = path;
      this.format = format;
    }

    void add(String text) {
      line++;
      if (!text.isBlank()) {
        add(
            format == Format.TEXT
                ? JsonNodeFactory.instance.objectNode().put("text", text)
                : row(text));
      }
    }

    private JsonNode row(String text) {
      try {
        JsonNode row = Json.read(text.getBytes(StandardCharsets.UTF_8));
        if (row.isObject()) {
          return row;
        }
      } catch (IOException e) {
        throw noObject("is no JSON: " + FileReason.of(e));
      }
      throw noObject("is JSON, but no object");
    }

    private InvalidInputException noObject(String what) {
      return InvalidInputException.of(
          ErrorCode.MALFORMED_JSON,
          path + ":" + line,
          what + ".",
          "Give JSON lines, one object a line, or a file of text whose name ends in .txt.");
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
