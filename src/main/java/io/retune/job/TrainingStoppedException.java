package io.retune.job;

import io.retune.config.Failure;
import io.retune.config.InvalidInputException;
import io.retune.config.Problem;
import java.util.List;

/**
 * Training met what makes its configuration useless, such as a gradient that is not finite: exit
 * code 2, as of any configuration that cannot be used, but what was trained before is kept.
 */
public final class TrainingStoppedException extends RuntimeException implements Failure {
  private static final long serialVersionUID = 1L;

  private final List<Problem> problems;

  /**
   * @param kept what was trained, and what is there of it; one sentence
   */
  TrainingStoppedException(InvalidInputException cause, String kept) {
    super(cause.getMessage() + "\n" + kept, cause);
    this.problems = cause.problems();
  }

  @Override
  public List<Problem> problems() {
    return problems;
  }
}
