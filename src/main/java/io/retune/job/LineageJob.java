package io.retune.job;

import io.retune.lineage.LineageQueries;
import io.retune.lineage.RowsPrinter;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/** {@code retune lineage [NAME key=value ...]}: the named queries of {@code lineage/queries}. */
public final class LineageJob {
  private final Workspace workspace;

  public LineageJob(Workspace workspace) {
    this.workspace = workspace;
  }

  /**
   * @throws io.retune.config.InvalidInputException if there is no such query, or its parameters are
   *     not these
   */
  public void execute(Optional<String> name, Map<String, String> parameters, boolean json) {
    if (name.isEmpty()) {
      LineageQueries.list().forEach(query -> System.out.println(query.usage()));
      return;
    }
    LineageQueries.Query query = LineageQueries.query(name.get(), parameters);
    Map<String, String> resolved = new LinkedHashMap<>(parameters);
    resolved.computeIfPresent("run", (key, run) -> RunFolder.named(workspace.store(), run).run());
    new Recording(workspace).completeAll();
    LineageQueries queries = new LineageQueries(workspace.spark(), workspace.store());
    RowsPrinter.print(queries.run(query, resolved), json, System.out);
  }
}
