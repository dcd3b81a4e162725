package io.retune.job;

/**
 * A run that stopped before its end and goes on from its last checkpoint when it is asked for
 * again: exit code 3.
 */
public final class ResumableException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public ResumableException(String message, Throwable cause) {
    super(message, cause);
  }
}
