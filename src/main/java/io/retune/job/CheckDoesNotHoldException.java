package io.retune.job;

/** Something that must be equal is not: exit code 4. */
public final class CheckDoesNotHoldException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public CheckDoesNotHoldException(String message) {
    super(message);
  }
}
