package io.retune.job;

import io.retune.config.ErrorCode;
import io.retune.config.Exit;
import io.retune.config.Failure;
import io.retune.config.Problem;
import java.util.List;

/** Something that must be equal is not: exit code 4. */
public final class CheckDoesNotHoldException extends RuntimeException implements Failure {
  private static final long serialVersionUID = 1L;

  private final List<Problem> problems;

  CheckDoesNotHoldException(List<Problem> problems) {
    super(Failure.told(problems));
    this.problems = Failure.of(Exit.CHECK_DOES_NOT_HOLD, problems);
  }

  CheckDoesNotHoldException(ErrorCode code, String place, String message, String remedy) {
    this(List.of(new Problem(code, place, message, remedy)));
  }

  @Override
  public List<Problem> problems() {
    return problems;
  }
}
