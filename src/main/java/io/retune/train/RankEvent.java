package io.retune.train;

import com.fasterxml.jackson.databind.JsonNode;
import io.retune.store.Json;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;

/** What rank 0 tells the driver, in order. */
public sealed interface RankEvent {
  /**
   * All ranks are there and agree about the numerics.
   *
   * @param numerics facts that decide bits
   */
  record Started(List<Rank> ranks, SortedMap<String, String> numerics, String numericsSha256)
      implements RankEvent {}

  /** One rank: a process of its own. */
  record Rank(String host, long pid, int lanes) {}

  /** A step was done. */
  record Stepped(StepRecord step) implements RankEvent {}

  /** The frozen split was scored. */
  record Evaluated(EvaluationRecord evaluation) implements RankEvent {}

  /** A checkpoint is durable. */
  record Checkpointed(CheckpointRecord checkpoint) implements RankEvent {}

  /** Nothing follows. */
  record Finished(String adapterDigest) implements RankEvent {}

  /** As it travels. */
  default byte[] bytes() {
    return Json.write(Map.of("type", getClass().getSimpleName(), "event", this))
        .getBytes(StandardCharsets.UTF_8);
  }

  static RankEvent of(byte[] bytes) {
    try {
      JsonNode json = Json.read(bytes);
      byte[] event = Json.write(json.path("event")).getBytes(StandardCharsets.UTF_8);
      return switch (json.path("type").asText()) {
        case "Started" -> Json.read(event, Started.class);
        case "Stepped" -> Json.read(event, Stepped.class);
        case "Evaluated" -> Json.read(event, Evaluated.class);
        case "Checkpointed" -> Json.read(event, Checkpointed.class);
        case "Finished" -> Json.read(event, Finished.class);
        default -> throw new IllegalStateException("No such event: " + json.path("type"));
      };
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
