package io.retune.lineage;

import static java.util.stream.Collectors.toCollection;

import io.retune.config.ErrorCode;
import io.retune.config.InvalidInputException;
import io.retune.config.Problem;
import io.retune.dataset.SqlWords;
import io.retune.store.Store;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.apache.spark.sql.AnalysisException;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/** The named queries of {@code lineage/queries}, over the tables of {@code lineage/tables}. */
public final class LineageQueries {
  private static final Pattern PARAMETER = Pattern.compile("-- (\\w+): (.+)");
  private static final Pattern COLUMN = Pattern.compile("--   (\\w+) +(.+)");

  private final SparkSession spark;
  private final LineageTables tables;

  public LineageQueries(SparkSession spark, Store store) {
    this.spark = spark;
    this.tables = new LineageTables(spark, store);
  }

  /**
   * A query.
   *
   * @param question that it answers
   * @param parameters what each means, by name; likewise {@code columns}
   */
  public record Query(
      String name,
      String question,
      Map<String, String> parameters,
      Map<String, String> columns,
      String sql) {
    static Query of(String name) {
      String sql = SqlFiles.text("queries", name);
      List<String> head = sql.lines().takeWhile(line -> line.startsWith("--")).toList();
      return new Query(
          name,
          head.get(0).substring("-- ".length()),
          described(head, PARAMETER),
          described(head, COLUMN),
          sql);
    }

    private static Map<String, String> described(List<String> head, Pattern form) {
      Map<String, String> meanings = new LinkedHashMap<>();
      for (String line : head.subList(1, head.size())) {
        Matcher described = form.matcher(line);
        if (described.matches()) {
          meanings.put(described.group(1), described.group(2));
        }
      }
      return meanings;
    }

    /** A line for the question, and one for how to ask it. */
    public String usage() {
      return "%s%n    retune lineage %s%s"
          .formatted(
              question,
              name,
              parameters.keySet().stream()
                  .map(p -> " " + p + "=" + p.toUpperCase(java.util.Locale.ROOT))
                  .collect(Collectors.joining()));
    }
  }

  /** Every query, by name. */
  public static List<Query> list() {
    return SqlFiles.names("queries").stream().map(Query::of).toList();
  }

  /**
   * @throws InvalidInputException if there is no such query, or its parameters are not exactly
   *     those given
   */
  public static Query query(String name, Map<String, String> parameters) {
    List<String> known = SqlFiles.names("queries");
    if (!known.contains(name)) {
      throw InvalidInputException.of(
          ErrorCode.UNKNOWN_QUERY,
          "retune lineage " + name,
          "there is no such query.",
          "There are: " + String.join(", ", known) + ".");
    }
    Query query = Query.of(name);
    List<Problem> problems = new ArrayList<>();
    query
        .parameters()
        .forEach(
            (parameter, meaning) -> {
              if (!parameters.containsKey(parameter)) {
                problems.add(
                    new Problem(
                        ErrorCode.QUERY_PARAMETERS,
                        "retune lineage " + name,
                        parameter + " is missing.",
                        "Give " + parameter + "=..., " + meaning + "."));
              }
            });
    parameters.keySet().stream()
        .filter(parameter -> !query.parameters().containsKey(parameter))
        .forEach(
            parameter ->
                problems.add(
                    new Problem(
                        ErrorCode.QUERY_PARAMETERS,
                        "retune lineage " + name,
                        "unknown parameter \"" + parameter + "\".",
                        "Known: " + String.join(", ", query.parameters().keySet()) + ".")));
    if (!problems.isEmpty()) {
      throw new InvalidInputException(problems);
    }
    return query;
  }

  /**
   * The query's rows.
   *
   * @throws InvalidInputException naming each table that it needs and that cannot be read
   */
  public Dataset<Row> run(Query query, Map<String, String> parameters) {
    List<Problem> unreadable = bind(query.sql());
    try {
      return spark.sql(query.sql(), new LinkedHashMap<String, Object>(parameters));
    } catch (Exception e) { // Spark declares none of what it throws.
      if (e instanceof AnalysisException && !unreadable.isEmpty()) {
        throw new InvalidInputException(unreadable);
      }
      throw e;
    }
  }

  /**
   * Rows of any query over the tables and views.
   *
   * @throws InvalidInputException if it is no query, names what is not there, or what cannot be
   *     read
   */
  public Dataset<Row> ask(String sql) {
    List<Problem> unreadable = bind(sql);
    try {
      return spark.sql(sql);
    } catch (Exception e) { // Spark declares none of what it throws.
      if (!(e instanceof AnalysisException)) {
        throw e;
      } else if (!unreadable.isEmpty()) {
        throw new InvalidInputException(unreadable);
      }
      throw InvalidInputException.of(
          ErrorCode.SQL_REFUSED,
          "retune sql",
          SqlWords.of(e),
          "Tables: "
              + String.join(", ", SqlFiles.names("tables"))
              + ". Views: "
              + String.join(", ", SqlFiles.names("views"))
              + ".");
    }
  }

  /**
   * Gives this session the tables and views that {@code sql} has the names of, be they columns'
   * too. One that cannot be read keeps nobody from what does not need it.
   *
   * @return what is wrong with those that cannot be read
   */
  private List<Problem> bind(String sql) {
    Set<String> words = words(sql);
    List<String> views = SqlFiles.names("views").stream().filter(words::contains).toList();
    views.forEach(view -> words.addAll(words(SqlFiles.text("views", view))));
    List<Problem> unreadable = new ArrayList<>();
    for (String table : SqlFiles.names("tables")) {
      if (words.contains(table)) {
        bind(table, unreadable);
      }
    }
    for (String view : views) {
      bindView(view, unreadable);
    }
    return unreadable;
  }

  private static Set<String> words(String sql) {
    return Arrays.stream(sql.toLowerCase(Locale.ROOT).split("\\W+"))
        .collect(toCollection(HashSet::new));
  }

  private void bind(String table, List<Problem> unreadable) {
    try {
      tables.read(table).createOrReplaceTempView(table);
    } catch (Exception e) { // Spark declares none of what it throws.
      spark.catalog().dropTempView(table);
      if (e instanceof InvalidInputException invalid) {
        unreadable.addAll(invalid.problems());
      } else {
        unreadable.add(
            new Problem(
                ErrorCode.TABLE_NOT_READABLE,
                "table " + table,
                "cannot be read: " + e.getMessage(),
                TableDefinition.REMEDY));
      }
    }
  }

  /** One over a table that cannot be read is not there either. */
  private void bindView(String view, List<Problem> unreadable) {
    try {
      spark.sql(SqlFiles.text("views", view)).createOrReplaceTempView(view);
    } catch (Exception e) { // Spark declares none of what it throws.
      spark.catalog().dropTempView(view);
      if (unreadable.isEmpty()) {
        throw e;
      }
    }
  }
}
