package io.retune.lineage;

import io.delta.kernel.internal.actions.Metadata;
import io.retune.config.ErrorCode;
import io.retune.config.InvalidInputException;
import io.retune.store.Sha256;
import io.retune.store.Store;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;

/** A table as its file in {@code lineage/tables} says it is. */
record TableDefinition(String name, String sql, StructType columns) {
  private static final Pattern COLUMNS = Pattern.compile("\\(\n(.*?)\n\\)\nUSING", Pattern.DOTALL);
  private static final String MADE_AGAIN =
      "the next ./retune lineage makes the table again from the journals.";

  /** What to do about a table that cannot be read. */
  static final String REMEDY = "Move its folder out of the store: " + MADE_AGAIN;

  private static final String APPEND_ONLY = "delta.appendOnly";

  static TableDefinition of(String name) {
    String sql = SqlFiles.text("tables", name);
    Matcher columns = COLUMNS.matcher(sql);
    if (!columns.find()) {
      throw new IllegalStateException("lineage/tables/" + name + ".sql has no columns");
    }
    return new TableDefinition(name, sql, StructType.fromDDL(columns.group(1)));
  }

  /** Another one where any table is defined in another way. */
  static Sha256 digestOfAll() {
    return Sha256.of(
        SqlFiles.names("tables").stream()
            .map(name -> SqlFiles.text("tables", name))
            .collect(Collectors.joining("\n")));
  }

  /** The statement that makes it. */
  String create(String location) {
    return sql.replace("${location}", location);
  }

  /**
   * Its columns that a table has not.
   *
   * @throws InvalidInputException if a column has another type
   */
  List<StructField> missing(String location, Metadata metadata) {
    return missing(location, there(metadata));
  }

  private List<StructField> missing(String location, Map<String, StructField> there) {
    List<StructField> missing = new ArrayList<>();
    for (StructField column : columns.fields()) {
      StructField its = there.get(column.name());
      if (its == null) {
        missing.add(column);
      } else {
        requireSameType(location, column, its);
      }
    }
    return missing;
  }

  private static Map<String, StructField> there(Metadata metadata) {
    return Arrays.stream(((StructType) DataType.fromJson(metadata.getSchemaString())).fields())
        .collect(Collectors.toMap(StructField::name, field -> field));
  }

  /**
   * The statements that bring a table that an earlier Retune made to what it is now: columns that
   * it lacks, which are null in its rows, and comments. What it has beyond that, a later Retune
   * made, and stays.
   *
   * @throws InvalidInputException if a column has another type
   */
  List<String> changes(String location, Metadata metadata) {
    String table = "ALTER TABLE delta.`" + location + "` ";
    List<String> changes = new ArrayList<>();
    Map<String, StructField> there = there(metadata);
    String missing =
        missing(location, there).stream().map(StructField::toDDL).collect(Collectors.joining(", "));
    if (!missing.isEmpty()) {
      changes.add(table + "ADD COLUMNS (" + missing + ")");
    }
    for (StructField column : columns.fields()) {
      StructField its = there.get(column.name());
      if (its != null && !its.getComment().equals(column.getComment())) {
        changes.add(table + "ALTER COLUMN " + column.name() + " " + comment(column));
      }
    }
    if (!"true".equals(metadata.getConfiguration().get(APPEND_ONLY))) {
      // A repair that was killed left it so.
      changes.add(appendOnly(location, "true"));
    }
    return changes;
  }

  private static String comment(StructField column) {
    String comment = column.getComment().get();
    return "COMMENT '" + comment.replace("\\", "\\\\").replace("'", "\\'") + "'";
  }

  private static void requireSameType(String location, StructField column, StructField its) {
    if (!its.dataType().equals(column.dataType())) {
      throw InvalidInputException.of(
          ErrorCode.TABLE_NOT_READABLE,
          "table " + Store.shown(new Path(location)),
          "the column \"%s\" has the type %s, where this Retune has %s."
              .formatted(column.name(), its.dataType().sql(), column.dataType().sql()),
          "Use the Retune that made the store; or move the table's folder out of it: "
              + MADE_AGAIN);
    }
  }

  /** The statement that lets rows only be added, or be replaced too. */
  static String appendOnly(String location, String value) {
    return "ALTER TABLE delta.`%s` SET TBLPROPERTIES ('%s' = '%s')"
        .formatted(location, APPEND_ONLY, value);
  }
}
