package io.retune.config;

import com.typesafe.config.ConfigOrigin;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Where a value was written.
 *
 * @param file as the user would type it, or {@code --set PATH}
 * @param line from 1; 0: the file as a whole
 */
record Place(String file, int line) {
  private static final Pattern LINES = Pattern.compile(": (\\d{1,9})(-\\d+)?$");

  static final String OVERRIDE = "--set ";

  static Place of(ConfigOrigin origin) {
    String file = origin.description();
    if (file.startsWith("merge of ")) {
      int end = file.indexOf(',');
      file = file.substring("merge of ".length(), end < 0 ? file.length() : end);
    }
    Matcher lines = LINES.matcher(file);
    int line = Math.max(0, origin.lineNumber());
    if (lines.find()) {
      file = file.substring(0, lines.start());
      line = line == 0 ? Integer.parseInt(lines.group(1)) : line;
    }
    return new Place(file, file.startsWith(OVERRIDE) ? 0 : line);
  }

  boolean isOverride() {
    return file.startsWith(OVERRIDE);
  }

  @Override
  public String toString() {
    return line == 0 ? file : file + ":" + line;
  }
}
