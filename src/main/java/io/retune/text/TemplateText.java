package io.retune.text;

import static io.retune.text.TemplateValues.NONE;
import static io.retune.text.TemplateValues.text;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Predicate;

/** The methods of Python's str that templates call. */
final class TemplateText {
  private TemplateText() {}

  /**
   * @throws IllegalArgumentException if there is no such method here, or it takes other arguments
   */
  static Object method(String text, String name, TemplateArguments arguments) {
    return switch (name) {
      case "strip", "lstrip", "rstrip" ->
          strip(
              text,
              arguments.bound(name, 0, "chars").get(0),
              !name.equals("rstrip"),
              !name.equals("lstrip"));
      case "startswith" -> isAny(arguments.bound(name, 1, "prefix").get(0), text::startsWith);
      case "endswith" -> isAny(arguments.bound(name, 1, "suffix").get(0), text::endsWith);
      case "removeprefix" -> {
        String prefix = first(name, arguments);
        yield text.startsWith(prefix) ? text.substring(prefix.length()) : text;
      }
      case "removesuffix" -> {
        String suffix = first(name, arguments);
        yield text.endsWith(suffix) ? text.substring(0, text.length() - suffix.length()) : text;
      }
      case "replace" -> replaced(text, arguments.bound(name, 2, "old", "new", "count"));
      case "split" -> split(text, arguments.bound(name, 0, "sep", "maxsplit"));
      case "rsplit" -> splitFromTheEnd(text, arguments.bound(name, 1, "sep", "maxsplit"));
      case "find" -> found(text, text.indexOf(first(name, arguments)));
      case "rfind" -> found(text, text.lastIndexOf(first(name, arguments)));
      case "count" -> count(text, first(name, arguments));
      case "join" -> joined(arguments.bound(name, 1, "items").get(0).orElseThrow(), text);
      default -> {
        Object result = plain(text, name);
        arguments.bound(name, 0);
        yield result;
      }
    };
  }

  private static Object plain(String text, String name) {
    return switch (name) {
      case "upper" -> text.toUpperCase(Locale.ROOT);
      case "lower" -> text.toLowerCase(Locale.ROOT);
      case "capitalize" -> capitalized(text);
      case "title" -> title(text);
      case "splitlines" -> lines(text);
      case "isdigit" -> !text.isEmpty() && text.codePoints().allMatch(Character::isDigit);
      case "isspace" -> !text.isEmpty() && text.codePoints().allMatch(TemplateText::isSpace);
      default -> throw new IllegalArgumentException("the method " + name);
    };
  }

  private static String first(String name, TemplateArguments arguments) {
    return text(arguments.bound(name, 1, "text").get(0).orElseThrow());
  }

  private static boolean isAny(Optional<Object> wanted, Predicate<String> matches) {
    Object one = wanted.orElseThrow();
    List<?> all = one instanceof List<?> several ? several : List.of(one);
    return all.stream().map(TemplateValues::text).anyMatch(matches);
  }

  private static String joined(Object items, String separator) {
    return String.join(
        separator, TemplateValues.items(items).stream().map(TemplateValues::text).toList());
  }

  static String capitalized(String text) {
    if (text.isEmpty()) {
      return text;
    }
    int first = text.offsetByCodePoints(0, 1);
    return text.substring(0, first).toUpperCase(Locale.ROOT)
        + text.substring(first).toLowerCase(Locale.ROOT);
  }

  private static String title(String text) {
    StringBuilder title = new StringBuilder();
    boolean inWord = false;
    for (int c : text.codePoints().toArray()) {
      title.appendCodePoint(inWord ? Character.toLowerCase(c) : Character.toTitleCase(c));
      inWord = Character.isLetter(c);
    }
    return title.toString();
  }

  /** Code points before {@code index}; -1 stays. */
  private static long found(String text, int index) {
    return index < 0 ? -1L : text.codePointCount(0, index);
  }

