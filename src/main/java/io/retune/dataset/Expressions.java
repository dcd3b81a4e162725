package io.retune.dataset;

import io.retune.config.ErrorCode;
import io.retune.config.InvalidInputException;
import io.retune.config.Nearest;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.apache.spark.sql.AnalysisException;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.Generator;
import org.apache.spark.sql.catalyst.expressions.SubqueryExpression;
import org.apache.spark.sql.catalyst.expressions.UserDefinedExpression;
import org.apache.spark.sql.catalyst.expressions.WindowExpression;
import org.apache.spark.sql.catalyst.expressions.aggregate.AggregateExpression;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.StructType;
import scala.jdk.javaapi.CollectionConverters;

/**
 * Spark SQL expressions from a configuration, let through when they are a function of the row
 * alone: the same row gives the same value, on any day, machine and partition.
 */
final class Expressions {
  /** Catalyst calls these deterministic, because they are constant within one query. */
  private static final Set<String> FROM_OUTSIDE_THE_ROW =
      Set.of(
          "CurrentTimestamp",
          "Now",
          "CurrentBatchTimestamp",
          "CurrentDate",
          "CurrentTime",
          "CurrentTimeZone",
          "LocalTimestamp",
          "CurrentUser",
          "CurrentDatabase",
          "CurrentCatalog",
          "SparkVersion",
          "InputFileName",
          "CallMethodViaReflection",
          "TryReflect");

  private final SparkSession spark;

  Expressions(SparkSession spark) {
    this.spark = spark;
  }

  /** An expression that was let through. */
  record Checked(Column column, DataType type) {}

  /**
   * @param place names the transform and the key
   * @throws InvalidInputException if {@code sql} is no expression over {@code schema}, or its value
   *     depends on anything but the row
   */
  Checked check(String place, String sql, StructType schema) {
    Dataset<Row> empty = spark.createDataFrame(List.of(), schema);
    LogicalPlan plan;
    DataType type;
    try {
      Dataset<Row> selected = empty.select(functions.expr(sql).as("value"));
      plan = ((org.apache.spark.sql.classic.Dataset<Row>) selected).queryExecution().analyzed();
      type = selected.schema().fields()[0].dataType();
    } catch (Exception e) {
      // AnalysisException is checked, but Scala does not declare it.
      if (e instanceof AnalysisException analysis) {
        throw refused(place, sql, analysis, schema);
      }
      throw e;
    }
    refusal(plan)
        .ifPresent(
            why -> {
              throw InvalidInputException.of(
                  ErrorCode.NOT_DETERMINED,
                  place,
                  "\"" + sql + "\" " + why + ".",
                  "Use only what follows from the row's own columns: the rows would change from"
                      + " run to run.");
            });
    return new Checked(functions.expr(sql), type);
  }

  private static InvalidInputException refused(
      String place, String sql, AnalysisException analysis, StructType schema) {
    List<String> known = Arrays.asList(schema.fieldNames());
    String condition = String.valueOf(analysis.getCondition());
    if (condition.startsWith("UNRESOLVED_COLUMN")) {
      String column = analysis.getMessageParameters().get("objectName").replace("`", "");
      return InvalidInputException.of(
          ErrorCode.COLUMN_NOT_FOUND,
          place,
          "\"" + sql + "\" names the column \"" + column + "\", which is not there.",
          suggestion(column, known));
    }
    String first = SqlWords.of(analysis);
    return InvalidInputException.of(
        ErrorCode.NOT_AN_EXPRESSION,
        place,
        "\"" + sql + "\" is no Spark SQL expression over the row: " + first,
        "Known columns: " + String.join(", ", known) + ".");
  }

  /**
   * @param place names the key that names the column
   */
  static InvalidInputException noColumn(String place, String column, List<String> known) {
    return InvalidInputException.of(
        ErrorCode.COLUMN_NOT_FOUND,
        place,
        "names the column \"" + column + "\", which is not there.",
        suggestion(column, known));
  }

  /** The nearest known name, if one is near, and all of them. */
  private static String suggestion(String name, List<String> known) {
    String all = "Known columns: " + String.join(", ", known) + ".";
    return Nearest.to(name, known)
        .map(other -> "Did you mean \"" + other + "\"? " + all)
        .orElse(all);
  }

  private static Optional<String> refusal(LogicalPlan plan) {
    for (Expression expression : CollectionConverters.asJava(plan.expressions())) {
      Optional<String> why = refusal(expression);
      if (why.isPresent()) {
        return why;
      }
    }
    for (LogicalPlan child : CollectionConverters.asJava(plan.children())) {
      Optional<String> why = refusal(child);
      if (why.isPresent()) {
        return why;
      }
    }
    return Optional.empty();
  }

  private static Optional<String> refusal(Expression expression) {
    // A window or aggregate names itself better than the functions inside it do.
    if (expression instanceof WindowExpression) {
      return Optional.of("looks at other rows through a window");
    }
    if (expression instanceof AggregateExpression aggregate) {
      return Optional.of(
          "aggregates over rows with " + aggregate.aggregateFunction().prettyName() + "()");
    }
    if (expression instanceof SubqueryExpression) {
      return Optional.of("has a subquery");
    }
    if (expression instanceof Generator) {
      return Optional.of(
          "makes several rows with " + expression.prettyName() + "(), which explode is for");
    }
    if (expression instanceof UserDefinedExpression) {
      return Optional.of("calls the user-defined function " + expression.prettyName() + "()");
    }
    for (Expression child : CollectionConverters.asJava(expression.children())) {
      Optional<String> why = refusal(child);
      if (why.isPresent()) {
        return why;
      }
    }
    if (!isDetermined(expression)) {
      return Optional.of(
          "is not determined by the row: it calls " + expression.prettyName() + "()");
    }
    return Optional.empty();
  }

  /** Whether the value follows from those of the expression's children, on any day and machine. */
  static boolean isDetermined(Expression expression) {
    return expression.deterministic()
        && !FROM_OUTSIDE_THE_ROW.contains(expression.getClass().getSimpleName());
  }
}
