package io.retune.job;

import io.retune.config.SourceSpec;
import io.retune.dataset.DatasetVersion;
import io.retune.dataset.Snapshot;
import io.retune.job.TimeSplit.Stage;
import io.retune.lineage.DamagedJournalException;
import io.retune.lineage.EmptyTables;
import io.retune.lineage.JournalEntry.Declared;
import io.retune.lineage.LineageTables;
import io.retune.lineage.Rebuild;
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
              write(what);
              return null;
            });
  }

  private void write(Consumer<LineageTables> what) {
    if (tables.isEmpty()) {
      tables = Optional.of(new LineageTables(workspace.spark(), workspace.store()));
    }
    what.accept(tables.get());
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

  /**
   * Does what takes Spark's cores, which are the ranks' once a training goes on: makes the tables
   * that are not there, and writes down which rows a new plan takes. What fails is told and done by
   * a later load.
   */
  void tryPrepare(String run, Plan plan, Snapshot snapshot) {
    tried(run, () -> record(tables -> tables.prepare(plan, snapshot)));
  }

  /** Brings the tables up to the run's journal, and notes how far that is. */
  void upToDate(RunFolder folder) {
    if (!folder.isRecorded()) {
      load(folder, this::record);
    }
  }

  /** The same beside the training, which does not wait for it: no part of the run's time. */
  void upToDateMeanwhile(RunFolder folder) {
    if (!folder.isRecorded()) {
      load(folder, this::write);
    }
  }

  private void load(RunFolder folder, Consumer<Consumer<LineageTables>> recorded) {
    // In this order: what is written in between is recorded next time.
    long journalBytes = folder.journalBytes();
    RunHistory history = folder.history();
    if (history.declared().isEmpty()) {
      return;
    }
    Plan plan = history.declared().get().plan(workspace.store());
    folder.requireHeld();
    recorded.accept(
        tables -> {
          addArguments(tables, history.declared().get(), plan);
          tables.load(history, plan);
        });
    folder.noteRecorded(history, journalBytes);
  }

  /** What a run was made of. */
  private void addArguments(LineageTables tables, Declared declared, Plan plan) {
    declared.datasets().forEach(tables::add);
    tables.add(model(declared), declared.source());
    tables.add(declared.snapshot());
    tables.add(plan, declared.snapshot());
    tables.add(declared.asked());
  }

  /**
   * Holds what is in the tables against the run's record, row by row, and adds what is missing. To
   * strange rows nothing is added, unless they are to be replaced.
   */
  Rebuild rebuilt(RunFolder folder, boolean repair) {
    long journalBytes = folder.journalBytes();
    RunHistory history = folder.history();
    Declared declared = history.declared().orElseThrow();
    Plan plan = declared.plan(workspace.store());
    ImportedModel model = model(declared);
    List<Rebuild> rebuilt = new ArrayList<>();
    record(
        tables -> {
          Rebuild rebuild =
              tables.rebuild(history, plan, model, () -> declarationsBeside(folder.run()));
          rebuilt.add(rebuild);
          folder.requireHeld();
          if (repair) {
            rebuild.repair();
          } else if (!rebuild.hasStrangeRows()) {
            rebuild.add();
          }
        });
    if (repair || !rebuilt.get(0).hasStrangeRows()) {
      folder.noteRecorded(history, journalBytes);
    }
    return rebuilt.get(0);
  }

  private ImportedModel model(Declared declared) {
    return ImportedModel.open(workspace.store(), new Sha256(declared.modelSha256()));
  }

  /** Of the other runs that can be read. */
  private List<Declared> declarationsBeside(String run) {
    List<Declared> declarations = new ArrayList<>();
    for (String other : RunFolder.names(workspace.store())) {
      try {
        if (!other.equals(run)) {
          RunFolder.history(workspace.store(), other).declared().ifPresent(declarations::add);
        }
      } catch (DamagedJournalException e) {
        log.warn("event=declaration-unreadable run={} cause={}", other, e.getMessage());
      }
    }
    return declarations;
  }

  /**
   * Brings the tables up to the journals of all runs that no driver holds: what killed drivers
   * left, and everything where a table is gone.
   */
  void completeAll() {
    List<String> runs = RunFolder.names(workspace.store());
    if (!runs.isEmpty() && LineageTables.isAnyLost(workspace.store())) {
      record(LineageTables::makeAll);
    }
    Optional<EmptyTables> empty = EmptyTables.in(workspace.store());
    boolean all = true;
    for (String run : runs) {
      all &= complete(run, empty.isPresent());
    }
    if (all) {
      empty.ifPresent(EmptyTables::filled);
    }
  }

  /**
   * One run that cannot be recorded does not keep the others' rows from who asks for them.
   *
   * @param lost whether tables may lack what they had once
   * @return whether it was recorded, or will be when it ends
   */
  private boolean complete(String run, boolean lost) {
    try {
      return !(lost || RunFolder.lags(workspace.store(), run)) || complete(run);
    } catch (Exception e) { // Spark declares none of what it throws.
      log.warn("event=recording-failed run={}", run, e);
      workspace.terminal().warn("%s: its rows may be missing: %s", run, e.getMessage());
      return false;
    }
  }

  private boolean complete(String run) {
    try (RunFolder folder = RunFolder.hold(workspace.store(), run)) {
      load(folder, this::record);
      return true;
    } catch (LeaseHeldException e) {
      workspace
          .terminal()
          .warn("%s: its rows may be minutes old, or not there yet: %s", run, e.getMessage());
      return RunFolder.history(workspace.store(), run).ended().isEmpty();
    }
  }

  /** As {@link #upToDate}; what fails is told and done by a later load: the journal has it all. */
  void tryUpToDate(RunFolder folder) {
    tried(folder.run(), () -> upToDate(folder));
  }

  private void tried(String run, Runnable recording) {
    try {
      recording.run();
    } catch (LeaseHeldException e) {
      throw e;
    } catch (Exception e) { // Spark declares none of what it throws.
      log.warn("event=recording-failed run={}", run, e);
      workspace
          .terminal()
          .warn(
              "tables    could not be brought up to the run: %s. Later: ./retune rebuild %s",
              e.getMessage(), run);
    }
  }
}
