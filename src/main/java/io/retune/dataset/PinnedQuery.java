package io.retune.dataset;

import io.retune.config.ErrorCode;
import io.retune.config.InvalidInputException;
import io.retune.config.Problem;
import io.retune.config.TableSource;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.catalyst.analysis.RelationTimeTravel;
import org.apache.spark.sql.catalyst.analysis.UnresolvedRelation;
import org.apache.spark.sql.catalyst.analysis.UnresolvedTableValuedFunction;
import org.apache.spark.sql.catalyst.expressions.BitmapAndAgg;
import org.apache.spark.sql.catalyst.expressions.BitmapConstructAgg;
import org.apache.spark.sql.catalyst.expressions.BitmapOrAgg;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.SubqueryExpression;
import org.apache.spark.sql.catalyst.expressions.UserDefinedExpression;
import org.apache.spark.sql.catalyst.expressions.WindowExpression;
import org.apache.spark.sql.catalyst.expressions.aggregate.AggregateFunction;
import org.apache.spark.sql.catalyst.expressions.aggregate.Average;
import org.apache.spark.sql.catalyst.expressions.aggregate.BitAndAgg;
import org.apache.spark.sql.catalyst.expressions.aggregate.BitOrAgg;
import org.apache.spark.sql.catalyst.expressions.aggregate.BitXorAgg;
import org.apache.spark.sql.catalyst.expressions.aggregate.BoolAnd;
import org.apache.spark.sql.catalyst.expressions.aggregate.BoolOr;
import org.apache.spark.sql.catalyst.expressions.aggregate.Count;
import org.apache.spark.sql.catalyst.expressions.aggregate.CountIf;
import org.apache.spark.sql.catalyst.expressions.aggregate.CountMinSketchAgg;
import org.apache.spark.sql.catalyst.expressions.aggregate.HyperLogLogPlusPlus;
import org.apache.spark.sql.catalyst.expressions.aggregate.Max;
import org.apache.spark.sql.catalyst.expressions.aggregate.Median;
import org.apache.spark.sql.catalyst.expressions.aggregate.Min;
import org.apache.spark.sql.catalyst.expressions.aggregate.Percentile;
import org.apache.spark.sql.catalyst.expressions.aggregate.PercentileCont;
import org.apache.spark.sql.catalyst.expressions.aggregate.PercentileDisc;
import org.apache.spark.sql.catalyst.expressions.aggregate.PivotFirst;
import org.apache.spark.sql.catalyst.expressions.aggregate.RegrCount;
import org.apache.spark.sql.catalyst.expressions.aggregate.Sum;
import org.apache.spark.sql.catalyst.plans.logical.GlobalLimit;
import org.apache.spark.sql.catalyst.plans.logical.LocalLimit;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.plans.logical.Offset;
import org.apache.spark.sql.catalyst.plans.logical.Sample;
import org.apache.spark.sql.catalyst.plans.logical.SubqueryAlias;
import org.apache.spark.sql.catalyst.plans.logical.UnresolvedWith;
import org.apache.spark.sql.types.DoubleType;
import org.apache.spark.sql.types.FloatType;
import scala.jdk.javaapi.CollectionConverters;

/**
 * A query of Spark SQL, let through when it gives the same rows on any day: each table at a version
 * of its own, and nothing that depends on the clock, on chance or on the order of rows.
 */
final class PinnedQuery {
  /** Functions in FROM that are made of nothing but their arguments. */
  private static final Set<String> OF_THEIR_ARGUMENTS =
      Set.of(
          "range",
          "explode",
          "explode_outer",
          "posexplode",
          "posexplode_outer",
          "inline",
          "inline_outer",
          "stack",
          "json_tuple");

  /**
   * Aggregates that are the same whatever order rows come in. All others are refused, also those
   * that a later Spark brings: which of equal rows they take, or how they round or estimate, may
   * depend on it.
   */
  private static final Set<Class<? extends AggregateFunction>> OF_NO_ORDER =
      Set.of(
          BitAndAgg.class,
          BitOrAgg.class,
          BitXorAgg.class,
          BitmapAndAgg.class,
          BitmapConstructAgg.class,
          BitmapOrAgg.class,
          BoolAnd.class,
          BoolOr.class,
          Count.class,
          CountIf.class,
          CountMinSketchAgg.class,
          HyperLogLogPlusPlus.class,
          Max.class,
          Median.class,
          Min.class,
          Percentile.class,
          PercentileCont.class,
          PercentileDisc.class,
          PivotFirst.class,
          RegrCount.class);

  /** The same where nothing is rounded: of whole numbers and decimals. */
  private static final Set<Class<? extends AggregateFunction>> SUMS =
      Set.of(Sum.class, Average.class);

  private final org.apache.spark.sql.classic.SparkSession spark;
  private final TableSource.Query query;
  private final String place;
  private final List<Problem> problems = new ArrayList<>();

  PinnedQuery(SparkSession spark, TableSource.Query query, String place) {
    this.spark = (org.apache.spark.sql.classic.SparkSession) spark;
    this.query = query;
    this.place = place;
  }

