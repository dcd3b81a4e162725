package io.retune.config;

import com.typesafe.config.ConfigList;
import com.typesafe.config.ConfigObject;
import com.typesafe.config.ConfigRenderOptions;
import com.typesafe.config.ConfigValue;
import com.typesafe.config.ConfigValueType;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a key's value may be.
 *
 * @param expected one sentence for the user: what is allowed, with an example
 * @param standIn what goes in place of a value that was refused, so that reading goes on
 */
record Kind<T>(String expected, T standIn, Parser<T> parser) {
  private static final int MAX_QUOTED_CHARACTERS = 80;

  /** Reads a value or says in a few words why not. */
  @FunctionalInterface
  interface Parser<T> {
    T parse(ConfigValue value) throws Refusal;
  }

  /** The few words, as they stand after the value: {@code is not a number}. */
  static final class Refusal extends Exception {
    private static final long serialVersionUID = 1L;

    private final ErrorCode code;
    private final boolean quotes;

    Refusal(ErrorCode code, String words) {
      this(code, words, true);
    }

    private Refusal(ErrorCode code, String words, boolean quotes) {
      super(words);
      this.code = code;
      this.quotes = quotes;
    }

    /** Of a value that may hold a secret. */
    static Refusal unquoted(ErrorCode code, String words) {
      return new Refusal(code, words, false);
    }

    ErrorCode code() {
      return code;
    }

    /** Whether the value is told with it. */
    boolean quotes() {
      return quotes;
    }
  }

  T parse(ConfigValue value) throws Refusal {
    return parser.parse(value);
  }

  /** The value as the user wrote it, cut to a length that can be read. */
  static String shown(ConfigValue value) {
    String text =
        switch (value.valueType()) {
          case OBJECT -> "{...}";
          case LIST -> shownList((ConfigList) value);
          case NUMBER -> asWritten(value);
          default -> value.render(ConfigRenderOptions.concise());
        };
    return text.length() <= MAX_QUOTED_CHARACTERS
        ? text
        : text.substring(0, MAX_QUOTED_CHARACTERS) + "...";
  }

  private static String shownList(ConfigList list) {
    return list.stream().anyMatch(ConfigObject.class::isInstance)
        ? "[...]"
        : list.render(ConfigRenderOptions.concise());
  }

  /** Digits as they stand in the file: those of a digest may happen to look like a number. */
  private static String asWritten(ConfigValue number) {
    return number.atKey("number").getString("number");
  }

  static Kind<Long> wholeNumber(long least, long most) {
    String range =
        most >= Integer.MAX_VALUE ? "of at least " + least : "from " + least + " to " + most;
    return new Kind<>(
        "Expected a whole number " + range + ".", least, v -> ranged(whole(v), least, most));
  }

  private static long ranged(long n, long least, long most) throws Refusal {
    if (n < least || n > most) {
      throw new Refusal(ErrorCode.OUT_OF_RANGE, "is out of range");
    }
    return n;
  }

  private static long whole(ConfigValue value) throws Refusal {
    if (value.valueType() != ConfigValueType.NUMBER) {
      throw new Refusal(ErrorCode.NOT_A_NUMBER, "is not a whole number");
    }
    double number = ((Number) value.unwrapped()).doubleValue();
    if (number != Math.rint(number) || Math.abs(number) > CanonicalJson.LARGEST_WHOLE) {
      throw new Refusal(ErrorCode.NOT_A_NUMBER, "is not a whole number");
    }
    return (long) number;
  }

  static Kind<Double> number(String what, String example, double standIn, Predicate<Double> in) {
    return new Kind<>(
        "Expected " + what + " such as " + example + ".",
        standIn,
        value -> {
          if (value.valueType() != ConfigValueType.NUMBER) {
            throw new Refusal(ErrorCode.NOT_A_NUMBER, "is not a number");
          }
          double number = ((Number) value.unwrapped()).doubleValue();
          if (!Double.isFinite(number) || !in.test(number)) {
            throw new Refusal(ErrorCode.OUT_OF_RANGE, "is out of range");
          }
          return number == 0 ? 0.0 : number;
        });
  }

  static Kind<Double> positive(String example) {
    return number("a positive decimal", example, 1.0, n -> n > 0);
  }

  static Kind<Boolean> flag() {
    return new Kind<>(
        "Expected true or false.",
        false,
        value -> {
          if (value.valueType() != ConfigValueType.BOOLEAN) {
            throw new Refusal(ErrorCode.WRONG_TYPE, "is neither true nor false");
          }
          return (Boolean) value.unwrapped();
        });
  }

