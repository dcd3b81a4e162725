package io.retune.store;

/** Another process holds what this one wants to write: exit code 5. */
public final class LeaseHeldException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public LeaseHeldException(String message) {
    super(message);
  }
}
