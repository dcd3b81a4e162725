package io.retune.job;

import java.io.PrintStream;
import java.util.Locale;

/** What a person reads while a job works: on stderr, so that stdout is for results. */
final class Terminal {
  private final PrintStream err = System.err;

  /** A line that is drawn over itself, where someone watches. */
  private final boolean interactive = System.console() != null && System.getenv("CI") == null;

  private boolean lineOpen;

  synchronized void say(String format, Object... arguments) {
    closeLine();
    err.println(String.format(Locale.ROOT, format, arguments));
  }

  /** Progress: one line that changes on a terminal, a line each in a file. */
  synchronized void progress(String format, Object... arguments) {
    String line = String.format(Locale.ROOT, format, arguments);
    if (interactive) {
      err.print("\r\u001b[K" + line);
      err.flush();
      lineOpen = true;
    } else {
      err.println(line);
    }
  }

  private void closeLine() {
    if (lineOpen) {
      err.println();
      lineOpen = false;
    }
  }
}
