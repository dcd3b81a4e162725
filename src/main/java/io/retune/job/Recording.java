package io.retune.job;

import io.retune.config.SourceSpec;
import io.retune.dataset.DatasetVersion;
import io.retune.dataset.Snapshot;
import io.retune.job.TimeSplit.Stage;
import io.retune.lineage.LineageTables;
import io.retune.lineage.RunHistory;
import io.retune.model.ImportedModel;
import io.retune.plan.Plan;
import io.retune.plan.PlanReader;
import io.retune.store.LeaseHeldException;
import java.io.UncheckedIOException;
import java.util.Collection;
import java.util.Optional;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Brings what the stages made into the lineage tables. */
final class Recording {
  private static final Logger log = LoggerFactory.getLogger(Recording.class);

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

  void prepared(SourceSpec source, ImportedModel model, Snapshot snapshot) {
    record(
        tables -> {
          tables.add(model, source);
          tables.add(snapshot);
        });
  }

  void planned(Plan plan, Snapshot snapshot) {
    record(tables -> tables.add(plan, snapshot));
  }

  void declared(RunHistory history) {
    record(tables -> tables.add(history.declared().orElseThrow().asked()));
  }

  /** Brings the run's tables up to its journal, and notes how far that is. */
  void completed(RunFolder folder) {
    if (folder.history().declared().isEmpty()) {
      return;
    }
    String key = folder.history().declared().orElseThrow().planKey();
    Plan plan = PlanReader.open(workspace.store(), key).plan();
    if (folder.history().ended().isPresent()) {
      RunDocuments.write(workspace.store(), folder, plan);
    }
    if (folder.isRecorded()) {
      return;
    }
    RunHistory history = folder.history();
    long journalBytes = folder.journalBytes();
    folder.requireHeld();
    record(tables -> tables.load(history, plan));
    folder.noteRecorded(history, journalBytes);
  }

  /**
   * Brings the tables up to the journals of all runs that no driver holds: what killed drivers
   * left.
   */
  void completeAll() {
    for (String run : RunFolder.names(workspace.store())) {
      if (RunFolder.lags(workspace.store(), run)) {
        try (RunFolder folder = RunFolder.hold(workspace.store(), run)) {
          completed(folder);
        } catch (LeaseHeldException e) {
          log.info("event=run-held run={}", run);
        } catch (IllegalStateException | UncheckedIOException e) {
          // One damaged run does not keep the others' rows from who asks for them.
          log.warn("event=run-damaged run={} cause={}", run, e.getMessage());
        }
      }
    }
  }
}