  /** Text that matches; {@code expected} is the whole sentence for the user. */
  static Kind<String> text(ErrorCode code, String expected, String refusal, Pattern pattern) {
    return new Kind<>(
        expected,
        "",
        value -> {
          String text = string(value);
          if (!pattern.matcher(text).matches()) {
            throw new Refusal(code, refusal);
          }
          return text;
        });
  }

  static Kind<String> text(String expected) {
    return text(ErrorCode.EMPTY_VALUE, expected, "is empty", Pattern.compile("(?s).*\\S.*"));
  }

  private static String string(ConfigValue value) throws Refusal {
    if (value.valueType() == ConfigValueType.NUMBER) {
      return asWritten(value);
    }
    if (value.valueType() != ConfigValueType.STRING) {
      throw new Refusal(ErrorCode.WRONG_TYPE, "is not text");
    }
    return (String) value.unwrapped();
  }

  /** One of some words, written in lower case. */
  static <E> Kind<E> oneOf(List<E> allowed) {
    List<String> words = allowed.stream().map(Kind::word).toList();
    return new Kind<>(
        "Expected " + String.join(" or ", words) + ".",
        allowed.get(0),
        value -> {
          int index = words.indexOf(String.valueOf(value.unwrapped()));
          if (index < 0) {
            throw new Refusal(ErrorCode.UNKNOWN_CHOICE, "is not supported");
          }
          return allowed.get(index);
        });
  }

  static String word(Object value) {
    return value.toString().toLowerCase(Locale.ROOT);
  }

  /** A list of different texts, each of which matches; none will do. */
  static Kind<List<String>> names(ErrorCode code, String expected, Pattern each) {
    return new Kind<>(expected, List.of(), value -> names(code, value, each));
  }

  /** As {@link #names(ErrorCode, String, Pattern)}, but at least one. */
  static Kind<List<String>> someNames(ErrorCode code, String expected, Pattern each) {
    return new Kind<>(expected, List.of(), value -> someNames(code, value, each));
  }

  private static List<String> someNames(ErrorCode code, ConfigValue value, Pattern each)
      throws Refusal {
    List<String> names = names(code, value, each);
    if (names.isEmpty()) {
      throw new Refusal(ErrorCode.EMPTY_VALUE, "is empty");
    }
    return names;
  }

  private static List<String> names(ErrorCode code, ConfigValue value, Pattern each)
      throws Refusal {
    if (!(value instanceof ConfigList list)) {
      throw new Refusal(ErrorCode.WRONG_TYPE, "is not a list");
    }
    List<String> names = new ArrayList<>();
    for (ConfigValue element : list) {
      if (!each.matcher(string(element)).matches()) {
        throw new Refusal(code, "has the element " + shown(element));
      }
      names.add(string(element));
    }
    if (new LinkedHashSet<>(names).size() != names.size()) {
      throw new Refusal(ErrorCode.NAMED_TWICE, "names something twice");
    }
    return List.copyOf(names);
  }

  /** {@code 8 steps}, or 8. */
  static Kind<Long> steps(long least) {
    Pattern form = Pattern.compile("(\\d{1,9}) steps?");
    return new Kind<>(
        "Expected a number of steps of at least " + least + ", such as 8 steps.",
        least,
        value -> {
          Matcher matcher = form.matcher(String.valueOf(value.unwrapped()));
          boolean text = value.valueType() == ConfigValueType.STRING && matcher.matches();
          long steps = text ? Long.parseLong(matcher.group(1)) : whole(value);
          return ranged(steps, least, Integer.MAX_VALUE);
        });
  }

  /** Two numbers, each in [0, 1). */
  static Kind<List<Double>> betas() {
    Kind<Double> beta = number("", "", 0.0, b -> b >= 0 && b < 1);
    return new Kind<>(
        "Expected two numbers, each at least 0 and below 1, such as [0.9, 0.999].",
        List.of(0.0, 0.0),
        value -> {
          if (!(value instanceof ConfigList list) || list.size() != 2) {
            throw new Refusal(ErrorCode.WRONG_TYPE, "is not a list of two numbers");
          }
          return List.of(beta.parse(list.get(0)), beta.parse(list.get(1)));
        });
  }

  /** Of {@code all}, in the order of {@code all}; or the word all-linear for all of them. */
  static Kind<List<String>> targets(List<String> all) {
    String expected = "Expected all-linear, or a list of some of " + String.join(", ", all) + ".";
    return new Kind<>(
        expected,
        all,
        value -> {
          if ("all-linear".equals(value.unwrapped())) {
            return all;
          }
          List<String> chosen =
              someNames(ErrorCode.UNKNOWN_CHOICE, value, Pattern.compile(String.join("|", all)));
          return all.stream().filter(chosen::contains).toList();
        });
  }
}
