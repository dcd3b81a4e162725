package io.retune.config;

import com.typesafe.config.ConfigOrigin;

/**
 * Where a value was written.
 *
 * @param file as the user would type it, or {@code --set PATH}
 * @param line from 1; 0: the file as a whole
 */
record Place(String file, int line) {
  static final String OVERRIDE = "--set ";

  static Place of(ConfigOrigin origin) {
    String file = origin.description();
    if (file.startsWith("merge of ")) {
      int end = file.indexOf(',');
      file = file.substring("merge of ".length(), end < 0 ? file.length() : end);
    }
    file = file.replaceFirst(": \\d+(-\\d+)?$", "");
    return new Place(file, file.startsWith(OVERRIDE) ? 0 : Math.max(0, origin.lineNumber()));
  }

  boolean isOverride() {
    return file.startsWith(OVERRIDE);
  }

  @Override
  public String toString() {
    return line == 0 ? file : file + ":" + line;
  }
}
