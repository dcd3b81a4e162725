package io.retune.job;

import java.io.PrintStream;
import java.util.Locale;

/** What a person reads: on stderr while a job works, so that stdout is for results. */
final class Terminal {
  private final PrintStream out;

  /** A line that is drawn over itself, where someone watches. */
  private final boolean interactive =
      Boolean.getBoolean("retune.interactive") && System.getenv("CI") == null;

  private boolean lineOpen;

  Terminal() {
    this(System.err);
  }

  Terminal(PrintStream out) {
    this.out = out;
  }

  /** {@code 1 rank}, {@code 2 ranks}. */
  static String count(int count, String what) {
    return count + " " + what + (count == 1 ? "" : "s");
  }

  synchronized void say(String format, Object... arguments) {
    closeLine();
    out.println(String.format(Locale.ROOT, format, arguments));
  }

  /** Progress: one line that changes on a terminal, a line each in a file. */
  synchronized void progress(String format, Object... arguments) {
    String line = String.format(Locale.ROOT, format, arguments);
    if (interactive) {
      out.print("\r\u001b[K" + line);
      out.flush();
      lineOpen = true;
    } else {
      out.println(line);
    }
  }

  private void closeLine() {
    if (lineOpen) {
      out.println();
      lineOpen = false;
    }
  }
}
