package io.retune.dataset;

import io.retune.config.ErrorCode;
import io.retune.config.InvalidInputException;
import io.retune.config.Problem;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/** The records of CSV files as rows: a text column for each name of the header. */
final class CsvRows {
  private final SortedMap<String, Path> files;
  private final List<Problem> problems = new ArrayList<>();
  private Optional<List<String>> header = Optional.empty();

  private CsvRows(SortedMap<String, Path> files) {
    this.files = files;
  }

  /**
   * @throws InvalidInputException naming file and line of what is no CSV, or does not fit the
   *     header
   */
  static Dataset<Row> of(SparkSession spark, SortedMap<String, Path> files) {
    CsvRows csv = new CsvRows(files);
    files.forEach(csv::check);
    if (!csv.problems.isEmpty()) {
      throw new InvalidInputException(csv.problems);
    }
    return csv.rows(spark);
  }

  private Dataset<Row> rows(SparkSession spark) {
    StructType schema = new StructType();
    for (String name : header.orElse(List.of())) {
      schema = schema.add(name, DataTypes.StringType, false);
    }
    List<String> paths = files.values().stream().map(Path::toString).toList();
    // Quotes may hold line ends, so a file can only be read from its beginning.
    return spark.createDataFrame(
        JavaSparkContext.fromSparkContext(spark.sparkContext())
            .parallelize(paths, Math.max(1, paths.size()))
            .flatMap(path -> new Records(Path.of(path))),
        schema);
  }

  private void check(String name, Path file) {
    try (CsvReader reader = new CsvReader(file)) {
      Optional<CsvReader.Entry> first = reader.next();
      if (first.isEmpty()) {
        add(
            ErrorCode.MALFORMED_CSV,
            name,
            0,
            "has no header.",
            "Expected the columns' names in the first line.");
        return;
      }
      checkHeader(name, first.get());
      int columns = first.get().fields().size();
      for (var row = reader.next(); row.isPresent() && !enough(); row = reader.next()) {
        int fields = row.get().fields().size();
        if (fields != columns) {
          add(
              ErrorCode.MALFORMED_CSV,
              name,
              row.get().line(),
              row.get().misfit(columns) + ".",
              "Put a field that holds commas or line ends in quotes.");
        }
      }
    } catch (CsvReader.MalformedException e) {
      add(
          ErrorCode.MALFORMED_CSV,
          name,
          e.line(),
          e.getMessage() + ".",
          "Put such a field in quotes and double the quotes inside it (RFC 4180).");
    } catch (CharacterCodingException e) {
      if (!enough()) {
        problems.add(Problem.notUtf8(name));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void checkHeader(String name, CsvReader.Entry first) {
    Set<String> seen = new HashSet<>();
    for (String column : first.fields()) {
      if (!seen.add(column.toLowerCase(Locale.ROOT))) {
        add(
            ErrorCode.UNUSABLE_COLUMN,
            name,
            first.line(),
            "has two columns with the name \"" + column + "\".",
            "Rename one of them; upper and lower case are the same.");
      }
    }
    if (header.isEmpty()) {
      header = Optional.of(first.fields());
    } else if (!header.get().equals(first.fields())) {
      add(
          ErrorCode.COLUMNS_DIFFER,
          name,
          first.line(),
          "has the header "
              + first.fields()
              + ", "
              + files.firstKey()
              + " has "
              + header.get()
              + ".",
          "Give files with one and the same header, or make them datasets of their own.");
    }
  }

  private boolean enough() {
    return problems.size() >= Problem.MOST_SHOWN;
  }

  private void add(ErrorCode code, String name, int line, String message, String remedy) {
    if (!enough()) {
      problems.add(new Problem(code, line == 0 ? name : name + ":" + line, message, remedy));
    }
  }

  /** Of a file that was checked, without its header. */
  private static final class Records implements Iterator<Row> {
    private final CsvReader reader;
    private Optional<CsvReader.Entry> ahead;

    Records(Path file) throws IOException {
      reader = new CsvReader(file);
      ahead = read();
      if (ahead.isPresent()) {
        ahead = read();
      }
    }

    private Optional<CsvReader.Entry> read() {
      try {
        Optional<CsvReader.Entry> entry = reader.next();
        if (entry.isEmpty()) {
          reader.close();
        }
        return entry;
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      } catch (CsvReader.MalformedException e) {
        throw new IllegalStateException("The file changed while it was read", e);
      }
    }

    @Override
    public boolean hasNext() {
      return ahead.isPresent();
    }

    @Override
    public Row next() {
      Row row =
          RowFactory.create(ahead.orElseThrow(NoSuchElementException::new).fields().toArray());
      ahead = read();
      return row;
    }
  }
}
