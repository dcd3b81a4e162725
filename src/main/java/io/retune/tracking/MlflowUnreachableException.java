package io.retune.tracking;

import io.retune.config.ErrorCode;
import io.retune.config.Failure;
import io.retune.config.Problem;
import java.util.List;

/**
 * The MLflow server gave no usable answer for as long as we were patient. Nothing is lost: what it
 * has not acknowledged is sent again later. Holds no credentials.
 */
public final class MlflowUnreachableException extends RuntimeException implements Failure {
  private static final long serialVersionUID = 1L;

  private final String reason;
  private final Problem problem;

  MlflowUnreachableException(String server, String reason) {
    this(
        reason,
        new Problem(
            ErrorCode.TRACKING_UNREACHABLE,
            "MLflow at " + server,
            "does not answer: " + reason + ".",
            "What it has not received is sent by `./retune sync RUN`, when it is back."));
  }

  private MlflowUnreachableException(String reason, Problem problem) {
    super(problem.toString());
    this.reason = reason;
    this.problem = problem;
  }

  /** What became of the last attempt. */
  String reason() {
    return reason;
  }

  @Override
  public List<Problem> problems() {
    return List.of(problem);
  }
}
