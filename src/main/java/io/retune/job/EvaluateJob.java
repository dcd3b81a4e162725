package io.retune.job;

import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import io.retune.cluster.TrainingStage;
import io.retune.collective.Attempt;
import io.retune.config.CheckDoesNotHoldException;
import io.retune.config.ErrorCode;
import io.retune.config.Experiment;
import io.retune.config.InvalidInputException;
import io.retune.config.Problem;
import io.retune.config.Recipe;
import io.retune.config.SuccessSpec;
import io.retune.config.SuccessSpec.AtLeast;
import io.retune.evaluate.Comparison;
import io.retune.evaluate.GroupComparison;
import io.retune.evaluate.SuccessMetric;
import io.retune.lineage.JournalEntry.Declared;
import io.retune.lineage.JournalEntry.Ended;
import io.retune.model.AdapterLayout;
import io.retune.plan.Plan;
import io.retune.store.Json;
import io.retune.train.CheckpointRecord;
import io.retune.train.Checkpoints;
import io.retune.train.EvaluationRecord;
import io.retune.train.RankEvent;
import io.retune.train.TrainingTask;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * {@code retune evaluate CONF --request ID}: a finished run's weights on the frozen split once
 * more, held against what the run recorded bit for bit, and what is required of them.
 */
public final class EvaluateJob {
  private final Workspace workspace;
  private final Experiment experiment;
  private final String request;

  public EvaluateJob(Workspace workspace, Experiment experiment, String request) {
    this.workspace = workspace;
    this.experiment = experiment;
    this.request = request;
  }

  /** What {@code --json} ends with; losses are nats per target token. */
  @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
  private record Result(
      String run,
      int examples,
      boolean equal,
      double before,
      double after,
      String verdict,
      List<SuccessMetric> success) {}

  /**
   * @param required of the whole split, besides what the recipe asks for
   * @throws InvalidInputException if there is no such run, it is not finished, or its last
   *     checkpoint is gone
   * @throws ResumableException if the ranks failed
   * @throws CheckDoesNotHoldException if a score is not what the run recorded, or the run is not
   *     what is required
   */
  public void execute(Optional<AtLeast> required, boolean json) {
    String run = RunId.of(experiment.recipe().name(), request);
    requireThere(run);
    FinishedRun finished = FinishedRun.open(workspace, run);
    Declared declared = finished.history().declared().orElseThrow();
    declared.requireExperiment(experiment);
    Plan plan = declared.plan(workspace.store());
    requireWeights(finished, plan.steps().size());
    EvaluationRecord recorded = finished.history().evaluation(plan.steps().size()).orElseThrow();
    requireEqual(run, plan, recorded, scoredAgain(declared, plan));
    Ended ended = finished.history().ended().orElseThrow();
    List<SuccessMetric> success = new ArrayList<>(ended.success());
    required.ifPresent(it -> success.addAll(SuccessMetric.of(SuccessSpec.of(it), ended.loss())));
    say(run, recorded, ended.loss(), success, json);
    requireMet(run, success);
  }

  private void requireThere(String run) {
    if (!workspace.store().exists(workspace.store().path("runs", run))) {
      throw InvalidInputException.of(
          ErrorCode.RUN_NOT_FOUND,
          "--request " + request,
          "is no run of the recipe %s in this store.".formatted(experiment.recipe().name()),
          "Run it first, under this request; ./retune runs lists what there is.");
    }
  }

