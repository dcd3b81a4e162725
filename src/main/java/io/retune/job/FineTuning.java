package io.retune.job;

import io.retune.cluster.TrainingStage;
import io.retune.collective.Attempt;
import io.retune.config.CheckDoesNotHoldException;
import io.retune.config.ErrorCode;
import io.retune.config.InvalidInputException;
import io.retune.config.Problem;
import io.retune.config.Recipe;
import io.retune.config.Secrets;
import io.retune.engine.Numerics;
import io.retune.job.TimeSplit.Stage;
import io.retune.lineage.JournalEntry;
import io.retune.lineage.JournalEntry.AttemptEnded;
import io.retune.lineage.RunHistory;
import io.retune.model.AdapterLayout;
import io.retune.model.ImportedModel;
import io.retune.plan.Plan;
import io.retune.store.LeaseHeldException;
import io.retune.store.UnwritableException;
import io.retune.train.Checkpoints;
import io.retune.train.EvaluationRecord;
import io.retune.train.RankEvent;
import io.retune.train.StepRecord;
import io.retune.train.TrainingTask;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A run's training, from wherever its journal and checkpoints say it stands to the last step. Ranks
 * that fail are started again from the last durable checkpoint, as many as there are executors
 * then; steps that are computed a second time must be equal to their entries.
 */
final class FineTuning {
  private static final Logger log = LoggerFactory.getLogger(FineTuning.class);

  /** Attempts in a row that end without a further step: what fails then fails every time. */
  private static final int FRUITLESS_ATTEMPTS = 3;

  /** What to do about a training that loses its weights. */
  private static final String DIVERGES =
      "Lower train.optimizer.adamw.lr, or warm up longer: that is another experiment.";

  private final Workspace workspace;
  private final Ranks ranks;
  private final ImportedModel model;
  private final Plan plan;
  private final RunFolder folder;
  private final Checkpoints checkpoints;
  private final List<String> tensors;
  private final Progress progress;

  FineTuning(
      Workspace workspace,
      Recipe recipe,
      ImportedModel model,
      Plan plan,
      RunFolder folder,
      Terminal terminal) {
    AdapterLayout layout = AdapterLayout.of(model.config(), recipe.train().lora());
    this.workspace = workspace;
    this.ranks = new Ranks(workspace, recipe);
    this.model = model;
    this.plan = plan;
    this.folder = folder;
    this.checkpoints = new Checkpoints(workspace.store(), folder.run(), layout);
    this.tensors = layout.tensors().stream().map(AdapterLayout.Tensor::name).sorted().toList();
    this.progress = new Progress(terminal, plan, folder.history());
  }

  /**
   * Trains to the end of the plan.
   *
   * @return the adapter behind the last step
   * @throws ResumableException if attempts keep failing
   * @throws CheckDoesNotHoldException if a step that was computed again is not equal
   * @throws RuntimeException that {@link UnwritableException#reasonOf} knows if there is no room
   */
  float[] train() {
    endLostAttempt();
    int last = plan.steps().size();
    int fruitless = 0;
    while (!isDone(last)) {
      int before = folder.history().lastStep();
      Optional<RuntimeException> failure = attempt();
      fruitless = folder.history().lastStep() > before ? 0 : fruitless + 1;
      if (fruitless >= FRUITLESS_ATTEMPTS) {
        throw new ResumableException(
            new Problem(
                ErrorCode.ATTEMPTS_FAILED,
                folder.run(),
                "%d attempts in a row failed after step %d. The last failure: %s"
                    .formatted(
                        FRUITLESS_ATTEMPTS,
                        folder.history().lastStep(),
                        failure.map(FailureCause::of).orElse("no sound checkpoint was left")),
                "Ask again with --request \"%s\" to go on from there."
                    .formatted(folder.history().declared().orElseThrow().request())),
            failure.orElse(null));
      }
    }
    return checkpoints.adapter(last);
  }

  private boolean isDone(int last) {
    return folder.history().hasCheckpoint(last)
        && latest(folder.history(), last).equals(Optional.of(last));
  }

