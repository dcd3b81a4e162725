package io.retune.dataset;

import java.util.Optional;
import org.apache.spark.SparkThrowable;

/**
 * A value of some row that an expression cannot be computed of, which shows when rows are: a data
 * exception, class 22 of SQLSTATE (ISO/IEC 9075). The value itself is the row's affair.
 *
 * @param condition Spark's word for it: {@code CAST_INVALID_INPUT}
 * @param expression as somebody wrote it; empty if Spark does not know
 */
public record DataException(String condition, String expression) {
  private static final String CLASS = "22";

  /** The one that {@code failure} comes from. */
  public static Optional<DataException> in(Throwable failure) {
    return SqlWords.in(failure, e -> String.valueOf(e.getSqlState()).startsWith(CLASS))
        .map(DataException::of);
  }

  private static DataException of(SparkThrowable e) {
    return new DataException(
        e.getCondition(), e.getQueryContext().length == 0 ? "" : e.getQueryContext()[0].fragment());
  }

  /** A sentence. */
  @Override
  public String toString() {
    return (expression.isEmpty() ? "an expression" : "\"" + expression + "\"")
        + " fails on a row: "
        + condition
        + ".";
  }
}
