package io.retune.text;

import io.retune.store.Json;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Python's values as templates see them: String, Long, Double, Boolean, List, Map, {@link #NONE}
 * and {@link #UNDEFINED}.
 */
final class TemplateValues {
  static final Object NONE =
      new Object() {
        @Override
        public String toString() {
          return "None";
        }
      };

  /** What a name or key stands for that is not there; an empty text, and false. */
  static final Object UNDEFINED =
      new Object() {
        @Override
        public String toString() {
          return "";
        }
      };

  private TemplateValues() {}

  static boolean isTrue(Object value) {
    if (value instanceof Boolean flag) {
      return flag;
    } else if (value instanceof String text) {
      return !text.isEmpty();
    } else if (value instanceof Number number) {
      return number.doubleValue() != 0;
    } else if (value instanceof List<?> list) {
      return !list.isEmpty();
    } else if (value instanceof Map<?, ?> map) {
      return !map.isEmpty();
    }
    return value != NONE && value != UNDEFINED;
  }

  /** As Python's str. */
  static String text(Object value) {
    if (value instanceof Boolean flag) {
      return flag ? "True" : "False";
    }
    return value.toString();
  }

  static List<?> items(Object value) {
    if (value instanceof List<?> list) {
      return list;
    } else if (value instanceof Map<?, ?> map) {
      return new ArrayList<>(map.keySet());
    } else if (value == UNDEFINED) {
      return List.of();
    }
    throw new IllegalArgumentException("a loop over " + text(value));
  }

  static boolean contains(Object container, Object item) {
    if (container instanceof String text) {
      return item instanceof String part && text.contains(part);
    } else if (container instanceof Map<?, ?> map) {
      return map.containsKey(item);
    }
    return items(container).contains(item);
  }

  /** {@code value.key} or {@code value[key]}. */
  static Object member(Object value, Object key) {
    if (value instanceof Map<?, ?> map) {
      Object member = map.get(key);
      return member == null ? UNDEFINED : member;
    }
    if (key instanceof Long index && value instanceof List<?> list) {
      int i = (int) (index < 0 ? list.size() + index : index);
      return i >= 0 && i < list.size() ? list.get(i) : UNDEFINED;
    }
    if (key instanceof Long index && value instanceof String text) {
      int i = (int) (index < 0 ? text.length() + index : index);
      return i >= 0 && i < text.length() ? text.substring(i, i + 1) : UNDEFINED;
    }
    return UNDEFINED;
  }

  /** {@code value[from:to]}; {@link #NONE} for an open end. */
  static Object slice(Object value, Object from, Object to) {
    int size = value instanceof String text ? text.length() : items(value).size();
    int begin = bound(from, 0, size);
    int end = Math.max(begin, bound(to, size, size));
    return value instanceof String text
        ? text.substring(begin, end)
        : items(value).subList(begin, end);
  }

  private static int bound(Object index, int otherwise, int size) {
    if (!(index instanceof Long number)) {
      return otherwise;
    }
    long from = number < 0 ? size + number : number;
    return (int) Math.max(0, Math.min(size, from));
  }

  static Object add(Object left, Object right) {
    if (left instanceof Long a && right instanceof Long b) {
      return a + b;
    } else if (left instanceof String a && right instanceof String b) {
      return a + b;
    } else if (left instanceof List<?> a && right instanceof List<?> b) {
      List<Object> both = new ArrayList<>(a);
      both.addAll(b);
      return both;
    }
    throw new IllegalArgumentException(text(left) + " + " + text(right));
  }

  static Object filter(String name, Object value, List<Object> arguments) {
    return switch (name) {
      case "trim" -> text(value).strip();
      case "upper" -> text(value).toUpperCase(java.util.Locale.ROOT);
      case "lower" -> text(value).toLowerCase(java.util.Locale.ROOT);
      case "string" -> text(value);
      case "length", "count" ->
          value instanceof String text
              ? (Object) (long) text.codePointCount(0, text.length())
              : (Object) (long) items(value).size();
      case "first" -> member(items(value), 0L);
      case "last" -> member(items(value), -1L);
      case "list" -> items(value);
      case "tojson" -> Json.write(value);
      case "default" -> value == UNDEFINED ? arguments.get(0) : value;
      case "join" ->
          String.join(
              arguments.isEmpty() ? "" : text(arguments.get(0)),
              items(value).stream().map(TemplateValues::text).toList());
      default -> throw new IllegalArgumentException("the filter " + name);
    };
  }

  static Object method(Object value, String name, List<Object> arguments) {
    if (value instanceof String text) {
      return switch (name) {
        case "strip" -> text.strip();
        case "lstrip" -> text.stripLeading();
        case "rstrip" -> text.stripTrailing();
        case "upper" -> text.toUpperCase(java.util.Locale.ROOT);
        case "lower" -> text.toLowerCase(java.util.Locale.ROOT);
        case "startswith" -> text.startsWith(text(arguments.get(0)));
        case "endswith" -> text.endsWith(text(arguments.get(0)));
        case "replace" -> text.replace(text(arguments.get(0)), text(arguments.get(1)));
        case "split" ->
            List.of(text.split(java.util.regex.Pattern.quote(text(arguments.get(0))), -1));
        default -> throw new IllegalArgumentException("the method " + name);
      };
    } else if (value instanceof Map<?, ?> && name.equals("get")) {
      Object member = member(value, arguments.get(0));
      return member != UNDEFINED ? member : arguments.size() > 1 ? arguments.get(1) : NONE;
    }
    throw new IllegalArgumentException("the method " + name);
  }

  static boolean test(String name, Object value) {
    return switch (name) {
      case "defined" -> value != UNDEFINED;
      case "undefined" -> value == UNDEFINED;
      case "none" -> value == NONE;
      case "string" -> value instanceof String;
      case "number" -> value instanceof Number;
      case "mapping" -> value instanceof Map;
      case "iterable", "sequence" ->
          value instanceof List || value instanceof String || value instanceof Map;
      case "true" -> Boolean.TRUE.equals(value);
      case "false" -> Boolean.FALSE.equals(value);
      default -> throw new IllegalArgumentException("the test " + name);
    };
  }
}
