package io.retune.dataset;

/** What Spark has to say of SQL, in a line: below it come the query again and a plan. */
public final class SqlWords {
  private SqlWords() {}

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
