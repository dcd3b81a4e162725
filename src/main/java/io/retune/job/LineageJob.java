package io.retune.job;

import io.retune.config.ErrorCode;
import io.retune.config.InvalidInputException;
import io.retune.dataset.DataException;
import io.retune.lineage.LineageQueries;
import io.retune.lineage.RowsPrinter;
import io.retune.lineage.RowsPrinter.Format;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;

/**
 * {@code retune lineage [NAME key=value ...]}: the named queries of {@code lineage/queries}; and
 * {@code retune sql QUERY}.
 */
public final class LineageJob {
  private final Workspace workspace;

  public LineageJob(Workspace workspace) {
    this.workspace = workspace;
  }

  /**
   * @throws io.retune.config.InvalidInputException if there is no such query, or its parameters are
   *     not these
   */
  public void execute(Optional<String> name, Map<String, String> parameters, Format format) {
    if (name.isEmpty()) {
      LineageQueries.list().forEach(query -> System.out.println(query.usage()));
      return;
    }
    LineageQueries.Query query = LineageQueries.query(name.get(), parameters);
    Map<String, String> resolved = new LinkedHashMap<>(parameters);
    for (String parameter : List.of("run", "other")) {
      resolved.computeIfPresent(
          parameter, (key, run) -> RunFolder.named(workspace.store(), run).run());
    }
    print("retune lineage " + query.name(), upToDate().run(query, resolved), format);
  }

  /**
   * {@code retune sql QUERY}: any query over the tables and views.
   *
   * @throws io.retune.config.InvalidInputException if it is no query, or names what is not there
   */
  public void sql(String query, Format format) {
    print("retune sql", upToDate().ask(query), format);
  }

  private static void print(String place, Dataset<Row> rows, Format format) {
    try {
      RowsPrinter.print(rows, format, System.out);
    } catch (Exception e) { // Spark declares none of what it throws.
      Optional<DataException> value = DataException.in(e);
      if (value.isPresent()) {
        throw InvalidInputException.of(
            ErrorCode.SQL_REFUSED,
            place,
            value.get().toString(),
            "try_cast, try_divide and the like give null in place of an error.");
      }
      throw e;
    }
  }

  private LineageQueries upToDate() {
    if (workspace.store().isWritable()) {
      new Recording(workspace).completeAll();
    } else {
      workspace
          .terminal()
          .warn("tables    are shown as they are: you may not write to their store");
    }
    return new LineageQueries(workspace.spark(), workspace.store());
  }
}
