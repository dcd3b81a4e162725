package io.retune.text;

import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Python's repr, which a list or mapping becomes where a template takes it for text. Tuples are
 * lists to us, and private-use characters, of which some are stand-ins, stay as they are.
 */
final class TemplateRepr {
  private static final int LATIN_1 = 0xff;
  private static final int BASIC_PLANE = 0xffff;

  private TemplateRepr() {}

  static String of(Object value) {
    if (value instanceof String text) {
      return quoted(text);
    } else if (value instanceof List<?> list) {
      return list.stream().map(TemplateRepr::of).collect(Collectors.joining(", ", "[", "]"));
    } else if (value instanceof Map<?, ?> map) {
      return map.entrySet().stream()
          .map(entry -> of(entry.getKey()) + ": " + of(entry.getValue()))
          .collect(Collectors.joining(", ", "{", "}"));
    }
    return value == TemplateValues.UNDEFINED ? "Undefined" : TemplateValues.text(value);
  }

  private static String quoted(String text) {
    char quote = text.indexOf('\'') >= 0 && text.indexOf('"') < 0 ? '"' : '\'';
    StringBuilder out = new StringBuilder().append(quote);
    text.codePoints().forEach(c -> append(c, quote, out));
    return out.append(quote).toString();
  }

  private static void append(int c, char quote, StringBuilder out) {
    switch (c) {
      case '\n' -> out.append("\\n");
      case '\r' -> out.append("\\r");
      case '\t' -> out.append("\\t");
      default -> {
        if (c == quote || c == '\\') {
          out.append('\\').appendCodePoint(c);
        } else if (isPrintable(c)) {
          out.appendCodePoint(c);
        } else if (c <= LATIN_1) {
          out.append("\\x%02x".formatted(c));
        } else {
          out.append((c <= BASIC_PLANE ? "\\u%04x" : "\\U%08x").formatted(c));
        }
      }
    }
  }

  /** str.isprintable, but for private use. */
  private static boolean isPrintable(int c) {
    return switch (Character.getType(c)) {
      case Character.CONTROL,
          Character.FORMAT,
          Character.SURROGATE,
          Character.UNASSIGNED,
          Character.LINE_SEPARATOR,
          Character.PARAGRAPH_SEPARATOR ->
          false;
      case Character.SPACE_SEPARATOR -> c == ' ';
      default -> true;
    };
  }
}
