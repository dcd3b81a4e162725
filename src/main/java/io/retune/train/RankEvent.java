package io.retune.train;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import io.retune.store.Json;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.SortedMap;

/** What rank 0 tells the driver, in order. */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "type")
@JsonSubTypes({
  @JsonSubTypes.Type(RankEvent.Started.class),
  @JsonSubTypes.Type(RankEvent.Stepped.class),
  @JsonSubTypes.Type(RankEvent.Evaluated.class),
  @JsonSubTypes.Type(RankEvent.Checkpointed.class),
  @JsonSubTypes.Type(RankEvent.Diverged.class),
  @JsonSubTypes.Type(RankEvent.Finished.class)
})
public sealed interface RankEvent {
  /**
   * All ranks are there and agree about the numerics.
   *
   * @param numerics facts that decide bits
   */
  record Started(List<Rank> ranks, SortedMap<String, String> numerics, String numericsSha256)
      implements RankEvent {}

  /**
   * One rank: a process of its own.
   *
   * @param gpus addresses of the devices that Spark gave it; none where a journal does not say
   */
  record Rank(String host, long pid, int lanes, Machine machine, List<String> gpus) {
    public Rank {
      gpus = gpus == null ? List.of() : List.copyOf(gpus);
    }
  }

  /** A step was done. */
  record Stepped(StepRecord step) implements RankEvent {}

  /** The frozen split was scored. */
  record Evaluated(EvaluationRecord evaluation) implements RankEvent {}

  /** A checkpoint is durable. */
  record Checkpointed(CheckpointRecord checkpoint) implements RankEvent {}

  /** A step's gradient is not finite: it would not be when the step is computed again. */
  record Diverged(int step) implements RankEvent {}

  /** Nothing follows. */
  record Finished(String adapterDigest) implements RankEvent {}

  /** As it travels. */
  default byte[] bytes() {
    return Json.write(this).getBytes(StandardCharsets.UTF_8);
  }

  static RankEvent of(byte[] bytes) {
    try {
      return Json.read(bytes, RankEvent.class);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
