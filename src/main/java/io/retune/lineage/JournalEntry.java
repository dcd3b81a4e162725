package io.retune.lineage;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import io.retune.train.CheckpointRecord;
import io.retune.train.EvaluationRecord;
import io.retune.train.RankEvent;
import io.retune.train.StepRecord;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;

/**
 * One line of a run's journal.
 *
 * @param entry number in the run, from 1, without gaps
 * @param time when it was written, RFC 3339 in UTC
 */
public record JournalEntry(long entry, String time, Event event) {

  /** What happened. Holds ids and figures, never the text of a row. */
  @JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "type")
  @JsonSubTypes({
    @JsonSubTypes.Type(value = Declared.class, name = "declared"),
    @JsonSubTypes.Type(value = AttemptStarted.class, name = "attempt-started"),
    @JsonSubTypes.Type(value = Stepped.class, name = "step"),
    @JsonSubTypes.Type(value = Evaluated.class, name = "evaluation"),
    @JsonSubTypes.Type(value = Checkpointed.class, name = "checkpoint"),
    @JsonSubTypes.Type(value = AttemptEnded.class, name = "attempt-ended"),
    @JsonSubTypes.Type(value = Ended.class, name = "ended")
  })
  public sealed interface Event {}

  /**
   * The arguments of the run's function: who asked, and for what.
   *
   * @param name of the experiment
   * @param experiment its fingerprint
   * @param planKey the plan's folder
   * @param planSha256 the plan's root
   * @param steps that are planned
   * @param targetTokens over all steps
   */
  public record Declared(
      String run,
      String request,
      String name,
      String experiment,
      String modelSha256,
      String snapshotKey,
      String snapshotSha256,
      String planKey,
      String planSha256,
      int steps,
      long targetTokens)
      implements Event {}

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
   * @param end {@code finished}, or why it ended
   * @param stepsRecomputed steps that an earlier attempt had done; each was equal to its entry
   */
  public record AttemptEnded(int attempt, String end, int stepsRecomputed) implements Event {}

  /**
   * The run is over and its adapter exported.
   *
   * @param weightsSha256 of the exported safetensors file
   * @param adapter folder of the export, relative to the store
   * @param low lower bound of the mean loss after - before, nats per target token; likewise {@code
   *     high}
   * @param timeMs milliseconds by stage of the driver that ended it
   */
  public record Ended(
      String weightsSha256,
      String adapter,
      double lossBefore,
      double lossAfter,
      double low,
      double high,
      Map<String, Long> timeMs)
      implements Event {}
}
