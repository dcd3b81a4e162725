package io.retune.job;

import io.retune.cluster.DriverEnvironment;
import io.retune.config.CheckDoesNotHoldException;
import io.retune.config.ErrorCode;
import io.retune.config.Experiment;
import io.retune.config.InvalidInputException;
import io.retune.config.Problem;
import io.retune.config.Recipe;
import io.retune.config.Secrets;
import io.retune.config.Site;
import io.retune.dataset.DatasetVersion;
import io.retune.dataset.Snapshot;
import io.retune.evaluate.GroupComparison;
import io.retune.evaluate.SuccessMetric;
import io.retune.job.TimeSplit.Stage;
import io.retune.lineage.JournalEntry.Asked;
import io.retune.lineage.JournalEntry.Declared;
import io.retune.lineage.JournalEntry.DriverStarted;
import io.retune.lineage.JournalEntry.Ended;
import io.retune.lineage.JournalEntry.Failed;
import io.retune.lineage.RunHistory;
import io.retune.model.AdapterFiles;
import io.retune.model.AdapterLayout;
import io.retune.model.ImportedModel;
import io.retune.plan.Plan;
import io.retune.report.RunReport;
import io.retune.store.DamagedFileException;
import io.retune.store.Json;
import io.retune.store.LeaseHeldException;
import io.retune.store.Sha256;
import io.retune.store.Store;
import io.retune.store.UnwritableException;
import io.retune.tracking.Mlflow;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.UUID;
import java.util.stream.IntStream;
import org.apache.hadoop.fs.Path;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * {@code retune run CONF}: the whole way of a row, to a finished, recorded and exported adapter.
 * What exists already is not done again.
 */
public final class RunJob {
  private static final Logger log = LoggerFactory.getLogger(RunJob.class);

  private final Workspace workspace;
  private final Experiment experiment;
  private final Recipe recipe;
  private final String request;
  private final String message;
  private final Terminal terminal;
  private final Stages stages;
  private final Recording recording;
  private final Optional<Mlflow> mlflow;

  /**
   * @param request what a retry is recognised by; empty: a run of its own
   * @param message what a new dataset version is for
   */
  public RunJob(
      Workspace workspace, Experiment experiment, Optional<String> request, String message) {
    this.workspace = workspace;
    this.terminal = workspace.terminal();
    this.experiment = experiment;
    this.recipe = experiment.recipe();
    this.request = request.orElseGet(() -> UUID.randomUUID().toString());
    this.message = Secrets.hide(message);
    this.stages = new Stages(workspace, recipe, terminal);
    this.recording = new Recording(workspace);
    this.mlflow = workspace.site().tracking().map(site -> new Mlflow(site, System.getenv()));
  }

  /**
   * @throws InvalidInputException if the recipe cannot be run as it is
   * @throws io.retune.store.LeaseHeldException if another driver runs the same request
   * @throws ResumableException if the ranks kept failing, or there is no room to write to; the same
   *     request goes on
   * @throws TrainingStoppedException if training showed that the recipe cannot be run as it is
   * @throws CheckDoesNotHoldException if something computed again was not equal, or the finished
   *     run did not come to what its recipe asks for
   * @throws DamagedFileException if the plan is not as it was written
   */
  public void execute(boolean json) {
    requireAllowed(recipe, workspace.site());
    String run = RunId.of(recipe.name(), request);
    try (RunFolder folder = RunFolder.hold(workspace.store(), run)) {
      folder.history().declared().ifPresent(it -> it.requireExperiment(experiment));
      if (folder.history().ended().isEmpty()) {
        run(folder);
      } else {
        try (Recorder recorder = Recorder.start(workspace, folder, recording, mlflow)) {
          complete(folder, recorder);
        }
      }
      RunResult result = RunResult.of(workspace.store(), folder.history());
      Summary.print(terminal, result, workspace);
      terminal.say("time      %s", workspace.times());
      Summary.next(terminal, result);
      if (json) {
        System.out.println(Json.write(result));
      }
      EvaluateJob.requireMet(run, folder.history().ended().orElseThrow().success());
    }
  }

  /** What diverged once diverges again: every bit of it is the same. */
  private void warnOfFailures(String run) {
    RunFolder.givenUp(workspace.store(), experiment.fingerprint())
        .forEach(
            (other, cause) -> {
              if (!other.equals(run)) {
                terminal.warn("before    %s was this configuration, and failed: %s", other, cause);
              }
            });
  }

