package io.retune.config;

import java.util.List;

/** What ends a command and is no defect of ours: it says what was met and what to do about it. */
public interface Failure {
  /** At least one; all of them have the same {@link ErrorCode#exit}. */
  List<Problem> problems();

  /** What the command ends with. */
  default Exit exit() {
    return problems().get(0).code().exit();
  }

  /** As they stand in a message. */
  static String told(List<Problem> problems) {
    return Problem.toString(problems);
  }

  /**
   * @return {@code problems}, which end a command with {@code exit}
   * @throws IllegalArgumentException if there is none, or one ends it otherwise
   */
  static List<Problem> of(Exit exit, List<Problem> problems) {
    if (problems.isEmpty() || problems.stream().anyMatch(p -> p.code().exit() != exit)) {
      throw new IllegalArgumentException("Not what ends a command with " + exit + ": " + problems);
    }
    return List.copyOf(problems);
  }
}
