package io.retune.job;

import io.retune.config.Secrets;
import io.retune.store.UnwritableException;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Why ranks failed, in a line: Spark passes it on as text, under sentences of its own. */
final class FailureCause {
  /** A driver that is told to end stops its session first. */
  static final String INTERRUPTED = "interrupted";

  private static final String ABORTED = "Job aborted";
  private static final String STOPPED = "SparkContext was shut down";

  /** In a printed stack trace, the thrown one or a cause of it. */
  private static final Pattern THROWN =
      Pattern.compile("^(?:Caused by: )?(?:\\w+\\.)+[\\w$]*(?:Exception|Error)(?:: (.+))?$");

  private FailureCause() {}

  /** The innermost reason, without secrets. */
  static String of(Throwable failure) {
    return UnwritableException.reasonOf(failure)
        .map(Secrets::hide)
        .orElseGet(() -> Secrets.hide(innermost(failure)));
  }

  private static String innermost(Throwable failure) {
    Throwable cause = failure;
    while (cause.getCause() != null) {
      cause = cause.getCause();
    }
    List<String> lines = String.valueOf(cause.getMessage()).lines().toList();
    String first = lines.isEmpty() ? "" : lines.get(0);
    if (first.contains(STOPPED)) {
      return INTERRUPTED;
    } else if (first.startsWith(ABORTED)) {
      return behind(lines);
    }
    return first.isEmpty() || first.equals("null") ? cause.getClass().getSimpleName() : first;
  }

  /** What a rank threw, or else what became of it, behind Spark's first line. */
  private static String behind(List<String> lines) {
    String reason = lines.size() > 1 ? lines.get(1).strip() : lines.get(0);
    for (String line : lines.subList(1, lines.size())) {
      Matcher thrown = THROWN.matcher(line.strip());
      if (thrown.matches()) {
        reason = thrown.group(1) == null ? line.strip() : thrown.group(1);
      }
    }
    return reason;
  }
}