  private static long count(String text, String part) {
    if (part.isEmpty()) {
      throw new IllegalArgumentException("a count of nothing");
    }
    long count = 0;
    for (int at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + part.length())) {
      count++;
    }
    return count;
  }

  /** Without the given characters, or white space as Python sees it, at its ends. */
  static String strip(String text, Optional<Object> given, boolean left, boolean right) {
    String characters = given.filter(g -> g != NONE).map(TemplateValues::text).orElse(null);
    int begin = 0;
    int end = text.length();
    while (left && begin < end && isStripped(text.codePointAt(begin), characters)) {
      begin += Character.charCount(text.codePointAt(begin));
    }
    while (right && end > begin && isStripped(text.codePointBefore(end), characters)) {
      end -= Character.charCount(text.codePointBefore(end));
    }
    return text.substring(begin, end);
  }

  private static boolean isStripped(int character, String characters) {
    return characters == null ? isSpace(character) : characters.indexOf(character) >= 0;
  }

  /** str.isspace: Java's white space, and what Java leaves out because no line may break there. */
  private static boolean isSpace(int character) {
    return Character.isWhitespace(character) || "\u0085\u00a0\u2007\u202f".indexOf(character) >= 0;
  }

  private static String replaced(String text, List<Optional<Object>> arguments) {
    return replaced(
        text,
        text(arguments.get(0).orElseThrow()),
        text(arguments.get(1).orElseThrow()),
        arguments.get(2));
  }

  /** The first {@code most}, or all. */
  static String replaced(String text, String from, String to, Optional<Object> most) {
    if (most.filter(m -> m != NONE).isEmpty()) {
      return text.replace(from, to);
    }
    if (!(most.get() instanceof Long times) || times < 0 || from.isEmpty()) {
      throw new IllegalArgumentException("a replacement of that many");
    }
    String result = text;
    int at = 0;
    for (long i = 0; i < times; i++) {
      int found = result.indexOf(from, at);
      if (found < 0) {
        break;
      }
      result = result.substring(0, found) + to + result.substring(found + from.length());
      at = found + to.length();
    }
    return result;
  }

  private static long most(Optional<Object> given) {
    return given.orElse(-1L) instanceof Long number && number >= 0 ? number : Long.MAX_VALUE;
  }

  private static String separator(Optional<Object> given) {
    String separator = text(given.orElseThrow());
    if (separator.isEmpty()) {
      throw new IllegalArgumentException("a split at nothing");
    }
    return separator;
  }

  private static List<Object> split(String text, List<Optional<Object>> arguments) {
    if (arguments.get(0).filter(s -> s != NONE).isEmpty()) {
      if (arguments.get(1).isPresent()) {
        throw new IllegalArgumentException("a split at blanks with a limit");
      }
      return words(text);
    }
    String separator = separator(arguments.get(0));
    long most = most(arguments.get(1));
    List<Object> parts = new ArrayList<>();
    int at = 0;
    int found = text.indexOf(separator);
    while (found >= 0 && parts.size() < most) {
      parts.add(text.substring(at, found));
      at = found + separator.length();
      found = text.indexOf(separator, at);
    }
    parts.add(text.substring(at));
    return parts;
  }

  private static List<Object> splitFromTheEnd(String text, List<Optional<Object>> arguments) {
    String separator = separator(arguments.get(0));
    long most = most(arguments.get(1));
    List<Object> parts = new ArrayList<>();
    String left = text;
    for (int found = left.lastIndexOf(separator);
        found >= 0 && parts.size() < most;
        found = left.lastIndexOf(separator)) {
      parts.add(left.substring(found + separator.length()));
      left = left.substring(0, found);
    }
    parts.add(left);
    Collections.reverse(parts);
    return parts;
  }

  /** Between white space. */
  private static List<Object> words(String text) {
    List<Object> words = new ArrayList<>();
    StringBuilder word = new StringBuilder();
    text.codePoints()
        .forEach(
            c -> {
              if (!isSpace(c)) {
                word.appendCodePoint(c);
              } else if (word.length() > 0) {
                words.add(word.toString());
                word.setLength(0);
              }
            });
    if (word.length() > 0) {
      words.add(word.toString());
    }
    return words;
  }

  /** At what str.splitlines takes for a line's end. */
  private static List<Object> lines(String text) {
    List<Object> lines = new ArrayList<>();
    int start = 0;
    for (int i = 0; i < text.length(); i++) {
      if ("\n\r\u000b\f\u001c\u001d\u001e\u0085\u2028\u2029".indexOf(text.charAt(i)) >= 0) {
        lines.add(text.substring(start, i));
        i += text.startsWith("\r\n", i) ? 1 : 0;
        start = i + 1;
      }
    }
    if (start < text.length()) {
      lines.add(text.substring(start));
    }
    return lines;
  }
}
