package io.retune.lineage;

import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * The rows of a table that are about one thing: all those, and no others, that have its key.
 *
 * @param identity of the thing within the table, which its writes carry
 * @param key values by column
 * @param version of the write that brings the last of {@code rows}: their entry in the journal; 1
 *     where rows are not of a journal, and are written once
 * @param rows columns by name, in the order in which they are written
 */
record Slice(
    String table,
    String identity,
    SortedMap<String, Object> key,
    long version,
    List<Map<String, Object>> rows) {

  /** Of a run: rows with the entry of the journal that they are from. */
  static Slice ofRun(String table, String run, long entries, List<Map<String, Object>> rows) {
    return new Slice(table, run, new TreeMap<>(Map.of("run", run)), entries, rows);
  }

  /** Of what runs share: the same rows whoever writes them. */
  static Slice shared(
      String table, String identity, Map<String, Object> key, List<Map<String, Object>> rows) {
    return new Slice(table, identity, new TreeMap<>(key), 1, rows);
  }

  /** What is true of its rows alone, in SQL. */
  String where() {
    return where(key);
  }

  static String where(Map<String, Object> key) {
    return key.entrySet().stream()
        .map(column -> column.getKey() + " = " + literal(column.getValue()))
        .collect(Collectors.joining(" AND "));
  }

  private static String literal(Object value) {
    return value instanceof Number
        ? value.toString()
        : "'" + value.toString().replace("\\", "\\\\").replace("'", "\\'") + "'";
  }

  /** Rows that come behind the write of version {@code written}. */
  List<Map<String, Object>> behind(long written) {
    return rows.stream().filter(row -> isBehind(row, written)).toList();
  }

  static boolean isBehind(Map<String, Object> row, long written) {
    return ((Number) row.getOrDefault("entry", 1L)).longValue() > written;
  }
}
