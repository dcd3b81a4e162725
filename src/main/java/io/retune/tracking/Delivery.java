package io.retune.tracking;

import io.retune.store.Sha256;
import java.time.Instant;
import java.util.Locale;

/**
 * Something that an MLflow server has said to have: a row of the table {@code deliveries}.
 *
 * @param run our name of the run
 * @param server its address, without credentials
 * @param experiment MLflow's id
 * @param mlflowRun MLflow's id
 * @param item path of a file, name of a model; empty where a kind has one thing only
 * @param through of metrics: the entry of the journal up to which all points are there; else 0
 * @param count points, tags, params or inputs; of anything else 1
 * @param sha256 of what was sent
 */
public record Delivery(
    String run,
    String server,
    String experiment,
    String mlflowRun,
    Kind kind,
    String item,
    long through,
    long count,
    Sha256 sha256,
    Instant acknowledgedAt) {

  /** What was sent. */
  public enum Kind {
    TAGS,
    PARAMS,
    INPUTS,
    METRICS,
    ARTIFACT,
    MODEL_FILE,
    MODEL,
    VERSION,
    ALIAS,
    STATUS;

    /** What the status was called before it could also say that a run goes on again. */
    private static final String FORMER_STATUS = "end";

    /** As the table has it: {@code model-file}. */
    public String text() {
      return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /** The one that {@link #text} names. */
    public static Kind of(String text) {
      return text.equals(FORMER_STATUS)
          ? STATUS
          : valueOf(text.toUpperCase(Locale.ROOT).replace('-', '_'));
    }
  }
}
