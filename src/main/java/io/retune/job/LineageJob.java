package io.retune.job;

import io.retune.lineage.LineageQueries;
import io.retune.lineage.RowsPrinter;
import java.util.Map;
import java.util.Optional;

/** {@code retune lineage [NAME key=value ...]}: the named queries of {@code lineage/*.sql}. */
public final class LineageJob {
  private final Workspace workspace;

  public LineageJob(Workspace workspace) {
    this.workspace = workspace;
  }

  public void execute(Optional<String> name, Map<String, String> parameters, boolean json) {
    if (name.isEmpty()) {
      LineageQueries.list().forEach(query -> System.out.println(query.usage()));
      return;
    }
    LineageQueries queries = new LineageQueries(workspace.spark(), workspace.store());
    RowsPrinter.print(queries.run(name.get(), parameters), json, System.out);
  }
}
