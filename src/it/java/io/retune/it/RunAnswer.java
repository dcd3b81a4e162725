package io.retune.it;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.HashSet;
import java.util.Set;

/** The JSON object that {@code retune run --json} ends with. */
final class RunAnswer {
  private RunAnswer() {}

  static String weights(JsonNode result) {
    return result.path("weights_sha256").asText();
  }

  /** Of the first attempt's ranks. */
  static Set<String> processes(JsonNode result) {
    Set<String> processes = new HashSet<>();
    result.at("/attempts/0/processes").forEach(pid -> processes.add(pid.asText()));
    return processes;
  }
}