  /**
   * Step of the newest checkpoint up to {@code atMost} that is sound, and the one that its entry
   * names; one that was put in its place goes.
   */
  private Optional<Integer> latest(RunHistory history, int atMost) {
    Optional<Integer> found = checkpoints.latest(atMost);
    while (found.isPresent() && !isNamed(history, found.get())) {
      log.warn("event=checkpoint-of-another-run run={} step={}", folder.run(), found.get());
      checkpoints.discard(found.get());
      found = checkpoints.latest(atMost);
    }
    return found;
  }

  /** One whose driver died before it could write the entry is as good. */
  private boolean isNamed(RunHistory history, int step) {
    return history.checkpoint(step).map(checkpoints::holds).orElse(true);
  }

  /** The attempt of a driver that did not live to say how it ended. */
  private void endLostAttempt() {
    folder
        .history()
        .openAttempt()
        .ifPresent(
            attempt -> folder.append(new AttemptEnded(attempt, AttemptEnded.DRIVER_LOST, 0, 0)));
  }

  private Optional<RuntimeException> attempt() {
    RunHistory history = folder.history();
    int resumeStep = latest(history, history.lastStep()).orElse(0);
    int number = history.attempts().size() + 1;
    int world = ranks.world();
    Watch watch = new Watch(history, number, resumeStep);
    TrainingTask task =
        ranks.task(Attempt.start(folder.run(), number), model.sha256().hex(), plan, resumeStep);
    try {
      TrainingStage.run(workspace.spark(), world, task, watch.cpu.counting(watch::take));
      folder.append(watch.ended(AttemptEnded.FINISHED));
      return Optional.empty();
    } catch (LeaseHeldException e) {
      throw e;
    } catch (RuntimeException e) {
      Optional<RuntimeException> refusal = RankRefusal.in(e);
      if (refusal.isPresent()) {
        // It would be so again.
        if (watch.started) {
          folder.append(watch.ended(Secrets.hide(refusal.get().getMessage())));
        }
        throw refusal.get();
      }
      log.info("event=attempt-failed run={} attempt={}", folder.run(), number, e);
      progress.failed(number, FailureCause.of(e));
      if (UnwritableException.reasonOf(e).isPresent()) {
        // There is no more room a moment later.
        endIfWritable(watch, e);
        throw e;
      }
      if (watch.started) {
        folder.append(watch.ended(FailureCause.of(e)));
      }
      return Optional.of(e);
    }
  }

  /** A journal that cannot be written any more leaves the end to the next driver. */
  private void endIfWritable(Watch watch, RuntimeException failure) {
    try {
      if (watch.started) {
        folder.append(watch.ended(FailureCause.of(failure)));
      }
    } catch (LeaseHeldException e) {
      throw e;
    } catch (RuntimeException e) {
      failure.addSuppressed(e);
    }
  }

  /** Writes down what an attempt's rank 0 tells; what was done before is held against its entry. */
  private final class Watch {
    private final List<JournalEntry.AttemptStarted> earlier;
    private final Map<Integer, StepRecord> steps = new HashMap<>();
    private final Map<Integer, EvaluationRecord> evaluations = new HashMap<>();
    private final Set<Integer> checkpointed = new HashSet<>();
    private final int attempt;
    private final int resumeStep;
    private final long startNanos = System.nanoTime();
    private final RecordingCpu cpu = new RecordingCpu();
    private boolean started;
    private int recomputed;

    Watch(RunHistory history, int attempt, int resumeStep) {
      this.earlier = history.attempts();
      history.steps().stream()
          .filter(step -> step.step() > resumeStep)
          .forEach(step -> steps.putIfAbsent(step.step(), step));
      history.evaluations().forEach(it -> evaluations.putIfAbsent(it.step(), it));
      history.checkpoints().forEach(it -> checkpointed.add(it.step()));
      this.attempt = attempt;
      this.resumeStep = resumeStep;
    }

    JournalEntry.AttemptEnded ended(String end) {
      return new JournalEntry.AttemptEnded(attempt, end, recomputed, cpu.soFar().toMillis());
    }