  /** Ranks take them from the last checkpoint, as when a run goes on. */
  private void requireWeights(FinishedRun finished, int step) {
    AdapterLayout layout =
        AdapterLayout.of(finished.model().config(), experiment.recipe().train().lora());
    Checkpoints checkpoints = new Checkpoints(workspace.store(), finished.history().run(), layout);
    CheckpointRecord recorded = finished.history().checkpoint(step).orElseThrow();
    String place = workspace.store().localPath(recorded.path()).toString();
    if (!checkpoints.latest(step).equals(Optional.of(step))) {
      throw InvalidInputException.of(
          ErrorCode.FILE_GONE,
          place,
          "is not there any more, or damaged; it holds the weights that are scored.",
          "Restore it, or run the recipe again.");
    }
    if (!checkpoints.holds(recorded)) {
      throw new CheckDoesNotHoldException(
          ErrorCode.FILE_CHANGED,
          place,
          "was changed since it was written: the SHA-256 of its manifest is %s, the run recorded %s."
              .formatted(checkpoints.record(step, 0).sha256(), recorded.sha256()),
          "Restore it, or run the recipe again.");
    }
  }

  private EvaluationRecord scoredAgain(Declared declared, Plan plan) {
    Recipe recipe = experiment.recipe();
    Ranks ranks = new Ranks(workspace, recipe);
    List<EvaluationRecord> scored = new ArrayList<>();
    TrainingTask task =
        ranks.task(
            Attempt.start(declared.run(), 0), declared.modelSha256(), plan, plan.steps().size());
    try {
      TrainingStage.score(
          workspace.spark(),
          ranks.world(),
          task,
          event -> {
            if (event instanceof RankEvent.Evaluated evaluated) {
              scored.add(evaluated.evaluation());
            }
          });
    } catch (RuntimeException e) {
      Optional<RuntimeException> refusal = RankRefusal.in(e);
      if (refusal.isPresent()) {
        throw refusal.get();
      }
      throw new ResumableException(
          new Problem(
              ErrorCode.ATTEMPTS_FAILED,
              declared.run(),
              "could not be scored: " + FailureCause.of(e),
              "Ask again."),
          e);
    }
    return scored.get(0);
  }

  private static void requireEqual(
      String run, Plan plan, EvaluationRecord recorded, EvaluationRecord again) {
    int example = Arrays.mismatch(recorded.lossSums(), again.lossSums());
    if (example >= 0) {
      throw new CheckDoesNotHoldException(
          ErrorCode.SCORE_DIFFERS,
          run,
          "example %d of %d was scored again and is not equal: %s nats, recorded %s."
              .formatted(
                  example + 1,
                  plan.evaluationTargets().length,
                  again.lossSums()[example],
                  recorded.lossSums()[example]),
          "Either the machine computes other bits than those that trained it, or a file of the store was changed: ./retune rebuild %s holds them against the record."
              .formatted(run));
    }
  }

  private void say(
      String run,
      EvaluationRecord recorded,
      List<GroupComparison> loss,
      List<SuccessMetric> success,
      boolean json) {
    Comparison whole = loss.get(0).comparison();
    Terminal terminal = workspace.terminal();
    terminal.say(
        "%s  EQUAL: %d examples scored again, bit for bit", run, recorded.lossSums().length);
    for (GroupComparison group : loss) {
      Comparison it = group.comparison();
      terminal.say(
          "%-20s %.4f to %.4f (%s): %s",
          group.label(), it.before(), it.after(), it.interval(), it.verdict().words());
    }
    Summary.print(terminal, success);
    if (json) {
      System.out.println(
          Json.write(
              new Result(
                  run,
                  recorded.lossSums().length,
                  true,
                  whole.before(),
                  whole.after(),
                  whole.verdict().words(),
                  success)));
    }
  }

  /**
   * @throws CheckDoesNotHoldException with all that a run was to come to and did not
   */
  static void requireMet(String run, List<SuccessMetric> success) {
    List<Problem> missed =
        success.stream()
            .filter(metric -> !metric.met())
            .map(
                metric ->
                    new Problem(
                        ErrorCode.NOT_AS_REQUIRED,
                        run,
                        "was to have %s = %s, and has %s."
                            .formatted(metric.metric(), metric.required(), metric.found()),
                        "Look at its report for why, or train another."))
            .toList();
    if (!missed.isEmpty()) {
      throw new CheckDoesNotHoldException(missed);
    }
  }
}
