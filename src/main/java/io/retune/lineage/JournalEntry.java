package io.retune.lineage;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import com.fasterxml.jackson.annotation.JsonValue;
import io.retune.config.ErrorCode;
import io.retune.config.Experiment;
import io.retune.config.InvalidInputException;
import io.retune.config.Secrets;
import io.retune.config.SourceSpec;
import io.retune.dataset.DatasetVersion;
import io.retune.dataset.Snapshot;
import io.retune.evaluate.Comparison;
import io.retune.evaluate.GroupComparison;
import io.retune.evaluate.SuccessMetric;
import io.retune.plan.Plan;
import io.retune.plan.PlanReader;
import io.retune.store.Store;
import io.retune.train.CheckpointRecord;
import io.retune.train.EvaluationRecord;
import io.retune.train.RankEvent;
import io.retune.train.StepRecord;
import java.util.List;
import java.util.Locale;
import java.util.SortedMap;

/**
 * One line of a run's journal; {@code docs/schemas/journal.schema.json} describes it for others.
 *
 * @param entry number in the run, from 1, without gaps
 * @param time when it was written, RFC 3339 in UTC
 * @param seal SHA-256 over this entry and all before it in its file, 64 hexadecimal digits
 */
@JsonIgnoreProperties(value = "level", allowGetters = true)
public record JournalEntry(long entry, String time, Event event, String seal) {

  /** How much an operator should care. */
  public enum Level {
    INFO,
    WARN,
    ERROR;

    @JsonValue
    String word() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** Of its event. */
  @JsonProperty
  public Level level() {
    return event.level();
  }

  /** Without the digests that only a step that is computed again is held against. */
  public JournalEntry figures() {
    return event instanceof Stepped stepped
        ? new JournalEntry(
            entry, time, new Stepped(stepped.attempt(), stepped.step().figures()), seal)
        : this;
  }

  /** What is sealed: all but the seal. */
  record Unsealed(long entry, String time, Level level, Event event) {}

  /** What happened. Holds ids and figures, never the text of a row. */
  @JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "type")
  @JsonSubTypes({
    @JsonSubTypes.Type(value = DriverStarted.class, name = "driver-started"),
    @JsonSubTypes.Type(value = Declared.class, name = "declared"),
    @JsonSubTypes.Type(value = AttemptStarted.class, name = "attempt-started"),
    @JsonSubTypes.Type(value = Stepped.class, name = "step"),
    @JsonSubTypes.Type(value = Evaluated.class, name = "evaluation"),
    @JsonSubTypes.Type(value = Checkpointed.class, name = "checkpoint"),
    @JsonSubTypes.Type(value = AttemptEnded.class, name = "attempt-ended"),
    @JsonSubTypes.Type(value = Failed.class, name = "failed"),
    @JsonSubTypes.Type(value = Ended.class, name = "ended"),
    @JsonSubTypes.Type(value = Written.class, name = "written"),
    @JsonSubTypes.Type(value = Delivered.class, name = "delivered")
  })
  public sealed interface Event {
    /** What is as it should be, unless the event says otherwise. */
    default Level level() {
      return Level.INFO;
    }
  }

  /**
   * A driver has taken the run up.
   *
   * @param driver from 1
   */
  public record DriverStarted(int driver, Environment environment) implements Event {}

  /**
   * The arguments of the run's function: who asked, and for what.
   *
   * @param asked the configuration
   * @param source of the base model
   * @param planKey the plan's folder
   * @param planSha256 the plan's root
   * @param planManifestSha256 of {@code plan.json}, which has what is scored by example; empty in
   *     journals of before it was noted
   * @param evaluationSha256 what is scored, whatever it is trained on; empty likewise
   * @param steps that are planned
   * @param tokens over all steps; likewise {@code targetTokens}
   */
  public record Declared(
      String run,
      String request,
      Asked asked,
      SourceSpec source,
      String modelSha256,
      List<DatasetVersion> datasets,
      Snapshot snapshot,
      String planKey,
      String planSha256,
      String planManifestSha256,
      String evaluationSha256,
      int steps,
      long tokens,
      long targetTokens)
      implements Event {
    public Declared {
      planManifestSha256 = planManifestSha256 == null ? "" : planManifestSha256;
      evaluationSha256 = evaluationSha256 == null ? "" : evaluationSha256;
    }

    /**
     * The plan that the run was begun with.
     *
     * @throws io.retune.store.DamagedFileException if the store has another in its place
     */
    public Plan plan(Store store) {
      return PlanReader.open(store, planKey, planSha256, planManifestSha256).plan();
    }

    public String name() {
      return asked.name();
    }

    /**
     * @throws InvalidInputException if the run is one of another experiment
     */
    public void requireExperiment(Experiment experiment) {
      if (!asked.experiment().equals(experiment.fingerprint())) {
        throw InvalidInputException.of(
            ErrorCode.REQUEST_TAKEN,
            "--request " + request,
            "is a run of experiment %s, this configuration is %s."
                .formatted(asked.experiment(), experiment.fingerprint()),
            "Give each experiment a request of its own.");
      }
    }

    /** What must be the same when another driver takes the run up. */
    public List<String> identity() {
      return List.of(
          "experiment " + asked.experiment(),
          "model " + modelSha256,
          "snapshot " + snapshot.root(),
          "plan " + planSha256);
    }
  }

