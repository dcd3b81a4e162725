package io.retune.job;

import io.retune.config.CheckDoesNotHoldException;
import io.retune.config.ErrorCode;
import io.retune.config.Exit;
import io.retune.config.Failure;
import io.retune.config.InvalidInputException;
import io.retune.config.Problem;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a rank refuses for a reason that another attempt would meet again: a damaged file, machines
 * of two kinds. Spark passes it on as text.
 */
final class RankRefusal {
  /** As a {@link Problem} writes itself into the message of a {@link Failure}. */
  private static final Pattern TOLD =
      Pattern.compile(
          "(?m)^.*\\bio\\.retune\\.(?:\\w+\\.)*\\w+Exception: (.+?): (.+) \\[([a-z0-9-]+)]\\R {2}(.+)$");

  private RankRefusal() {}

  /** The refusal that {@code failure} comes from, or is; empty if it is none. */
  static Optional<RuntimeException> in(RuntimeException failure) {
    if (failure instanceof Failure told && isMetAgain(told.exit())) {
      return Optional.of(failure);
    }
    for (Throwable t = failure; t != null; t = t.getCause()) {
      Matcher told = TOLD.matcher(String.valueOf(t.getMessage()));
      if (told.find()) {
        return ErrorCode.of(told.group(3))
            .map(code -> new Problem(code, told.group(1), told.group(2), told.group(4)))
            .filter(problem -> isMetAgain(problem.code().exit()))
            .map(RankRefusal::thrown);
      }
    }
    return Optional.empty();
  }

  private static boolean isMetAgain(Exit exit) {
    return exit == Exit.BAD_INPUT || exit == Exit.CHECK_DOES_NOT_HOLD;
  }

  private static RuntimeException thrown(Problem problem) {
    return problem.code().exit() == Exit.BAD_INPUT
        ? new InvalidInputException(List.of(problem))
        : new CheckDoesNotHoldException(List.of(problem));
  }
}
