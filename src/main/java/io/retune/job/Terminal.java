package io.retune.job;

import java.io.PrintStream;
import java.nio.charset.Charset;
import java.util.Locale;

/** What a person reads: on stderr while a job works, so that stdout is for results. */
final class Terminal {
  private final PrintStream out;

  /** Nothing but results and what went wrong. */
  private final boolean quiet;

  /** A line that is drawn over itself, where someone watches. */
  private final boolean interactive =
      Boolean.getBoolean("retune.interactive") && System.getenv("CI") == null;

  private boolean lineOpen;

  /** For what a job has to say while it works. */
  Terminal(boolean quiet) {
    this(System.err, quiet);
  }

  /** For results. */
  Terminal(PrintStream out) {
    this(out, false);
  }

  private Terminal(PrintStream out, boolean quiet) {
    this.out = out;
    this.quiet = quiet;
  }

  boolean isInteractive() {
    return interactive;
  }

  /** Whether results go to a terminal, whose user has nothing against colours. */
  static boolean isColoured() {
    return Boolean.getBoolean("retune.coloured") && System.getenv("NO_COLOR") == null;
  }

  /** Whether this system's characters have block elements. */
  boolean hasBars() {
    return Charset.forName(
            System.getProperty("sun.stderr.encoding", Charset.defaultCharset().name()))
        .newEncoder()
        .canEncode('█');
  }

  /** {@code 1 rank}, {@code 2 ranks}. */
  static String count(int count, String what) {
    return count + " " + what + (count == 1 ? "" : "s");
  }

  synchronized void say(String format, Object... arguments) {
    if (!quiet) {
      closeLine();
      out.println(String.format(Locale.ROOT, format, arguments));
    }
  }

  /** What went wrong, also to those who want quiet. */
  synchronized void warn(String format, Object... arguments) {
    closeLine();
    out.println(String.format(Locale.ROOT, format, arguments));
  }

  /** Progress: one line that changes on a terminal, a line each in a file. */
  synchronized void progress(String format, Object... arguments) {
    if (quiet) {
      return;
    }
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
