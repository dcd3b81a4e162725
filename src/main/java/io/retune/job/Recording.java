package io.retune.job;

import io.retune.config.Experiment;
import io.retune.dataset.DatasetVersion;
import io.retune.dataset.Snapshot;
import io.retune.job.TimeSplit.Stage;
import io.retune.lineage.LineageTables;
import io.retune.lineage.RunHistory;
import io.retune.model.ImportedModel;
import io.retune.plan.Plan;
import java.util.Collection;
import java.util.Optional;
import java.util.function.Consumer;

/** Brings what the stages made into the lineage tables. */
final class Recording {
  private final Workspace workspace;
  private Optional<LineageTables> tables = Optional.empty();

  Recording(Workspace workspace) {
    this.workspace = workspace;
  }

  private void record(Consumer<LineageTables> what) {
    workspace
        .times()
        .measure(
            Stage.RECORD,
            () -> {
              if (tables.isEmpty()) {
                tables = Optional.of(new LineageTables(workspace.spark(), workspace.store()));
              }
              what.accept(tables.get());
              return null;
            });
  }

  void ingested(Collection<DatasetVersion> versions) {
    record(tables -> versions.forEach(tables::add));
  }

  void prepared(Experiment experiment, ImportedModel model, Snapshot snapshot) {
    record(
        tables -> {
          tables.add(model, experiment.recipe().model());
          tables.add(snapshot);
        });
  }

  void planned(Plan plan, Snapshot snapshot) {
    record(tables -> tables.add(plan, snapshot));
  }

  void declared(Experiment experiment) {
    record(tables -> tables.add(experiment));
  }

  void trained(RunHistory history, Plan plan) {
    record(tables -> tables.load(history, plan));
  }
}
