package io.retune.lineage;

import java.util.Locale;

/** How a run stands. */
public enum RunStatus {
  /** Its adapter is exported. */
  FINISHED,
  /** A driver that is alive works on it. */
  RUNNING,
  /** It goes on when it is asked for again. */
  INTERRUPTED;

  /** As tables, pages and people have it: {@code finished}. */
  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }
}
