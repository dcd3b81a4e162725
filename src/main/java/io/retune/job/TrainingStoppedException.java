package io.retune.job;

import io.retune.config.InvalidInputException;

/**
 * Training met what makes its configuration useless, such as a gradient that is not finite: exit
 * code 2, as of any configuration that cannot be used, but what was trained before is kept.
 */
public final class TrainingStoppedException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /**
   * @param kept what was trained, and what is there of it; one sentence
   */
  TrainingStoppedException(InvalidInputException cause, String kept) {
    super(cause.getMessage() + "\n" + kept, cause);
  }
}
