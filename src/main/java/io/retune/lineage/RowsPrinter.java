package io.retune.lineage;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;

/** Rows for people: columns side by side, numbers to the right; or a JSON array. */
public final class RowsPrinter {
  private RowsPrinter() {}

  public static void print(Dataset<Row> rows, boolean json, PrintStream out) {
    if (json) {
      out.println("[" + String.join(",\n", rows.toJSON().collectAsList()) + "]");
      return;
    }
    List<List<String>> lines = new ArrayList<>();
    for (Row row : rows.collectAsList()) {
      List<String> line = new ArrayList<>();
      for (int i = 0; i < row.length(); i++) {
        line.add(text(row.get(i)));
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

  private static String text(Object value) {
    if (value == null) {
      return "";
    } else if (value instanceof scala.collection.Iterable<?> many) {
      return many.mkString(" ");
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
