package io.retune.lineage;

/** A run's journal is not as its drivers wrote it: a line was lost, changed, repeated or moved. */
public final class DamagedJournalException extends IllegalStateException {
  private static final long serialVersionUID = 1L;

  public DamagedJournalException(String place, String what) {
    super(place + ": " + what + " The tables and the copies of the run hold what was recorded.");
  }

  /**
   * @param run whose journal no longer has what its tables were loaded from
   */
  public static DamagedJournalException notGrown(String run, long entry) {
    return new DamagedJournalException(
        "The journal of " + run,
        "entry " + entry + " is not the one that its recorded.json names.");
  }
}
