package io.retune.text;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
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

  /** Longer texts are no chat's. */
  private static final int MOST_CHARS = 16 * 1024 * 1024;

  /** What {@code namespace()} makes: its attributes can be set. */
  static final class Namespace extends HashMap<String, Object> {
    private static final long serialVersionUID = 1L;
  }

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
    } else if (value instanceof List || value instanceof Map) {
      throw new IllegalArgumentException("a list or mapping as text");
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
      int length = text.codePointCount(0, text.length());
      long i = index < 0 ? length + index : index;
      return i >= 0 && i < length ? part(text, (int) i, (int) i + 1) : UNDEFINED;
    }
    return UNDEFINED;
  }

  /** {@code value[from:to]}; {@link #NONE} for an open end. */
  static Object slice(Object value, Object from, Object to) {
    int size =
        value instanceof String text ? text.codePointCount(0, text.length()) : items(value).size();
    int begin = bound(from, 0, size);
    int end = Math.max(begin, bound(to, size, size));
    return value instanceof String text ? part(text, begin, end) : items(value).subList(begin, end);
  }

  /** Python counts code points. */
  private static String part(String text, int begin, int end) {
    return text.substring(text.offsetByCodePoints(0, begin), text.offsetByCodePoints(0, end));
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
      if (a.length() + b.length() > MOST_CHARS) {
        throw new IllegalArgumentException("a text of more than 16 MiB");
      }
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
      case "trim" -> strip(text(value), arguments(name, arguments, 0, 1), true, true);
      case "default" -> otherwise(value, arguments(name, arguments, 1, 2));
      case "join" -> joined(items(value), arguments(name, arguments, 0, 1));
      default -> {
        Object filtered = plainFilter(name, value);
        arguments(name, arguments, 0, 0);
        yield filtered;
      }
    };
  }

  private static Object plainFilter(String name, Object value) {
    return switch (name) {
      case "upper" -> text(value).toUpperCase(Locale.ROOT);
      case "lower" -> text(value).toLowerCase(Locale.ROOT);
      case "string" -> text(value);
      case "length", "count" ->
          value instanceof String text
              ? (Object) (long) text.codePointCount(0, text.length())
              : (Object) (long) items(value).size();
      case "first" -> member(items(value), 0L);
      case "last" -> member(items(value), -1L);
      case "list" -> items(value);
      case "tojson" -> json(value, new StringBuilder()).toString();
      default -> throw new IllegalArgumentException("the filter " + name);
    };
  }

  private static Object otherwise(Object value, List<Object> arguments) {
    boolean falseToo = arguments.size() > 1 && isTrue(arguments.get(1));
    return value == UNDEFINED || (falseToo && !isTrue(value)) ? arguments.get(0) : value;
  }

  private static String joined(List<?> items, List<Object> arguments) {
    String separator = arguments.isEmpty() ? "" : text(arguments.get(0));
    return String.join(separator, items.stream().map(TemplateValues::text).toList());
  }

  private static List<Object> arguments(String name, List<Object> found, int least, int most) {
    if (found.size() < least || found.size() > most) {
      throw new IllegalArgumentException(found.size() + " arguments of " + name);
    }
    return found;
  }

  static Object method(Object value, String name, List<Object> arguments) {
    if (value instanceof String text) {
      return textMethod(text, name, arguments);
    } else if (value instanceof Map<?, ?> && name.equals("get")) {
      Object member = member(value, arguments(name, arguments, 1, 2).get(0));
      return member != UNDEFINED ? member : arguments.size() > 1 ? arguments.get(1) : NONE;
    }
    throw new IllegalArgumentException("the method " + name);
  }

  private static Object textMethod(String text, String name, List<Object> arguments) {
    return switch (name) {
      case "strip" -> strip(text, arguments(name, arguments, 0, 1), true, true);
      case "lstrip" -> strip(text, arguments(name, arguments, 0, 1), true, false);
      case "rstrip" -> strip(text, arguments(name, arguments, 0, 1), false, true);
      case "upper", "lower" -> filter(name, text, arguments);
      case "startswith" -> text.startsWith(text(arguments(name, arguments, 1, 1).get(0)));
      case "endswith" -> text.endsWith(text(arguments(name, arguments, 1, 1).get(0)));
      case "replace" -> replaced(text, arguments(name, arguments, 2, 3));
      case "split" -> split(text, arguments(name, arguments, 0, 2));
      default -> throw new IllegalArgumentException("the method " + name);
    };
  }

  /** Without the given characters, or white space as Python sees it, at its ends. */
  private static String strip(String text, List<Object> arguments, boolean left, boolean right) {
    String characters =
        arguments.isEmpty() || arguments.get(0) == NONE ? null : text(arguments.get(0));
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

  private static String replaced(String text, List<Object> arguments) {
    String from = text(arguments.get(0));
    String to = text(arguments.get(1));
    if (arguments.size() == 2) {
      return text.replace(from, to);
    }
    if (!(arguments.get(2) instanceof Long most) || most < 0 || from.isEmpty()) {
      throw new IllegalArgumentException("a replacement of that many");
    }
    String result = text;
    int at = 0;
    for (long i = 0; i < most; i++) {
      int found = result.indexOf(from, at);
      if (found < 0) {
        break;
      }
      result = result.substring(0, found) + to + result.substring(found + from.length());
      at = found + to.length();
    }
    return result;
  }

  private static List<Object> split(String text, List<Object> arguments) {
    if (arguments.isEmpty()) {
      return words(text);
    }
    String separator = text(arguments.get(0));
    long most = Long.MAX_VALUE;
    if (arguments.size() == 2) {
      most = arguments.get(1) instanceof Long number && number >= 0 ? number : Long.MAX_VALUE;
    }
    if (separator.isEmpty()) {
      throw new IllegalArgumentException("a split at nothing");
    }
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

  /** As json.dumps with ensure_ascii off, which is transformers' tojson. */
  private static StringBuilder json(Object value, StringBuilder out) {
    if (value instanceof Map<?, ?> map) {
      String before = "{";
      for (Map.Entry<?, ?> entry : map.entrySet()) {
        quoted(text(entry.getKey()), out.append(before)).append(": ");
        json(entry.getValue(), out);
        before = ", ";
      }
      return out.append(map.isEmpty() ? "{}" : "}");
    } else if (value instanceof List<?> list) {
      String before = "[";
      for (Object item : list) {
        json(item, out.append(before));
        before = ", ";
      }
      return out.append(list.isEmpty() ? "[]" : "]");
    } else if (value instanceof String text) {
      return quoted(text, out);
    } else if (value == UNDEFINED) {
      throw new IllegalArgumentException("nothing as JSON");
    }
    return out.append(value == NONE ? "null" : value.toString());
  }

  private static StringBuilder quoted(String text, StringBuilder out) {
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
    return out.append('"');
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
