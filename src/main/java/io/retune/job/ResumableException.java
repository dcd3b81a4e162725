package io.retune.job;

import io.retune.config.Exit;
import io.retune.config.Failure;
import io.retune.config.Problem;
import java.util.List;

/**
 * A run that stopped before its end and goes on from its last checkpoint when it is asked for
 * again: exit code 3.
 */
public final class ResumableException extends RuntimeException implements Failure {
  private static final long serialVersionUID = 1L;

  private final List<Problem> problems;

  ResumableException(Problem problem, Throwable cause) {
    super(problem.toString(), cause);
    this.problems = Failure.of(Exit.RESUMABLE, List.of(problem));
  }

  @Override
  public List<Problem> problems() {
    return problems;
  }
}
