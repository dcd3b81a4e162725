package io.retune.config;

import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * JSON with one text for one value (RFC 8785): keys sorted by UTF-16 code unit, no blanks, numbers
 * as ECMAScript prints them, only the escapes that must be. Of maps, lists, strings, booleans and
 * numbers; whole numbers beyond 2^53 have no such text and are refused.
 */
public final class CanonicalJson {
  /** Above it not every whole number is a double. */
  static final long LARGEST_WHOLE = (1L << 53) - 1;

  /** A double never needs more significant decimal digits to be read back. */
  private static final int DIGITS_OF_DOUBLE = 17;

  private CanonicalJson() {}

  public static String write(Object value) {
    StringBuilder out = new StringBuilder();
    write(value, out);
    return out.toString();
  }

  /** SHA-256 of the UTF-8 text, in lower-case hexadecimal. The package of digests comes later. */
  static String sha256(String text) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      return HexFormat.of().formatHex(digest.digest(text.getBytes(StandardCharsets.UTF_8)));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("Every Java platform has SHA-256", e);
    }
  }

  private static void write(Object value, StringBuilder out) {
    if (value instanceof Map<?, ?> map) {
      writeMap(map, out);
    } else if (value instanceof List<?> list) {
      writeList(list, out);
    } else if (value instanceof String text) {
      writeText(text, out);
    } else if (value instanceof Boolean) {
      out.append(value);
    } else if (value instanceof Integer || value instanceof Long) {
      out.append(whole(((Number) value).longValue()));
    } else if (value instanceof Double number) {
      out.append(number(number));
    } else {
      throw new IllegalStateException("Not a JSON value: " + value);
    }
  }

  private static void writeMap(Map<?, ?> map, StringBuilder out) {
    Map<String, Object> sorted = new TreeMap<>();
    map.forEach((key, value) -> sorted.put((String) key, value));
    String separator = "{";
    for (Map.Entry<String, Object> entry : sorted.entrySet()) {
      out.append(separator);
      writeText(entry.getKey(), out);
      out.append(':');
      write(entry.getValue(), out);
      separator = ",";
    }
    out.append(sorted.isEmpty() ? "{}" : "}");
  }

  private static void writeList(List<?> list, StringBuilder out) {
    String separator = "[";
    for (Object element : list) {
      out.append(separator);
      write(element, out);
      separator = ",";
    }
    out.append(list.isEmpty() ? "[]" : "]");
  }

  private static void writeText(String text, StringBuilder out) {
    out.append('"');
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case '"' -> out.append("\\\"");
        case '\\' -> out.append("\\\\");
        case '\b' -> out.append("\\b");
        case '\f' -> out.append("\\f");
        case '\n' -> out.append("\\n");
        case '\r' -> out.append("\\r");
        case '\t' -> out.append("\\t");
        default -> out.append(c < ' ' ? String.format("\\u%04x", (int) c) : String.valueOf(c));
      }
    }
    out.append('"');
  }

  private static long whole(long value) {
    if (Math.abs(value) > LARGEST_WHOLE) {
      throw new IllegalStateException(value + " has no canonical JSON");
    }
    return value;
  }

  /** ECMA-262, Number::toString with radix 10. */
  static String number(double value) {
    if (Double.isNaN(value) || Double.isInfinite(value)) {
      throw new IllegalStateException(value + " has no JSON");
    }
    if (value == 0) {
      return "0";
    }
    BigDecimal shortest = shortest(Math.abs(value)).stripTrailingZeros();
    String digits = shortest.unscaledValue().toString();
    int point = digits.length() - shortest.scale();
    return (value < 0 ? "-" : "") + layout(digits, point);
  }

  /** The decimal of fewest digits that reads back as {@code value} (JDK-4511638: not toString). */
  private static BigDecimal shortest(double value) {
    BigDecimal exact = new BigDecimal(value);
    for (int digits = 1; digits < DIGITS_OF_DOUBLE; digits++) {
      BigDecimal rounded = exact.round(new MathContext(digits, RoundingMode.HALF_EVEN));
      if (rounded.doubleValue() == value) {
        return rounded;
      }
    }
    return exact.round(new MathContext(DIGITS_OF_DOUBLE, RoundingMode.HALF_EVEN));
  }

  /** {@code 0.digits x 10^point}, written out where ECMAScript does so: from 1e-6 to below 1e21. */
  private static String layout(String digits, int point) {
    int n = digits.length();
    if (n <= point && point <= 21) {
      return digits + "0".repeat(point - n);
    }
    if (0 < point && point <= 21) {
      return digits.substring(0, point) + "." + digits.substring(point);
    }
    if (-6 < point && point <= 0) {
      return "0." + "0".repeat(-point) + digits;
    }
    String mantissa = n == 1 ? digits : digits.charAt(0) + "." + digits.substring(1);
    return mantissa + "e" + (point > 0 ? "+" : "-") + Math.abs(point - 1);
  }
}
