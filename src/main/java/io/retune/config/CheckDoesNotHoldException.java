package io.retune.config;

import java.util.List;

/** Something that must be equal is not: exit code 4. */
public final class CheckDoesNotHoldException extends RuntimeException implements Failure {
  private static final long serialVersionUID = 1L;

  private final List<Problem> problems;

  public CheckDoesNotHoldException(List<Problem> problems) {
    super(Failure.told(problems));
    this.problems = Failure.of(Exit.CHECK_DOES_NOT_HOLD, problems);
  }

  /** A single problem: of which kind, where, what, and what to do about it. */
  public CheckDoesNotHoldException(ErrorCode code, String place, String message, String remedy) {
    this(List.of(new Problem(code, place, message, remedy)));
  }

  @Override
  public List<Problem> problems() {
    return problems;
  }
}
