package io.retune.report;

import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.Locale;

/** How figures are written. */
final class Figures {
  private static final DateTimeFormatter DAY_AND_TIME =
      DateTimeFormatter.ofPattern("d MMMM yyyy, HH:mm 'UTC'", Locale.ENGLISH)
          .withZone(ZoneOffset.UTC);

  private static final String[] BYTE_UNITS = {"B", "kB", "MB", "GB", "TB"};

  private Figures() {}

  static String count(long count) {
    return typeset(String.format(Locale.ROOT, "%,d", count));
  }

  /** {@code 1 step}, {@code 2 steps}. */
  static String count(long count, String what) {
    return count(count) + " " + what + (count == 1 ? "" : "s");
  }

  static String fixed(double value, int digits) {
    String text = String.format(Locale.ROOT, "%,." + digits + "f", value);
    boolean zero = text.chars().noneMatch(c -> c >= '1' && c <= '9');
    return typeset(zero ? text.replace("-", "") : text);
  }

  /** With its sign; three digits that say something where these would hide that it is not 0. */
  static String signed(double value, int digits) {
    boolean hidden = value != 0 && Math.abs(value) < 0.5 * Math.pow(10, -digits);
    String text = hidden ? significant(value) : fixed(value, digits);
    return value > 0 ? "+" + text : text;
  }

  /** Three digits that say something. */
  static String significant(double value) {
    double size = Math.abs(value);
    if (size == 0 || !Double.isFinite(value)) {
      return size == 0 ? "0" : String.valueOf(value);
    }
    int exponent = (int) Math.floor(Math.log10(size));
    if (exponent < -3 || exponent > 6) {
      return typeset(String.format(Locale.ROOT, "%.2e", value).replaceAll("\\.?0+e", "e"));
    }
    return fixed(value, Math.max(0, 2 - exponent));
  }

  /** As short as it can be said, for axes. */
  static String plain(double value) {
    double size = Math.abs(value);
    if (size != 0 && (size < 1e-3 || size >= 1e7)) {
      return typeset(
          String.format(Locale.ROOT, "%.2e", value)
              .replaceAll("\\.?0+e", "e")
              .replaceAll("e([+-])0", "e$1")
              .replace("e+", "e"));
    }
    String text = String.format(Locale.ROOT, "%,.4f", value).replaceAll("\\.?0+$", "");
    return typeset(text);
  }

  /** A number as SVG reads it. */
  static String coordinate(double value) {
    String text = String.format(Locale.ROOT, "%.1f", value);
    return text.endsWith(".0") ? text.substring(0, text.length() - 2) : text;
  }

  private static String typeset(String number) {
    return number.replace('-', '\u2212');
  }

  static String percent(double share) {
    return plain(Math.round(share * 1000) / 10.0) + " %";
  }

  static String bytes(long bytes) {
    double value = bytes;
    int unit = 0;
    while (value >= 1000 && unit < BYTE_UNITS.length - 1) {
      value /= 1000;
      unit++;
    }
    return (unit == 0 ? count(bytes) : significant(value)) + " " + BYTE_UNITS[unit];
  }

  static String duration(long milliseconds) {
    Duration time = Duration.ofMillis(milliseconds);
    if (milliseconds < 1000) {
      return count(milliseconds) + " ms";
    } else if (time.toMinutes() < 1) {
      return fixed(milliseconds / 1000.0, 1) + " s";
    } else if (time.toHours() < 1) {
      return time.toMinutes() + " min " + time.toSecondsPart() + " s";
    }
    return time.toHours() + " h " + time.toMinutesPart() + " min";
  }

  /** Of an RFC 3339 time. */
  static String time(String time) {
    return DAY_AND_TIME.format(Instant.parse(time));
  }

  static long millisecondsBetween(String from, String to) {
    return ChronoUnit.MILLIS.between(Instant.parse(from), Instant.parse(to));
  }
}
