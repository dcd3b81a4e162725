package io.retune.text;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * JSON as Python's {@code json.dumps(value, ensure_ascii=False)} writes it, which is transformers'
 * {@code tojson}: keys in the order they came in, and blanks behind commas and colons.
 */
final class TemplateJson {
  private final Optional<String> indent;
  private final String afterItem;
  private final String afterKey;
  private final boolean sorted;
  private final StringBuilder out = new StringBuilder();

  private TemplateJson(Optional<String> indent, String afterItem, String afterKey, boolean sorted) {
    this.indent = indent;
    this.afterItem = afterItem;
    this.afterKey = afterKey;
    this.sorted = sorted;
  }

  /**
   * @param arguments transformers': ensure_ascii, indent, separators, sort_keys
   * @throws IllegalArgumentException if the value, or what is asked for, has no place in JSON
   */
  static String write(Object value, TemplateArguments arguments) {
    List<Optional<Object>> bound =
        arguments.bound("tojson", 0, "ensure_ascii", "indent", "separators", "sort_keys");
    if (TemplateValues.isTrue(bound.get(0).orElse(false))) {
      throw new IllegalArgumentException("tojson with ensure_ascii");
    }
    Optional<String> indent =
        bound.get(1).filter(i -> i != TemplateValues.NONE).map(TemplateJson::indent);
    List<?> separators =
        bound
            .get(2)
            .filter(s -> s != TemplateValues.NONE)
            .<List<?>>map(TemplateValues::items)
            .orElseGet(() -> List.of(indent.isPresent() ? "," : ", ", ": "));
    if (separators.size() != 2) {
      throw new IllegalArgumentException("tojson with other than two separators");
    }
    TemplateJson json =
        new TemplateJson(
            indent,
            TemplateValues.text(separators.get(0)),
            TemplateValues.text(separators.get(1)),
            TemplateValues.isTrue(bound.get(3).orElse(false)));
    json.write(value, "\n");
    return json.out.toString();
  }

  private static String indent(Object indent) {
    return indent instanceof Long blanks
        ? " ".repeat((int) Math.max(0, Math.min(blanks, 100)))
        : TemplateValues.text(indent);
  }

  /**
   * @param line what a new line starts with
   */
  private void write(Object value, String line) {
    if (value instanceof Map<?, ?> map) {
      writeMap(map, line);
    } else if (value instanceof List<?> list) {
      writeList(list, line);
    } else if (value instanceof String text) {
      quote(text);
    } else if (value instanceof Boolean || value instanceof Number) {
      out.append(number(value));
    } else if (value == TemplateValues.NONE) {
      out.append("null");
    } else {
      throw new IllegalArgumentException(
          value == TemplateValues.UNDEFINED ? "nothing as JSON" : "a function as JSON");
    }
  }

  private static String number(Object value) {
    if (value instanceof Boolean flag) {
      return flag.toString();
    }
    return switch (TemplateValues.text(value)) {
      case "inf" -> "Infinity";
      case "-inf" -> "-Infinity";
      case "nan" -> "NaN";
      default -> TemplateValues.text(value);
    };
  }

  private void writeMap(Map<?, ?> map, String line) {
    if (map.isEmpty()) {
      out.append("{}");
      return;
    }
    List<Map.Entry<?, ?>> entries = new ArrayList<>(map.entrySet());
    if (sorted) {
      entries.sort((a, b) -> TemplateValues.compare(a.getKey(), b.getKey()));
    }
    String inner = indent.map(i -> line + i).orElse("");
    String before = "{";
    for (Map.Entry<?, ?> entry : entries) {
      out.append(before).append(inner);
      quote(TemplateValues.text(entry.getKey()));
      out.append(afterKey);
      write(entry.getValue(), inner);
      before = afterItem;
    }
    out.append(indent.isPresent() ? line : "").append('}');
  }

  private void writeList(List<?> list, String line) {
    if (list.isEmpty()) {
      out.append("[]");
      return;
    }
    String inner = indent.map(i -> line + i).orElse("");
    String before = "[";
    for (Object item : list) {
      out.append(before).append(inner);
      write(item, inner);
      before = afterItem;
    }
    out.append(indent.isPresent() ? line : "").append(']');
  }

  private void quote(String text) {
    out.append('"');
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case '"', '\\' -> out.append('\\').append(c);
        case '\n' -> out.append("\\n");
        case '\r' -> out.append("\\r");
        case '\t' -> out.append("\\t");
        case '\b' -> out.append("\\b");
        case '\f' -> out.append("\\f");
        default -> out.append(c < ' ' ? "\\u%04x".formatted((int) c) : String.valueOf(c));
      }
    }
    out.append('"');
  }
}
