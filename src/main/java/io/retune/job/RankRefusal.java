package io.retune.job;

import io.retune.config.CheckDoesNotHoldException;
import io.retune.config.ErrorCode;
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
    if (failure instanceof InvalidInputException || failure instanceof CheckDoesNotHoldException) {
      return Optional.of(failure);
    }
    for (Throwable t = failure; t != null; t = t.getCause()) {
      Matcher told = TOLD.matcher(String.valueOf(t.getMessage()));
      if (told.find()) {
        return ErrorCode.of(told.group(3))
            .map(code -> new Problem(code, told.group(1), told.group(2), told.group(4)))
            .flatMap(RankRefusal::of);
      }
    }
    return Optional.empty();
  }

  private static Optional<RuntimeException> of(Problem problem) {
    return switch (problem.code().exit()) {
      case BAD_INPUT -> Optional.of(new InvalidInputException(List.of(problem)));
      case CHECK_DOES_NOT_HOLD -> Optional.of(new CheckDoesNotHoldException(List.of(problem)));
      default -> Optional.empty();
    };
  }
}