  /**
   * @throws InvalidInputException with everything that could change its rows
   * @throws Exception as Spark has it, if it is no query, or of tables or columns that are not
   *     there
   */
  Dataset<Row> rows() throws Exception {
    // Not parsePlan: a command, such as DROP TABLE, would be carried out.
    LogicalPlan parsed = spark.sessionState().sqlParser().parseQuery(query.sql());
    requireVersions(parsed, Set.of());
    throwIfAny();
    var rows = org.apache.spark.sql.classic.Dataset.ofRows(spark, parsed);
    requireDetermined(rows.queryExecution().analyzed());
    throwIfAny();
    return rows;
  }

  private void throwIfAny() {
    if (!problems.isEmpty()) {
      throw new InvalidInputException(problems);
    }
  }

  private void add(ErrorCode code, String what, String remedy) {
    Problem problem = new Problem(code, place, "\"" + query + "\" " + what + ".", remedy);
    if (!problems.contains(problem)) {
      problems.add(problem);
    }
  }

  /**
   * @param named by WITH, in lower case: what they stand for is looked at where it is defined
   */
  private void requireVersions(LogicalPlan plan, Set<String> named) {
    if (plan instanceof RelationTimeTravel pinned) {
      if (pinned.version().isEmpty()) {
        add(
            ErrorCode.SOURCE_MOVES,
            "reads " + name(pinned.relation()) + " by its time",
            "Name the version: VERSION AS OF N; DESCRIBE HISTORY says which there are.");
      }
      return;
    }
    if (plan instanceof UnresolvedRelation table
        && !named.contains(table.name().toLowerCase(Locale.ROOT))) {
      add(
          ErrorCode.SOURCE_MOVES,
          "reads the table " + table.name() + " as it is now",
          "Name its version: " + table.name() + " VERSION AS OF N.");
    }
    if (plan instanceof UnresolvedTableValuedFunction function) {
      String name = String.join(".", CollectionConverters.asJava(function.name()));
      if (!OF_THEIR_ARGUMENTS.contains(name.toLowerCase(Locale.ROOT))) {
        add(
            ErrorCode.SOURCE_MOVES,
            "reads what the function " + name + " gives",
            "Name tables with VERSION AS OF N.");
      }
    }
    Set<String> visible = new HashSet<>(named);
    if (plan instanceof UnresolvedWith with) {
      for (var relation : CollectionConverters.asJava(with.cteRelations())) {
        requireVersions((SubqueryAlias) relation._2(), visible);
        visible.add(String.valueOf(relation._1()).toLowerCase(Locale.ROOT));
      }
    }
    CollectionConverters.asJava(plan.children()).forEach(child -> requireVersions(child, visible));
    for (Expression expression : CollectionConverters.asJava(plan.expressions())) {
      subqueries(expression).forEach(subquery -> requireVersions(subquery, visible));
    }
  }

  private static String name(LogicalPlan relation) {
    return relation instanceof UnresolvedRelation table ? table.name() : "a table";
  }

  private static List<LogicalPlan> subqueries(Expression expression) {
    List<LogicalPlan> found = new ArrayList<>();
    if (expression instanceof SubqueryExpression subquery) {
      found.add(subquery.plan());
    }
    for (Expression child : CollectionConverters.asJava(expression.children())) {
      found.addAll(subqueries(child));
    }
    return found;
  }

  private void requireDetermined(LogicalPlan plan) {
    if (plan instanceof GlobalLimit || plan instanceof LocalLimit || plan instanceof Offset) {
      add(
          ErrorCode.NOT_DETERMINED,
          "takes some of the rows, and which ones is not said",
          "Leave LIMIT and OFFSET out, and take a sample in prepare.");
    }
    if (plan instanceof Sample) {
      add(
          ErrorCode.NOT_DETERMINED,
          "takes a random part of the rows",
          "Leave TABLESAMPLE out; take a sample in prepare.");
    }
    for (Expression expression : CollectionConverters.asJava(plan.expressions())) {
      refusal(expression)
          .ifPresent(
              why ->
                  add(
                      ErrorCode.NOT_DETERMINED,
                      why,
                      "Leave it out: the rows would change from run to run."));
      subqueries(expression).forEach(this::requireDetermined);
    }
    CollectionConverters.asJava(plan.children()).forEach(this::requireDetermined);
  }

  private static Optional<String> refusal(Expression expression) {
    if (expression instanceof WindowExpression) {
      return Optional.of("looks at other rows through a window, where equal ones have no order");
    }
    if (expression instanceof UserDefinedExpression) {
      return Optional.of("calls the user-defined function " + expression.prettyName() + "()");
    }
    if (expression instanceof AggregateFunction function && dependsOnOrder(function)) {
      return Optional.of("depends on the order of rows: it calls " + function.prettyName() + "()");
    }
    for (Expression child : CollectionConverters.asJava(expression.children())) {
      Optional<String> why = refusal(child);
      if (why.isPresent()) {
        return why;
      }
    }
    return Expressions.isDetermined(expression)
        ? Optional.empty()
        : Optional.of(
            "is not determined by its tables: it calls " + expression.prettyName() + "()");
  }

  /** Floating-point numbers have another sum in another order. */
  private static boolean dependsOnOrder(AggregateFunction function) {
    boolean floating =
        CollectionConverters.asJava(function.children()).stream()
            .map(Expression::dataType)
            .anyMatch(type -> type instanceof DoubleType || type instanceof FloatType);
    return !OF_NO_ORDER.contains(function.getClass())
        && (floating || !SUMS.contains(function.getClass()));
  }
}
