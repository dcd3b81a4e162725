package io.retune.tracking;

/**
 * The MLflow server gave no usable answer for as long as we were patient. Nothing is lost: what it
 * has not acknowledged is sent again later. Holds no credentials.
 */
public final class MlflowUnreachableException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final String reason;

  MlflowUnreachableException(String server, String reason) {
    super(
        "MLflow at %s does not answer: %s.\n  What it has not received is sent by `retune sync RUN`, when it is back."
            .formatted(server, reason));
    this.reason = reason;
  }

  /** What became of the last attempt. */
  String reason() {
    return reason;
  }
}