  private void run(RunFolder folder) {
    terminal.say("run       %s  (to go on when interrupted: --request %s)", folder.run(), request);
    warnOfFailures(folder.run());
    Parent.say(workspace, experiment, folder.run());
    ImportedModel model = stages.importModel();
    SortedMap<String, DatasetVersion> versions = stages.ingest(message);
    Snapshot snapshot = stages.prepare(versions, model);
    Plan plan = stages.plan(snapshot);
    takeUp(folder, declaration(folder, model, versions, snapshot, plan));
    recording.tryPrepare(folder.run(), plan, snapshot);
    try (Recorder recorder = Recorder.start(workspace, folder, recording, mlflow)) {
      try {
        float[] adapter = new FineTuning(workspace, recipe, model, plan, folder, terminal).train();
        Path exported = export(folder.run(), model, adapter);
        sample(folder.run(), model, adapter);
        end(folder, plan, exported);
      } catch (LeaseHeldException e) {
        // The run is another driver's now, and its record too.
        throw e;
      } catch (RuntimeException e) {
        RuntimeException told = told(e, folder);
        recordAfter(told, folder, recorder);
        throw told;
      }
      complete(folder, recorder);
    }
  }

  /** What a run that is over leaves behind; what is there already is not made again. */
  private void complete(RunFolder folder, Recorder recorder) {
    workspace
        .times()
        .measure(
            Stage.RECORD,
            () -> {
              RunDocuments.write(workspace.store(), folder);
              writeReport(folder);
              return null;
            });
    recorder.finish();
  }

  /** For people to read: a run is whole without it. */
  private void writeReport(RunFolder folder) {
    if (folder.history().artifacts().containsKey(RunReport.FILE)) {
      return;
    }
    try {
      RunDocuments.writeReport(workspace, folder);
    } catch (LeaseHeldException e) {
      throw e;
    } catch (Exception e) { // Spark declares none of what it throws.
      log.warn("event=report-failed run={}", folder.run(), e);
      terminal.warn(
          "report    could not be made: %s. Later: ./retune report %s",
          e.getMessage(), folder.run());
    }
  }

  /** What was done is recorded though the run failed; why it failed is said first. */
  private static void recordAfter(RuntimeException failure, RunFolder folder, Recorder recorder) {
    try {
      folder.append(new Failed(kind(failure), Secrets.hide(String.valueOf(failure.getMessage()))));
      recorder.finish();
    } catch (Exception e) { // Spark declares none of what it throws.
      failure.addSuppressed(e);
    }
  }

  /** What failed, with what there is of the run and how to go on. */
  private RuntimeException told(RuntimeException failure, RunFolder folder) {
    Optional<String> unwritable = UnwritableException.reasonOf(failure);
    if (unwritable.isPresent()) {
      return new ResumableException(
          new Problem(
              ErrorCode.WRITE_FAILED,
              folder.run(),
              unwritable.get() + ".",
              "Everything up to step %d is kept. Make room, then ask again with --request \"%s\" to go on."
                  .formatted(folder.history().lastStep(), request)),
          failure);
    }
    if (failure instanceof InvalidInputException invalid
        && !folder.history().attempts().isEmpty()) {
      return new TrainingStoppedException(invalid, kept(folder.history()));
    }
    return failure;
  }

  /** Of a run whose training has begun and does not go on. */
  private static String kept(RunHistory history) {
    int checkpoint =
        IntStream.rangeClosed(1, history.lastStep()).filter(history::hasCheckpoint).max().orElse(0);
    return "%d of %d steps were trained and are kept, with %s: ./retune show %s"
        .formatted(
            history.lastStep(),
            history.declared().orElseThrow().steps(),
            checkpoint == 0 ? "no checkpoint" : "the checkpoint behind step " + checkpoint,
            history.run());
  }

  private static String kind(RuntimeException failure) {
    if (failure instanceof ResumableException) {
      return "resumable";
    } else if (failure instanceof CheckDoesNotHoldException
        || failure instanceof DamagedFileException) {
      return "check-does-not-hold";
    }
    return failure instanceof InvalidInputException || failure instanceof TrainingStoppedException
        ? Failed.BAD_INPUT
        : "defect";
  }

  /**
   * @throws InvalidInputException if the site cannot or may not run the recipe
   */
  static void requireAllowed(Recipe recipe, Site site) {
    List<Problem> problems = new ArrayList<>();
    int leaves = recipe.order().leavesPerStep();
    int executors = site.executors().orElse(1);
    if (executors > leaves) {
      problems.add(
          new Problem(
              ErrorCode.TOO_MANY_EXECUTORS,
              "--executors " + executors,
              "there are more executors than the " + leaves + " leaves of a full step.",
              "Give at most "
                  + leaves
                  + ", or raise order.micro-batches, which is another experiment."));
    }
    if (site.requireSuccessMetrics() && recipe.evaluation().success().isEmpty()) {
      problems.add(
          new Problem(
              ErrorCode.SUCCESS_NOT_SAID,
              "evaluation.success",
              "is not said, and the site asks for it (require-success-metrics).",
              "Say what the run has to come to, such as evaluation.success { verdict = better }."));
    }
    if (!problems.isEmpty()) {
      throw new InvalidInputException(problems);
    }
  }

