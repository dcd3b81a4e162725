package io.retune.job;

import io.retune.config.SourceSpec;
import io.retune.dataset.DatasetVersion;
import io.retune.dataset.Snapshot;
import io.retune.job.TimeSplit.Stage;
import io.retune.lineage.JournalEntry.Declared;
import io.retune.lineage.LineageTables;
import io.retune.lineage.RunHistory;
import io.retune.model.ImportedModel;
import io.retune.plan.Plan;
import io.retune.store.LeaseHeldException;
import io.retune.store.Sha256;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
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

  /** Brings the tables up to the run's journal, and notes how far that is. */
  void upToDate(RunFolder folder) {
    if (!folder.isRecorded()) {
      load(folder);
    }
  }

  private void load(RunFolder folder) {
    // In this order: what is written in between is recorded next time.
    long journalBytes = folder.journalBytes();
    RunHistory history = folder.history();
    if (history.declared().isEmpty()) {
      return;
    }
    Plan plan = history.declared().get().plan(workspace.store());
    folder.requireHeld();
    record(
        tables -> {
          addArguments(tables, history.declared().get(), plan);
          tables.load(history, plan);
        });
    folder.noteRecorded(history, journalBytes);
  }

  /** What a run was made of. */
  private void addArguments(LineageTables tables, Declared declared, Plan plan) {
    declared.datasets().forEach(tables::add);
    tables.add(
        ImportedModel.open(workspace.store(), new Sha256(declared.modelSha256())),
        declared.source());
    tables.add(declared.snapshot());
    tables.add(plan, declared.snapshot());
    tables.add(declared.asked());
  }

  /** As {@link #upToDate}, but what is there is held against the journal row by row. */
  List<LineageTables.Comparison> rebuilt(RunFolder folder) {
    long journalBytes = folder.journalBytes();
    RunHistory history = folder.history();
    Declared declared = history.declared().orElseThrow();
    Plan plan = declared.plan(workspace.store());
    List<LineageTables.Comparison> compared = new ArrayList<>();
    record(
        tables -> {
          addArguments(tables, declared, plan);
          compared.addAll(tables.rebuild(history, plan));
        });
    folder.noteRecorded(history, journalBytes);
    return compared;
  }

  /**
   * Brings the tables up to the journals of all runs that no driver holds: what killed drivers
   * left, and everything where a table is gone.
   */
  void completeAll() {
    boolean lost = LineageTables.isAnyLost(workspace.store());
    for (String run : RunFolder.names(workspace.store())) {
      if (lost || RunFolder.lags(workspace.store(), run)) {
        complete(run);
      }
    }
  }

  /** One run that cannot be recorded does not keep the others' rows from who asks for them. */
  private void complete(String run) {
    try (RunFolder folder = RunFolder.hold(workspace.store(), run)) {
      load(folder);
    } catch (LeaseHeldException e) {
      workspace.terminal().warn("%s: its rows may be minutes old: %s", run, e.getMessage());
    } catch (RuntimeException e) {
      log.warn("event=recording-failed run={}", run, e);
      workspace.terminal().warn("%s: its rows may be missing: %s", run, e.getMessage());
    }
  }

  /** As {@link #upToDate}; what fails is told and done by a later load: the journal has it all. */
  void tryUpToDate(RunFolder folder) {
    try {
      upToDate(folder);
    } catch (LeaseHeldException e) {
      throw e;
    } catch (RuntimeException e) {
      log.warn("event=recording-failed run={}", folder.run(), e);
      workspace
          .terminal()
          .warn(
              "tables    could not be brought up to the run: %s. Later: ./retune rebuild %s",
              e.getMessage(), folder.run());
    }
  }
}
