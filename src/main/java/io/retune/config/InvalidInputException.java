package io.retune.config;

import java.io.IOException;
import java.util.List;

/**
 * The user's configuration, data or model cannot be used as it is: exit code 2, nothing started,
 * nothing half written. Carries every problem that was found, not only the first.
 */
public final class InvalidInputException extends RuntimeException implements Failure {
  private static final long serialVersionUID = 1L;

  private final List<Problem> problems;

  /**
   * @throws IllegalArgumentException if {@code problems} is empty, or one is of another exit code
   */
  public InvalidInputException(List<Problem> problems) {
    super(Failure.told(problems));
    this.problems = Failure.of(Exit.BAD_INPUT, problems);
  }

  /** A single problem: of which kind, where, what, and what to do about it. */
  public static InvalidInputException of(
      ErrorCode code, String place, String message, String remedy) {
    return new InvalidInputException(List.of(new Problem(code, place, message, remedy)));
  }

  /**
   * An output that cannot be written.
   *
   * @param place as the user named it
   */
  public static InvalidInputException notWritable(String place, IOException cause, String remedy) {
    return of(
        ErrorCode.OUTPUT_NOT_WRITABLE,
        place,
        "cannot be written: " + FileReason.ofWriting(cause) + ".",
        remedy);
  }

  /**
   * An input that cannot be read.
   *
   * @param place as the user named it
   */
  public static InvalidInputException notReadable(
      ErrorCode code, String place, IOException cause, String remedy) {
    return of(code, place, "cannot be read: " + FileReason.of(cause) + ".", remedy);
  }

  /** A file of text that is none. */
  public static InvalidInputException notUtf8(String file) {
    return new InvalidInputException(List.of(Problem.notUtf8(file)));
  }

  /**
   * The same of what was worked on as a copy: places below {@code copy} are told of the original.
   */
  public InvalidInputException toldOf(String copy, String original) {
    return new InvalidInputException(
        problems.stream()
            .map(
                problem ->
                    problem.place().startsWith(copy)
                        ? problem.at(original + problem.place().substring(copy.length()))
                        : problem)
            .toList());
  }

  /** Every problem, in the order found; at least one. */
  @Override
  public List<Problem> problems() {
    return problems;
  }
}
