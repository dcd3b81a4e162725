package io.retune.dataset;

import java.util.Optional;
import java.util.function.Predicate;
import org.apache.spark.SparkThrowable;

/** What Spark has to say of SQL, in a line: below it come the query again and a plan. */
public final class SqlWords {
  private SqlWords() {}

  /** The first of {@code failure} and its causes that Spark says this of. */
  static Optional<SparkThrowable> in(Throwable failure, Predicate<SparkThrowable> said) {
    for (Throwable t = failure; t != null; t = t.getCause()) {
      if (t instanceof SparkThrowable words && said.test(words)) {
        return Optional.of(words);
      }
    }
    return Optional.empty();
  }

  /** The first line that says something. */
  public static String of(Throwable refusal) {
    return String.valueOf(refusal.getMessage())
        .lines()
        .map(String::strip)
        .filter(line -> !line.isEmpty())
        .findFirst()
        .orElse(refusal.getClass().getSimpleName());
  }
}