  private Declared declaration(
      RunFolder folder,
      ImportedModel model,
      SortedMap<String, DatasetVersion> versions,
      Snapshot snapshot,
      Plan plan) {
    return new Declared(
        folder.run(),
        request,
        Asked.of(experiment),
        recipe.model(),
        model.sha256().hex(),
        List.copyOf(versions.values()),
        snapshot,
        plan.key(),
        plan.root().hex(),
        plan.manifestSha256(),
        plan.evaluationSha256(),
        plan.steps().size(),
        plan.steps().stream().mapToLong(Plan.Step::tokens).sum(),
        plan.steps().stream().mapToLong(Plan.Step::targetTokens).sum());
  }

  /** What is the same run has the same arguments, whoever goes on with it. */
  private void takeUp(RunFolder folder, Declared declared) {
    Optional<Declared> before = folder.history().declared();
    if (before.isEmpty()) {
      folder.append(declared);
    } else if (!before.get().identity().equals(declared.identity())) {
      throw new CheckDoesNotHoldException(
          ErrorCode.ARGUMENTS_DIFFER,
          folder.run(),
          "was begun as "
              + before.get().identity()
              + " but would go on as "
              + declared.identity()
              + ".",
          "Bring back the data and the model it was begun with, or give a request of its own.");
    } else {
      // The identity does not have what is scored by example.
      before.get().plan(workspace.store());
    }
    folder.append(
        new DriverStarted(
            folder.history().drivers() + 1, DriverEnvironment.probe(workspace.spark())));
    RunDocuments.writeCode(workspace.store(), folder);
    RunDocuments.writeMetadata(workspace.store(), folder);
  }

  private Path export(String run, ImportedModel model, float[] adapter) {
    return workspace
        .times()
        .measure(
            Stage.RECORD,
            () -> {
              try {
                return exported(workspace.store().path("runs", run, "adapter"), model, adapter);
              } catch (IOException e) {
                throw new UncheckedIOException(e);
              }
            });
  }

  /** The adapter as PEFT loads it; holds no run, date or path but in the name of its folder. */
  private Path exported(Path folder, ImportedModel model, float[] adapter) throws IOException {
    Store store = workspace.store();
    Path staged = store.stage(folder);
    AdapterFiles.write(
        store,
        staged,
        AdapterLayout.of(model.config(), recipe.train().lora()),
        adapter,
        recipe.train().lora(),
        "sha256:" + model.sha256().hex());
    SortedMap<String, Sha256> trained = adapterFiles(store.local(staged));
    store.publish(staged, folder);
    requireTrained(store.local(folder), trained);
    return folder;
  }

  private static SortedMap<String, Sha256> adapterFiles(java.nio.file.Path folder)
      throws IOException {
    SortedMap<String, Sha256> files = new TreeMap<>();
    for (String name : List.of(AdapterFiles.WEIGHTS, AdapterFiles.CONFIG)) {
      if (Files.exists(folder.resolve(name))) {
        files.put(name, Sha256.of(folder.resolve(name)));
      }
    }
    return files;
  }

  /** What a driver left that did not live to record it may have been changed since. */
  private static void requireTrained(java.nio.file.Path folder, SortedMap<String, Sha256> trained)
      throws IOException {
    SortedMap<String, Sha256> found = adapterFiles(folder);
    if (!found.equals(trained)) {
      throw new CheckDoesNotHoldException(
          ErrorCode.FILE_CHANGED,
          folder.toString(),
          "is not what was trained: its files are %s, trained was %s.".formatted(found, trained),
          "Move the folder away, and ask for the same request again.");
    }
  }

  /** The recipe's prompts answered before and after, for people to read. */
  private void sample(String run, ImportedModel model, float[] adapter) {
    if (recipe.evaluation().prompts().isEmpty()) {
      return;
    }
    try {
      workspace
          .times()
          .measure(
              Stage.SAMPLE,
              () -> {
                GenerateJob.samples(workspace, recipe, model, adapter)
                    .write(
                        workspace.store(),
                        workspace.store().path("runs", run, RunDocuments.SAMPLES));
                return null;
              });
    } catch (RuntimeException e) {
      // For people to read: a run is whole without them.
      log.warn("event=samples-failed run={}", run, e);
      terminal.warn("samples   could not be made: %s", e.getMessage());
    }
  }

  private void end(RunFolder folder, Plan plan, Path exported) {
    Store store = workspace.store();
    RunHistory history = folder.history();
    double[] before = history.evaluation(0).orElseThrow().lossSums();
    double[] after = history.evaluation(plan.steps().size()).orElseThrow().lossSums();
    List<GroupComparison> loss =
        GroupComparison.of(
            before, after, plan.evaluationTargets(), plan.evaluationGroups(), recipe.evaluation());
    folder.append(
        new Ended(
            Sha256.of(store.read(new Path(exported, AdapterFiles.WEIGHTS))).hex(),
            store.relative(exported),
            loss,
            SuccessMetric.of(recipe.evaluation().success(), loss),
            workspace.times().milliseconds()));
  }
}
