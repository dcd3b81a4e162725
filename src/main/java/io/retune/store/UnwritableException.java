package io.retune.store;

import io.retune.config.FileReason;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A file cannot be written: its disk is full, or was taken away. What was written before is whole,
 * so whoever asks again when there is room goes on from there: exit code 3.
 */
public final class UnwritableException extends UncheckedIOException {
  private static final long serialVersionUID = 1L;

  /** What is left of this when a failed task of Spark is told in words. */
  private static final Pattern IN_WORDS =
      Pattern.compile(Pattern.quote(UnwritableException.class.getName()) + ": ([^\\n]*)");

  /** As Linux says it (ENOSPC, EDQUOT) to those who write by other means than a {@link Store}. */
  private static final Pattern NO_ROOM =
      Pattern.compile("No space left on device|Disk quota exceeded");

  UnwritableException(Object file, IOException cause) {
    super("Cannot write " + shown(file) + ": " + FileReason.of(cause), cause);
  }

  private static String shown(Object file) {
    return file instanceof org.apache.hadoop.fs.Path path ? Store.shown(path) : file.toString();
  }

  /** What Java or the file system said. */
  public IOException reason() {
    return (IOException) getCause();
  }

  /** What could not be written and why, if that is what {@code failure} comes from. */
  public static Optional<String> reasonOf(Throwable failure) {
    for (Throwable t = failure; t != null; t = t.getCause()) {
      String message = String.valueOf(t.getMessage());
      Matcher words = IN_WORDS.matcher(message);
      if (t instanceof UnwritableException) {
        return Optional.of(message);
      } else if (words.find()) {
        return Optional.of(words.group(1));
      } else if (NO_ROOM.matcher(message).find()) {
        return message.lines().filter(line -> NO_ROOM.matcher(line).find()).findFirst();
      }
    }
    return Optional.empty();
  }
}
