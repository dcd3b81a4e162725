package io.retune.lineage;

import io.retune.config.ErrorCode;
import io.retune.config.Exit;
import io.retune.config.Failure;
import io.retune.config.Problem;
import java.util.List;

/** A run's journal is not as its drivers wrote it: a line was lost, changed, repeated or moved. */
public final class DamagedJournalException extends IllegalStateException implements Failure {
  private static final long serialVersionUID = 1L;

  private static final String REMEDY =
      "Restore the file from a copy of the store. The tables and the copies of the run hold what was"
          + " recorded.";

  private final List<Problem> problems;

  public DamagedJournalException(String place, String what) {
    this(place, what, REMEDY);
  }

  /**
   * @param remedy where it is another than to restore the file
   */
  public DamagedJournalException(String place, String what, String remedy) {
    this(List.of(new Problem(ErrorCode.JOURNAL_DAMAGED, place, what, remedy)));
  }

  private DamagedJournalException(List<Problem> problems) {
    super(Failure.told(problems));
    this.problems = Failure.of(Exit.CHECK_DOES_NOT_HOLD, problems);
  }

  /**
   * @param run whose journal no longer has what its tables were loaded from
   */
  public static DamagedJournalException notGrown(String run, long entry) {
    return new DamagedJournalException(
        "The journal of " + run,
        "entry " + entry + " is not the one that its recorded.json names.");
  }

  @Override
  public List<Problem> problems() {
    return problems;
  }
}
