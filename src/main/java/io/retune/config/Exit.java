package io.retune.config;

/** What a process says with its exit code. */
public enum Exit {
  DONE(0),
  DEFECT(1),
  BAD_INPUT(2),
  RESUMABLE(3),
  CHECK_DOES_NOT_HOLD(4),
  HELD(5);

  private final int code;

  Exit(int code) {
    this.code = code;
  }

  public int code() {
    return code;
  }
}