    void take(RankEvent event) {
      if (event instanceof RankEvent.Started ranks) {
        started(ranks);
      } else if (event instanceof RankEvent.Stepped stepped) {
        stepped(stepped.step());
      } else if (event instanceof RankEvent.Evaluated evaluated) {
        evaluated(evaluated.evaluation());
      } else if (event instanceof RankEvent.Diverged diverged) {
        throw InvalidInputException.of(
            ErrorCode.GRADIENT_NOT_FINITE,
            folder.run() + " step " + diverged.step(),
            "the gradient is not finite.",
            DIVERGES);
      } else if (event instanceof RankEvent.Checkpointed written
          && !checkpointed.contains(written.checkpoint().step())) {
        folder.append(new JournalEntry.Checkpointed(attempt, written.checkpoint()));
      }
    }

    private void started(RankEvent.Started ranks) {
      requireSameNumerics(ranks);
      workspace.times().add(Stage.LOAD, Duration.ofNanos(System.nanoTime() - startNanos));
      folder.append(
          new JournalEntry.AttemptStarted(
              attempt, resumeStep, ranks.ranks(), ranks.numerics(), ranks.numericsSha256()));
      started = true;
      progress.started(attempt, resumeStep, ranks.ranks());
      if (resumeStep > 0 && !checkpointed.contains(resumeStep)) {
        // Its driver died between the checkpoint and this entry.
        folder.append(new JournalEntry.Checkpointed(attempt, checkpoints.record(resumeStep, 0)));
      }
    }

    private void requireSameNumerics(RankEvent.Started ranks) {
      for (JournalEntry.AttemptStarted before : earlier) {
        if (!before.numericsSha256().equals(ranks.numericsSha256())) {
          List<String> different =
              Numerics.differing(before.numerics(), ranks.numerics()).stream()
                  .map(
                      f ->
                          "%s was %s and is %s"
                              .formatted(f, before.numerics().get(f), ranks.numerics().get(f)))
                  .toList();
          throw new CheckDoesNotHoldException(
              ErrorCode.NUMERICS_DIFFER,
              folder.run(),
              "cannot go on here with the same bits: " + String.join("; ", different) + ".",
              "Go on where it was begun, or start a new run.");
        }
      }
    }

    private void stepped(StepRecord step) {
      workspace.times().add(Stage.TRAIN, Duration.ofMillis(step.wallMs()));
      workspace.times().add(Stage.RECORD, Duration.ofMillis(step.recordMs()));
      StepRecord before = steps.get(step.step());
      if (before != null) {
        step.differenceFrom(before, tensors).ifPresent(what -> refuse(step.step(), what));
        recomputed++;
      } else {
        folder.append(new JournalEntry.Stepped(attempt, step));
      }
      progress.stepped(step);
    }

    private void refuse(int step, String what) {
      throw new CheckDoesNotHoldException(
          ErrorCode.STEP_DIFFERS,
          folder.run(),
          "step %d was computed again and %s differs from the journal's entry."
              .formatted(step, what),
          "Either the machine computes wrongly, or a file of the store was changed: ./retune rebuild %s holds them against the record."
              .formatted(folder.run()));
    }

    private void evaluated(EvaluationRecord evaluation) {
      workspace.times().add(Stage.EVALUATE, Duration.ofMillis(evaluation.wallMs()));
      requireFinite(evaluation);
      EvaluationRecord before = evaluations.get(evaluation.step());
      if (before == null) {
        folder.append(new JournalEntry.Evaluated(attempt, evaluation));
      } else if (!Arrays.equals(before.lossSums(), evaluation.lossSums())) {
        refuse(evaluation.step(), "the evaluation after it");
      }
      progress.evaluated(evaluation);
    }

    private void requireFinite(EvaluationRecord evaluation) {
      long lost =
          Arrays.stream(evaluation.lossSums()).filter(loss -> !Double.isFinite(loss)).count();
      if (lost > 0) {
        boolean untouched = evaluation.step() == 0;
        throw InvalidInputException.of(
            ErrorCode.LOSS_NOT_FINITE,
            folder.run() + (untouched ? " before training" : " step " + evaluation.step()),
            "the loss of %d of %s held out is not finite."
                .formatted(lost, Terminal.count(evaluation.lossSums().length, "example")),
            untouched
                ? "The model's weights are not sound: take another model, or fetch it again."
                : DIVERGES);
      }
    }
  }
}
