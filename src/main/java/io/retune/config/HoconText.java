package io.retune.config;

import com.typesafe.config.ConfigException;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigUtil;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * HOCON as a person wrote it: single values are put into it, and everything else, comments and
 * layout, stays as it is.
 */
final class HoconText {
  /**
   * A piece of the text.
   *
   * @param word whether it is a key or a value, or a part of one; else it is punctuation, and a
   *     line's end or a comment are "\n"
   */
  private record Token(boolean word, int start, int end, int line) {}

  /** {@code key = value}, by where its parts begin and end. */
  private record Setting(int keyStart, int keyEnd, int start, int end, int line, int lastLine) {}

  private record Edit(int start, int end, String text) {}

  private final String text;
  private final List<Token> tokens = new ArrayList<>();
  private final List<Edit> edits = new ArrayList<>();

  HoconText(String text) {
    this.text = text;
    scan();
  }

  /**
   * Gives the setting on {@code line}, whose key ends with {@code key} and whose value is {@code
   * old}, another value.
   *
   * @return whether there is one setting like that, and the text is HOCON with it
   */
  boolean replace(int line, String key, String old, String value) {
    return find(line, key, old)
        .map(s -> made(new Edit(s.start(), s.end(), asWritten(s, value))))
        .orElse(false);
  }

  /** Puts a setting behind the one on {@code line}, in its manner. As {@link #replace}. */
  boolean add(int line, String key, String old, String newKey, String value) {
    return find(line, key, old).map(s -> made(behind(s, key, newKey, value))).orElse(false);
  }

  private boolean made(Edit edit) {
    edits.add(edit);
    boolean readable = ConfigFiles.isHocon(edited());
    if (!readable) {
      edits.remove(edit);
    }
    return readable;
  }

  boolean isChanged() {
    return !edits.isEmpty();
  }

  /** With what was replaced and added. */
  String edited() {
    StringBuilder result = new StringBuilder(text);
    edits.stream()
        .sorted(Comparator.comparingInt(Edit::start).reversed())
        .forEach(edit -> result.replace(edit.start(), edit.end(), edit.text()));
    return result.toString();
  }

  private String asWritten(Setting setting, String value) {
    boolean quoted = text.charAt(setting.start()) == '"';
    return quoted || !value.matches("[A-Za-z0-9]+") ? ConfigUtil.quoteString(value) : value;
  }

  /** On a line of its own where the setting has one, else beside it. */
  private Edit behind(Setting setting, String key, String newKey, String value) {
    String path = text.substring(setting.keyStart(), setting.keyEnd());
    boolean quoted = path.endsWith("\"");
    String start =
        path.substring(0, path.length() - key.length() - (quoted ? 2 : 0))
            + (quoted ? ConfigUtil.quoteString(newKey) : newKey);
    int lineStart = text.lastIndexOf('\n', setting.keyStart() - 1) + 1;
    int lineEnd = text.indexOf('\n', setting.end());
    lineEnd = lineEnd < 0 ? text.length() : lineEnd;
    String before = text.substring(lineStart, setting.keyStart());
    String after = text.substring(setting.end(), lineEnd).strip();
    boolean alone = before.isBlank() && (after.isEmpty() || after.matches("(#|//).*"));
    if (!alone) {
      return new Edit(setting.end(), setting.end(), ", " + start + " = " + value);
    }
    boolean windows = lineEnd > 0 && text.charAt(lineEnd - 1) == '\r';
    int at = windows ? lineEnd - 1 : lineEnd;
    String equals = text.substring(setting.keyEnd(), setting.start());
    return new Edit(at, at, (windows ? "\r\n" : "\n") + before + start + equals + value);
  }

  private Optional<Setting> find(int line, String key, String value) {
    List<Setting> found = new ArrayList<>();
    for (int i = 1; i + 1 < tokens.size(); i++) {
      if (isKey(tokens.get(i - 1), key) && isEquals(tokens.get(i)) && tokens.get(i + 1).word()) {
        Setting setting = setting(i);
        if (setting.line() <= line && line <= setting.lastLine() && holds(setting, value)) {
          found.add(setting);
        }
      }
    }
    return found.size() == 1 ? Optional.of(found.get(0)) : Optional.empty();
  }

  /** Around the {@code =} that is token {@code i}. */
  private Setting setting(int i) {
    int first = i - 1;
    while (first > 0
        && tokens.get(first - 1).word()
        && tokens.get(first - 1).end() == tokens.get(first).start()) {
      first--;
    }
    int last = i + 1;
    while (last + 1 < tokens.size() && tokens.get(last + 1).word()) {
      last++;
    }
    Token end = tokens.get(last);
    return new Setting(
        tokens.get(first).start(),
        tokens.get(i - 1).end(),
        tokens.get(i + 1).start(),
        end.end(),
        tokens.get(i + 1).line(),
        end.line() + (int) of(end).chars().filter(c -> c == '\n').count());
  }

  private boolean isKey(Token token, String key) {
    return token.word()
        && (of(token).equals(key)
            || of(token).endsWith("." + key)
            || of(token).equals('"' + key + '"'));
  }

  private boolean isEquals(Token token) {
    return of(token).equals("=") || of(token).equals(":");
  }

  private String of(Token token) {
    return text.substring(token.start(), token.end());
  }

  private boolean holds(Setting setting, String value) {
    try {
      String written = text.substring(setting.start(), setting.end());
      return ConfigFactory.parseString("v = " + written).getString("v").equals(value);
    } catch (ConfigException e) {
      return false;
    }
  }

  private void scan() {
    int line = 1;
    int at = 0;
    while (at < text.length()) {
      char c = text.charAt(at);
      int end = end(at);
      if (c == '\n' || !Character.isWhitespace(c)) {
        tokens.add(new Token(isWord(at), at, end, line));
      }
      line += (int) text.substring(at, end).chars().filter(n -> n == '\n').count();
      at = end;
    }
  }

  private boolean isWord(int at) {
    return "{}[],:=+\n#".indexOf(text.charAt(at)) < 0 && !text.startsWith("//", at);
  }

  private int end(int at) {
    if (text.startsWith("\"\"\"", at)) {
      int close = text.indexOf("\"\"\"", at + 3);
      int end = close < 0 ? text.length() : close + 3;
      // Quotes before the last three belong to the text.
      while (end < text.length() && text.charAt(end) == '"') {
        end++;
      }
      return end;
    }
    if (text.charAt(at) == '"') {
      return endOfQuoted(at);
    }
    if (text.charAt(at) == '#' || text.startsWith("//", at)) {
      int end = text.indexOf('\n', at);
      return end < 0 ? text.length() : end;
    }
    int end = at + 1;
    if (isWord(at) && !Character.isWhitespace(text.charAt(at))) {
      while (end < text.length()
          && isWord(end)
          && text.charAt(end) != '"'
          && !Character.isWhitespace(text.charAt(end))) {
        end++;
      }
    }
    return end;
  }

  private int endOfQuoted(int at) {
    int end = at + 1;
    while (end < text.length() && text.charAt(end) != '"' && text.charAt(end) != '\n') {
      end += text.charAt(end) == '\\' ? 2 : 1;
    }
    return Math.min(text.length(), end + 1);
  }
}