  /**
   * A configuration as it was asked for.
   *
   * @param experiment its fingerprint
   * @param configuration the whole recipe, defaults included, as JSON
   * @param reasons by key
   * @param unexplained keys that were set to another value than the default without a reason
   */
  public record Asked(
      String name,
      String description,
      String experiment,
      String configuration,
      SortedMap<String, String> reasons,
      List<String> unexplained) {
    public static Asked of(Experiment experiment) {
      return new Asked(
          experiment.recipe().name(),
          Secrets.hide(experiment.recipe().description()),
          experiment.fingerprint(),
          experiment.resolvedJson(),
          experiment.reasons(),
          experiment.unexplained());
    }
  }

  /**
   * Ranks are there and agree about the numerics.
   *
   * @param attempt from 1, over all drivers of the run
   * @param resumedFrom step of the checkpoint it goes on from; 0: the beginning
   */
  public record AttemptStarted(
      int attempt,
      int resumedFrom,
      List<RankEvent.Rank> ranks,
      SortedMap<String, String> numerics,
      String numericsSha256)
      implements Event {}

  /** A step was done, for the first time. */
  public record Stepped(int attempt, StepRecord step) implements Event {}

  /** The frozen split was scored after a step, for the first time. */
  public record Evaluated(int attempt, EvaluationRecord evaluation) implements Event {}

  /** A checkpoint is durable. */
  public record Checkpointed(int attempt, CheckpointRecord checkpoint) implements Event {}

  /**
   * @param end {@link #FINISHED}, {@link #DRIVER_LOST}, or why else it ended
   * @param stepsRecomputed steps that an earlier attempt had done; each was equal to its entry
   * @param recordingCpuMs CPU time that the driver spent on recording meanwhile: journal, tables
   *     and tracking server; 0 where it did not live to say
   */
  public record AttemptEnded(int attempt, String end, int stepsRecomputed, long recordingCpuMs)
      implements Event {
    public static final String FINISHED = "finished";

    /** Its driver did not live to say how it ended. */
    public static final String DRIVER_LOST = "driver lost";

    @Override
    public Level level() {
      return end.equals(FINISHED) ? Level.INFO : Level.WARN;
    }
  }

  /**
   * A driver gave the run up.
   *
   * @param kind {@code resumable}, {@code check-does-not-hold}, {@code bad-input} or {@code defect}
   */
  public record Failed(String kind, String cause) implements Event {
    /** It would fail again in the same way. */
    public static final String BAD_INPUT = "bad-input";

    @Override
    public Level level() {
      return Level.ERROR;
    }
  }

  /**
   * The run is over and its adapter exported.
   *
   * @param weightsSha256 of the exported safetensors file
   * @param adapter folder of the export, relative to the store
   * @param loss of the frozen split before and after, as a whole and by group
   * @param success what the recipe asked for, and whether the run came to it
   * @param timeMs milliseconds by stage of the driver that ended it
   */
  public record Ended(
      String weightsSha256,
      String adapter,
      List<GroupComparison> loss,
      List<SuccessMetric> success,
      SortedMap<String, Long> timeMs)
      implements Event {
    public Ended {
      // Journals of before it was noted.
      success = success == null ? List.of() : List.copyOf(success);
    }

    /** Of the whole split. */
    public Comparison whole() {
      return loss.get(0).comparison();
    }
  }

  /** Files of the run are whole. */
  public record Written(List<Artifact> artifacts) implements Event {}

  /**
   * A file that belongs to a run.
   *
   * @param name within the run, such as {@code adapter/adapter_config.json}
   * @param path relative to the store
   */
  public record Artifact(String name, String path, String sha256, long bytes) {}

  /**
   * A tracking server has acknowledged something.
   *
   * @param server its URI
   * @param experimentId the server's; likewise {@code serverRun}
   * @param kind {@code params}, {@code metrics}, {@code artifact}, ...
   * @param item which of its kind
   * @param through all of the run's entries up to this one are there; 0 where that is not said
   * @param count of what was sent
   * @param sha256 of what was sent
   * @param cpuMs of the publishing thread since the delivery before, part of what the attempt's end
   *     says; 0 where no training was near
   */
  public record Delivered(
      String server,
      String experimentId,
      String serverRun,
      String kind,
      String item,
      long through,
      long count,
      String sha256,
      double cpuMs)
      implements Event {}
}
