package io.retune.store;

import io.retune.config.ErrorCode;
import io.retune.config.Exit;
import io.retune.config.Failure;
import io.retune.config.Problem;
import java.util.List;

/** Another process holds what this one wants to write: exit code 5. */
public final class LeaseHeldException extends RuntimeException implements Failure {
  private static final long serialVersionUID = 1L;

  private final List<Problem> problems;

  LeaseHeldException(ErrorCode code, String place, String message, String remedy) {
    this(new Problem(code, place, message, remedy));
  }

  private LeaseHeldException(Problem problem) {
    super(problem.toString());
    this.problems = Failure.of(Exit.HELD, List.of(problem));
  }

  /** The same, for someone who can get by without the lease. */
  public LeaseHeldException withRemedy(String remedy) {
    Problem held = problems.get(0);
    return new LeaseHeldException(
        new Problem(held.code(), held.place(), held.message(), held.remedy() + " " + remedy));
  }

  @Override
  public List<Problem> problems() {
    return problems;
  }
}
