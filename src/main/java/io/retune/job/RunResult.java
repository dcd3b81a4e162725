package io.retune.job;

import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import java.util.List;
import java.util.Map;

/**
 * What {@code retune run --json} and {@code retune show --json} end with; the names of its keys are
 * kept stable.
 *
 * @param status {@code finished}, {@code running} or {@code failed}
 * @param weightsSha256 of the exported {@code adapter_model.safetensors}, as sha256sum prints it
 * @param adapter absolute local path of the exported directory
 * @param timeMs milliseconds by stage of the driver that finished the run
 */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
public record RunResult(
    String run,
    String name,
    String experiment,
    String status,
    int steps,
    long targetTokens,
    String modelSha256,
    String snapshotSha256,
    String planSha256,
    String numericsSha256,
    String weightsSha256,
    String adapter,
    List<Attempt> attempts,
    Map<String, Metric> metrics,
    Map<String, Long> timeMs) {

  /**
   * One start of the ranks.
   *
   * @param end {@code finished}, or why it ended
   * @param processes of the ranks, {@code host:pid}
   */
  @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
  public record Attempt(int worldSize, String end, List<String> processes) {}

  /** A metric before and after training; {@code low} and {@code high} bound after - before. */
  public record Metric(double before, double after, double low, double high) {}
}
