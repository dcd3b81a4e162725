package io.retune.dataset;

import io.retune.config.ErrorCode;
import io.retune.config.InvalidInputException;
import io.retune.config.Problem;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import org.apache.spark.sql.AnalysisException;

/** The names that a source's columns may have. */
public final class ColumnNames {
  private static final String RENAME_ONE = "Rename one of them; upper and lower case are the same.";

  private ColumnNames() {}

  /**
   * @throws InvalidInputException naming the columns that cannot be kept under their names
   */
  public static void requireUsable(Collection<String> columns) {
    List<Problem> problems = new ArrayList<>();
    Set<String> seen = new HashSet<>();
    for (String column : columns) {
      if (!column.matches("[^ ,;{}()\\n\\t=]+")) {
        problems.add(
            unusable(
                column,
                "has a blank or one of ,;{}()= in its name.",
                "Rename the key in the source: Delta tables do not take these."));
      }
      if (Frame.isReserved(column)) {
        problems.add(
            unusable(
                column,
                "has a name that Retune keeps for its own columns.",
                "Rename the key in the source; row_id, row_digest and names starting with __ are"
                    + " taken."));
      }
      if (!seen.add(column.toLowerCase(Locale.ROOT))) {
        problems.add(unusable(column, "is there twice.", RENAME_ONE));
      }
    }
    if (!problems.isEmpty()) {
      throw new InvalidInputException(problems);
    }
  }

  private static Problem unusable(String column, String what, String remedy) {
    return new Problem(ErrorCode.UNUSABLE_COLUMN, "column \"" + column + "\"", what, remedy);
  }

  /** The same, where Spark finds it first. */
  static Optional<InvalidInputException> twice(Exception refusal) {
    return refusal instanceof AnalysisException e
            && "COLUMN_ALREADY_EXISTS".equals(e.getCondition())
        ? Optional.of(
            new InvalidInputException(
                List.of(
                    unusable(
                        e.getMessageParameters().get("columnName").replace("`", ""),
                        "is there twice.",
                        RENAME_ONE))))
        : Optional.empty();
  }
}
