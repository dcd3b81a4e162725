package io.retune.config;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Pattern;

/**
 * One thing that ends a command, as its reader is told of it: each part in a line, secrets hidden,
 * what would fill the screen cut, what would move a terminal's cursor written as an escape.
 *
 * @param code the kind of mistake
 * @param place where: {@code file:line}, a path, a table, a key or an argument; never empty
 * @param message what was found there, quoting the offending value; a sentence
 * @param remedy what is allowed, or what to do; a sentence
 */
public record Problem(ErrorCode code, String place, String message, String remedy)
    implements Serializable {
  /** More of one kind than this help nobody. */
  public static final int MOST_SHOWN = 20;

  /** What a person reads to the end. */
  private static final int MOST_CHARACTERS = 1000;

  private static final String CUT = " ... ";

  /** Of a text that is cut, since a message ends with what is wrong with what it quotes. */
  private static final int LAST_CHARACTERS = 250;

  private static final Pattern LINE_END = Pattern.compile("\\s*\\R\\s*");

  private static final Pattern CONTROL = Pattern.compile("\\p{Cc}");

  public Problem {
    Objects.requireNonNull(code);
    place = told(place);
    message = sentence(told(message));
    remedy = told(remedy);
    if (place.isBlank() || message.isBlank() || remedy.isBlank()) {
      throw new IllegalArgumentException("A problem needs a place, a message and a remedy");
    }
  }

  private static String told(String text) {
    String hidden = Secrets.hideQueries(text);
    String line = LINE_END.matcher(hidden.strip()).replaceAll(" ");
    return cut(
        CONTROL
            .matcher(line)
            .replaceAll(found -> "\\\\u%04x".formatted((int) found.group().charAt(0))));
  }

  /** What others say, Java or a server, often has no full stop. */
  private static String sentence(String text) {
    return !text.isEmpty() && Character.isLetterOrDigit(text.charAt(text.length() - 1))
        ? text + "."
        : text;
  }

  private static String cut(String text) {
    if (text.length() <= MOST_CHARACTERS) {
      return text;
    }
    int head = MOST_CHARACTERS - CUT.length() - LAST_CHARACTERS;
    int tail = text.length() - LAST_CHARACTERS;
    // Not between the two halves of a character.
    return text.substring(0, Character.isHighSurrogate(text.charAt(head - 1)) ? head - 1 : head)
        + CUT
        + text.substring(Character.isLowSurrogate(text.charAt(tail)) ? tail + 1 : tail);
  }

  /** A file of text that is none. */
  public static Problem notUtf8(String file) {
    return new Problem(ErrorCode.NOT_UTF8, file, "is not UTF-8.", "Convert it, as iconv does.");
  }

  /** The same, of another place. */
  public Problem at(String elsewhere) {
    return new Problem(code, elsewhere, message, remedy);
  }

  /** As a program reads it. */
  public Map<String, String> fields() {
    Map<String, String> fields = new LinkedHashMap<>();
    fields.put("code", code.toString());
    fields.put("place", place);
    fields.put("message", message);
    fields.put("remedy", remedy);
    return fields;
  }

  private String found() {
    return place + ": " + message + " [" + code + "]";
  }

  /** {@code place: message [code]} and, indented below it, the remedy. */
  @Override
  public String toString() {
    return found() + "\n  " + remedy;
  }

  /** All of them, a remedy that several in a row have in common only once. */
  static String toString(List<Problem> problems) {
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < problems.size(); i++) {
      boolean common =
          i + 1 < problems.size() && problems.get(i).remedy.equals(problems.get(i + 1).remedy);
      lines.add(common ? problems.get(i).found() : problems.get(i).toString());
    }
    return String.join("\n", lines);
  }
}
