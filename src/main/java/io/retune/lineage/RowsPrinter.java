package io.retune.lineage;

import java.io.PrintStream;
import java.sql.Timestamp;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import scala.jdk.javaapi.CollectionConverters;

/** Rows for people: columns side by side, numbers to the right; or for programs. */
public final class RowsPrinter {
  /** How rows are written. */
  public enum Format {
    /** Columns side by side, and how many rows there are. */
    TABLE,
    /** RFC 4180, with a header; a null is an empty field, an empty text is quoted. */
    CSV,
    /** An array of objects, nulls left out. */
    JSON
  }

  private RowsPrinter() {}

  public static void print(Dataset<Row> rows, Format format, PrintStream out) {
    if (format == Format.JSON) {
      out.println("[" + String.join(",\n", rows.toJSON().collectAsList()) + "]");
      return;
    }
    if (format == Format.CSV) {
      out.print(csvLine(List.of(rows.columns())));
      for (Row row : rows.collectAsList()) {
        List<String> cells = new ArrayList<>();
        for (int i = 0; i < row.length(); i++) {
          cells.add(row.isNullAt(i) ? null : text(row.get(i)));
        }
        out.print(csvLine(cells));
      }
      return;
    }
    List<List<String>> lines = new ArrayList<>();
    for (Row row : rows.collectAsList()) {
      List<String> line = new ArrayList<>();
      for (int i = 0; i < row.length(); i++) {
        line.add(text(row.get(i)).replaceAll("\\R\\s*", " "));
      }
      lines.add(line);
    }
    print(List.of(rows.columns()), lines, out);
  }

  /** A table with a header. */
  public static void print(List<String> header, List<List<String>> lines, PrintStream out) {
    int[] widths = header.stream().mapToInt(String::length).toArray();
    for (List<String> line : lines) {
      for (int i = 0; i < widths.length; i++) {
        widths[i] = Math.max(widths[i], line.get(i).length());
      }
    }
    out.println(laidOut(header, widths));
    lines.forEach(line -> out.println(laidOut(line, widths)));
    out.println(lines.size() == 1 ? "1 row" : lines.size() + " rows");
  }

  private static String csvLine(List<String> cells) {
    return cells.stream().map(RowsPrinter::csvField).collect(Collectors.joining(",", "", "\r\n"));
  }

  private static String csvField(String text) {
    if (text == null) {
      return "";
    }
    boolean quoted = text.isEmpty() || text.matches("(?s).*[\",\r\n].*");
    return quoted ? "\"" + text.replace("\"", "\"\"") + "\"" : text;
  }

  private static String text(Object value) {
    if (value == null) {
      return "";
    } else if (value instanceof scala.collection.Map<?, ?> map) {
      return CollectionConverters.asJava(map).entrySet().stream()
          .map(e -> e.getKey() + "=" + e.getValue())
          .sorted()
          .collect(Collectors.joining(" "));
    } else if (value instanceof scala.collection.Iterable<?> many) {
      return many.mkString(" ");
    } else if (value instanceof Timestamp time) {
      return time.toInstant().toString();
    }
    return value.toString();
  }

  private static String laidOut(List<String> cells, int[] widths) {
    StringBuilder line = new StringBuilder();
    for (int i = 0; i < widths.length; i++) {
      String cell = cells.get(i);
      String blanks = " ".repeat(widths[i] - cell.length());
      boolean number = !cell.isEmpty() && cell.matches("-?[0-9][0-9.,eE+-]*");
      line.append(number ? blanks + cell : cell + blanks).append("  ");
    }
    return line.toString().stripTrailing();
  }
}
