package io.retune.text;

import com.fasterxml.jackson.databind.JsonNode;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Python's values as templates see them: String, Long, BigInteger beyond it, Double, Boolean, List,
 * Map, {@link #NONE}, {@link #UNDEFINED} and functions.
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

  private static final Set<String> MAP_METHODS =
      Set.of("copy", "get", "items", "keys", "pop", "popitem", "setdefault", "update", "values");

  /** What {@code namespace()} makes: its attributes can be set. */
  static final class Namespace extends HashMap<String, Object> {
    private static final long serialVersionUID = 1L;
  }

  private TemplateValues() {}

  /** JSON as Python's json.loads reads it. */
  static Object of(JsonNode json) {
    if (json.isObject()) {
      Map<String, Object> map = new LinkedHashMap<>();
      json.fields().forEachRemaining(f -> map.put(f.getKey(), of(f.getValue())));
      return Collections.unmodifiableMap(map);
    } else if (json.isArray()) {
      List<Object> list = new ArrayList<>();
      json.forEach(item -> list.add(of(item)));
      return Collections.unmodifiableList(list);
    } else if (json.isTextual()) {
      return json.textValue();
    } else if (json.isBoolean()) {
      return json.booleanValue();
    } else if (json.isIntegralNumber()) {
      return json.canConvertToLong() ? (Object) json.longValue() : json.bigIntegerValue();
    } else if (json.isNumber()) {
      return json.doubleValue();
    }
    return NONE;
  }

  static boolean isTrue(Object value) {
    if (value instanceof Boolean flag) {
      return flag;
    } else if (value instanceof String text) {
      return !text.isEmpty();
    } else if (value instanceof Number number) {
      return number.doubleValue() != 0;
    } else if (value instanceof List<?> list) {
      return !list.isEmpty();
    } else if (value instanceof Namespace) {
      return true;
    } else if (value instanceof Map<?, ?> map) {
      return !map.isEmpty();
    }
    return value != NONE && value != UNDEFINED;
  }

  /** As Python's str. */
  static String text(Object value) {
    if (value instanceof Boolean flag) {
      return flag ? "True" : "False";
    } else if (value instanceof Double number) {
      return decimal(number);
    } else if (value instanceof List || value instanceof Map) {
      return TemplateRepr.of(value);
    } else if (value instanceof TemplateFunction) {
      throw new IllegalArgumentException("a function as text");
    }
    return value.toString();
  }

  /** As Python's repr of a float: the fewest digits that read back as the same. */
  private static String decimal(double number) {
    if (Double.isNaN(number) || Double.isInfinite(number)) {
      return Double.isNaN(number) ? "nan" : number < 0 ? "-inf" : "inf";
    } else if (number == 0) {
      return 1 / number < 0 ? "-0.0" : "0.0";
    }
    BigDecimal exact = new BigDecimal(number);
    BigDecimal shortest = exact;
    for (int digits = 1; digits <= 17; digits++) {
      shortest = exact.round(new MathContext(digits, RoundingMode.HALF_EVEN));
      if (shortest.doubleValue() == number) {
        break;
      }
    }
    shortest = shortest.stripTrailingZeros();
    int exponent = shortest.precision() - shortest.scale() - 1;
    if (exponent >= -4 && exponent < 16) {
      return shortest.scale() > 0 ? shortest.toPlainString() : shortest.toPlainString() + ".0";
    }
    String digits = shortest.unscaledValue().abs().toString();
    return (number < 0 ? "-" : "")
        + digits.charAt(0)
        + (digits.length() > 1 ? "." + digits.substring(1) : "")
        + (exponent < 0 ? "e-" : "e+")
        + (Math.abs(exponent) < 10 ? "0" : "")
        + Math.abs(exponent);
  }

  /** As Python's ==. */
  static boolean equal(Object left, Object right) {
    if (isNumber(left) && isNumber(right)) {
      return exact(left).compareTo(exact(right)) == 0;
    } else if (left instanceof List<?> a && right instanceof List<?> b) {
      if (a.size() != b.size()) {
        return false;
      }
      Iterator<?> others = b.iterator();
      return a.stream().allMatch(item -> equal(item, others.next()));
    } else if (left instanceof Map<?, ?> a && right instanceof Map<?, ?> b) {
      return a.size() == b.size()
          && a.entrySet().stream()
              .allMatch(e -> b.containsKey(e.getKey()) && equal(e.getValue(), b.get(e.getKey())));
    }
    return left.equals(right);
  }

  /** A truth value is 0 or 1. Infinite ones are no chat's. */
  private static boolean isNumber(Object value) {
    return value instanceof Boolean
        || (value instanceof Number number && Double.isFinite(number.doubleValue()));
  }

  private static BigDecimal exact(Object number) {
    if (number instanceof Boolean flag) {
      return flag ? BigDecimal.ONE : BigDecimal.ZERO;
    } else if (number instanceof Double decimal) {
      return new BigDecimal(decimal);
    }
    return number instanceof BigInteger big
        ? new BigDecimal(big)
        : BigDecimal.valueOf(((Number) number).longValue());
  }

  /** As Python's order of numbers, or of texts. */
  static int compare(Object left, Object right) {
    if (isNumber(left) && isNumber(right)) {
      return exact(left).compareTo(exact(right));
    } else if (left instanceof String a && right instanceof String b) {
      return compareCodePoints(a, b);
    }
    throw new IllegalArgumentException(
        "arithmetic with " + text(isNumber(left) || left instanceof String ? right : left));
  }

  private static int compareCodePoints(String left, String right) {
    int[] a = left.codePoints().toArray();
    int[] b = right.codePoints().toArray();
    return Arrays.compare(a, b);
  }

  static List<?> items(Object value) {
    if (value instanceof List<?> list) {
      return list;
    } else if (value instanceof Map<?, ?> map) {
      return new ArrayList<>(map.keySet());
    } else if (value instanceof String text) {
      return text.codePoints().mapToObj(Character::toString).toList();
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
    return items(container).stream().anyMatch(each -> equal(each, item));
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

  /** {@code value.name}: of a mapping, Python would find its methods first. */
  static Object attribute(Object value, String name) {
    if (value instanceof Map && !(value instanceof Namespace) && MAP_METHODS.contains(name)) {
      throw new IllegalArgumentException("the method " + name + " without a call");
    }
    return member(value, name);
  }

  /**
   * {@code value[from:to:step]}, as CPython's PySlice_AdjustIndices counts; {@link #NONE} where
   * nothing is given.
   */
  static Object slice(Object value, Object from, Object to, Object step) {
    long stride = step instanceof Long number ? number : 1;
    if (stride == 0) {
      throw new IllegalArgumentException("a slice by steps of 0");
    }
    List<?> items = items(value);
    long size = items.size();
    long begin = bound(from, stride > 0 ? 0 : size - 1, size, stride);
    long end = bound(to, stride > 0 ? size : -1, size, stride);
    List<Object> taken = new ArrayList<>();
    for (long i = begin; stride > 0 ? i < end : i > end; i += stride) {
      taken.add(items.get((int) i));
    }
    return value instanceof String
        ? String.join("", taken.stream().map(TemplateValues::text).toList())
        : taken;
  }

  private static long bound(Object index, long otherwise, long size, long stride) {
    if (!(index instanceof Long number)) {
      return otherwise;
    }
    long from = number < 0 ? size + number : number;
    return stride > 0 ? Math.max(0, Math.min(size, from)) : Math.max(-1, Math.min(size - 1, from));
  }

  /** Python counts code points. */
  private static String part(String text, int begin, int end) {
    return text.substring(text.offsetByCodePoints(0, begin), text.offsetByCodePoints(0, end));
  }

  static Object add(Object left, Object right) {
    if (left instanceof Number && right instanceof Number) {
      return arithmetic("+", left, right);
    } else if (left instanceof String a && right instanceof String b) {
      return shortEnough((long) a.length() + b.length(), a, b);
    } else if (left instanceof List<?> a && right instanceof List<?> b) {
      List<Object> both = new ArrayList<>(a);
      both.addAll(b);
      return both;
    }
    throw new IllegalArgumentException(text(left) + " + " + text(right));
  }

  private static String shortEnough(long length, String... parts) {
    if (length > MOST_CHARS) {
      throw new IllegalArgumentException("a text of more than 16 MiB");
    }
    return String.join("", parts);
  }

  /** Of numbers; a text may be repeated. */
  static Object multiply(Object left, Object right) {
    if (left instanceof String text && right instanceof Long times) {
      long count = Math.max(0, times);
      shortEnough(Math.multiplyExact(text.length(), count));
      return text.repeat((int) count);
    } else if (left instanceof Long && right instanceof String) {
      return multiply(right, left);
    }
    return arithmetic("*", left, right);
  }

  /**
   * {@code +}, {@code -}, {@code *}, {@code //} and {@code %} of integers, the first three of
   * floats.
   */
  static Object arithmetic(String operator, Object left, Object right) {
    if (left instanceof Long a && right instanceof Long b) {
      return switch (operator) {
        case "+" -> Math.addExact(a, b);
        case "-" -> Math.subtractExact(a, b);
        case "*" -> Math.multiplyExact(a, b);
        case "//" -> Math.floorDiv(a, b);
        default -> Math.floorMod(a, b);
      };
    }
    double a = float64(left);
    double b = float64(right);
    return switch (operator) {
      case "+" -> a + b;
      case "-" -> a - b;
      case "*" -> a * b;
      default -> throw new IllegalArgumentException("the operator " + operator + " of floats");
    };
  }

  private static double float64(Object value) {
    if (value instanceof Long || value instanceof Double) {
      return ((Number) value).doubleValue();
    }
    throw new IllegalArgumentException("arithmetic with " + text(value));
  }

  static Object method(Object value, String name, TemplateArguments arguments) {
    if (value instanceof String text) {
      return TemplateText.method(text, name, arguments);
    } else if (value instanceof Map<?, ?> map) {
      return mapMethod(map, name, arguments);
    } else if (value instanceof List<?> list) {
      return listMethod(list, name, arguments);
    }
    throw new IllegalArgumentException("the method " + name);
  }

  private static Object listMethod(List<?> list, String name, TemplateArguments arguments) {
    if (!name.equals("count") && !name.equals("index")) {
      throw new IllegalArgumentException("the method " + name);
    }
    Object item = arguments.bound(name, 1, "value").get(0).orElseThrow();
    if (name.equals("count")) {
      return list.stream().filter(each -> equal(each, item)).count();
    }
    for (int i = 0; i < list.size(); i++) {
      if (equal(list.get(i), item)) {
        return (long) i;
      }
    }
    throw new IllegalArgumentException("the index of what is not there");
  }

  /** A function that is the value of a key is called as one. */
  private static Object mapMethod(Map<?, ?> map, String name, TemplateArguments arguments) {
    switch (name) {
      case "get" -> {
        List<Optional<Object>> bound = arguments.bound(name, 1, "key", "default");
        Object member = member(map, bound.get(0).orElseThrow());
        return member != UNDEFINED ? member : bound.get(1).orElse(NONE);
      }
      case "items" -> {
        arguments.bound(name, 0);
        return pairs(map);
      }
      case "keys" -> {
        arguments.bound(name, 0);
        return new ArrayList<>(map.keySet());
      }
      case "values" -> {
        arguments.bound(name, 0);
        return new ArrayList<>(map.values());
      }
      default -> {
        if (map.get(name) instanceof TemplateFunction function) {
          return function.call(arguments);
        }
        throw new IllegalArgumentException("the method " + name);
      }
    }
  }

  /** Each a key and its value, in the order they came in. */
  static List<Object> pairs(Map<?, ?> map) {
    List<Object> pairs = new ArrayList<>();
    map.forEach((key, value) -> pairs.add(List.of(key, value)));
    return pairs;
  }
}
