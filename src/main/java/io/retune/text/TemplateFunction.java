package io.retune.text;

import io.retune.config.ErrorCode;
import io.retune.config.InvalidInputException;
import java.time.Clock;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.LongStream;

/** What a template calls by its name: a macro, or one of those that transformers gives it. */
@FunctionalInterface
interface TemplateFunction {
  /** More would be no chat's. */
  long MOST_NUMBERS = 100_000;

  /**
   * @throws IllegalArgumentException if it takes other arguments
   */
  Object call(TemplateArguments arguments);

  /** Those that say the same every day. */
  static Map<String, Object> always() {
    Map<String, Object> functions = new HashMap<>();
    functions.put("raise_exception", (TemplateFunction) TemplateFunction::refuse);
    functions.put("namespace", (TemplateFunction) TemplateFunction::namespace);
    functions.put("range", (TemplateFunction) TemplateFunction::range);
    functions.put("dict", (TemplateFunction) TemplateFunction::dict);
    return functions;
  }

  private static Object refuse(TemplateArguments arguments) {
    throw InvalidInputException.of(
        ErrorCode.TEMPLATE_REFUSES,
        "chat",
        "the model's template refuses it: "
            + TemplateValues.text(arguments.bound("raise_exception", 1, "message").get(0).get()),
        "Change the roles or their order.");
  }

  private static Object namespace(TemplateArguments arguments) {
    TemplateValues.Namespace namespace = new TemplateValues.Namespace();
    fill(namespace, arguments);
    return namespace;
  }

  private static Object dict(TemplateArguments arguments) {
    Map<String, Object> dict = new LinkedHashMap<>();
    fill(dict, arguments);
    return dict;
  }

  private static void fill(Map<String, Object> map, TemplateArguments arguments) {
    for (Object given : arguments.positional()) {
      if (!(given instanceof Map<?, ?> other)) {
        throw new IllegalArgumentException("a mapping made of " + TemplateValues.text(given));
      }
      other.forEach((key, value) -> map.put(TemplateValues.text(key), value));
    }
    map.putAll(arguments.named());
  }

  private static Object range(TemplateArguments arguments) {
    List<Optional<Object>> bound = arguments.bound("range", 1, "start", "stop", "step");
    long first = number(bound.get(0));
    long start = bound.get(1).isPresent() ? first : 0;
    long stop = bound.get(1).isPresent() ? number(bound.get(1)) : first;
    long step = bound.get(2).isPresent() ? number(bound.get(2)) : 1;
    if (step == 0 || Math.abs(stop - start) / Math.abs(step) > MOST_NUMBERS) {
      throw new IllegalArgumentException("a range of 0 steps, or of more than 100,000");
    }
    return new ArrayList<Object>(
        LongStream.iterate(start, i -> step > 0 ? i < stop : i > stop, i -> i + step)
            .boxed()
            .toList());
  }

  private static long number(Optional<Object> value) {
    if (value.orElseThrow() instanceof Long number) {
      return number;
    }
    throw new IllegalArgumentException("arithmetic with " + TemplateValues.text(value.get()));
  }

  /** {@code strftime_now}, as Python's in its C locale. */
  static TemplateFunction strftime(Clock clock) {
    return arguments -> {
      String format =
          TemplateValues.text(arguments.bound("strftime_now", 1, "format").get(0).orElseThrow());
      LocalDateTime now = LocalDateTime.now(clock);
      StringBuilder out = new StringBuilder();
      for (int i = 0; i < format.length(); i++) {
        char c = format.charAt(i);
        out.append(c == '%' && i + 1 < format.length() ? dated(now, format.charAt(++i)) : "" + c);
      }
      return out.toString();
    };
  }

  private static String dated(LocalDateTime now, char directive) {
    String pattern =
        switch (directive) {
          case 'd' -> "dd";
          case 'b' -> "MMM";
          case 'B' -> "MMMM";
          case 'm' -> "MM";
          case 'y' -> "uu";
          case 'Y' -> "uuuu";
          case 'a' -> "EEE";
          case 'A' -> "EEEE";
          case 'H' -> "HH";
          case 'I' -> "hh";
          case 'M' -> "mm";
          case 'S' -> "ss";
          case 'p' -> "a";
          case 'j' -> "DDD";
          case '%' -> "'%'";
          default -> throw new IllegalArgumentException("strftime_now with %" + directive);
        };
    return now.format(DateTimeFormatter.ofPattern(pattern, Locale.US));
  }
}
