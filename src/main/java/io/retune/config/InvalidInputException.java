package io.retune.config;

import java.util.List;
import java.util.stream.Collectors;

/**
 * The user's configuration, data or model cannot be used as it is: exit code 2, nothing started,
 * nothing half written. Carries every problem that was found, not only the first.
 */
public final class InvalidInputException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final transient List<Problem> problems;

  /**
   * @throws IllegalArgumentException if {@code problems} is empty
   */
  public InvalidInputException(List<Problem> problems) {
    super(problems.stream().map(Problem::toString).collect(Collectors.joining("\n")));
    if (problems.isEmpty()) {
      throw new IllegalArgumentException("An InvalidInputException needs at least one problem");
    }
    this.problems = List.copyOf(problems);
  }

  /** A single problem: where, what, and what to do about it. */
  public static InvalidInputException of(String place, String message, String remedy) {
    return new InvalidInputException(List.of(new Problem(place, message, remedy)));
  }

  /** Every problem, in the order found; at least one. */
  public List<Problem> problems() {
    return problems;
  }
}
