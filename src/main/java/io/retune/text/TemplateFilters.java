package io.retune.text;

import static io.retune.text.TemplateValues.NONE;
import static io.retune.text.TemplateValues.UNDEFINED;
import static io.retune.text.TemplateValues.isTrue;
import static io.retune.text.TemplateValues.items;
import static io.retune.text.TemplateValues.text;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;

/** Jinja's filters and tests, as far as the templates of language models use them. */
final class TemplateFilters {
  private TemplateFilters() {}

  /**
   * @throws IllegalArgumentException if there is no such filter here, or it takes other arguments
   */
  static Object filter(String name, Object value, TemplateArguments arguments) {
    return switch (name) {
      case "trim" ->
          TemplateText.strip(text(value), arguments.bound(name, 0, "chars").get(0), true, true);
      case "default", "d" -> otherwise(value, arguments.bound(name, 0, "default_value", "boolean"));
      case "join" -> joined(value, arguments.bound(name, 0, "d", "attribute"));
      case "replace" -> replaced(text(value), arguments.bound(name, 2, "old", "new", "count"));
      case "tojson" -> TemplateJson.write(value, arguments);
      case "select" -> chosen(value, arguments, true);
      case "reject" -> chosen(value, arguments, false);
      case "selectattr" -> chosenByAttribute(name, value, arguments, true);
      case "rejectattr" -> chosenByAttribute(name, value, arguments, false);
      case "map" -> mapped(value, arguments);
      default -> {
        Object filtered = plainFilter(name, value);
        arguments.bound(name, 0);
        yield filtered;
      }
    };
  }

  private static Object plainFilter(String name, Object value) {
    return switch (name) {
      case "upper" -> text(value).toUpperCase(Locale.ROOT);
      case "lower" -> text(value).toLowerCase(Locale.ROOT);
      case "capitalize" -> TemplateText.capitalized(text(value));
      // Nothing is escaped, so that everything is safe already.
      case "string", "safe" -> text(value);
      case "length", "count" -> length(value);
      case "first" -> TemplateValues.member(items(value), 0L);
      case "last" -> TemplateValues.member(items(value), -1L);
      case "list" -> items(value);
      case "reverse" -> reversed(value);
      case "items" -> pairs(value);
      case "dictsort" -> sortedPairs(value);
      case "unique" -> unique(items(value));
      case "int" -> integer(value);
      case "abs" -> value instanceof Long number ? (Object) Math.abs(number) : absolute(value);
      default -> throw new IllegalArgumentException("the filter " + name);
    };
  }

  private static long length(Object value) {
    return value instanceof String text
        ? text.codePointCount(0, text.length())
        : items(value).size();
  }

  private static Object otherwise(Object value, List<Optional<Object>> arguments) {
    boolean falseToo = isTrue(arguments.get(1).orElse(false));
    return value == UNDEFINED || (falseToo && !isTrue(value)) ? arguments.get(0).orElse("") : value;
  }

  private static String joined(Object value, List<Optional<Object>> arguments) {
    return String.join(
        text(arguments.get(0).orElse("")),
        items(value).stream()
            .map(item -> text(arguments.get(1).map(a -> attribute(item, a)).orElse(item)))
            .toList());
  }

  private static String replaced(String value, List<Optional<Object>> arguments) {
    return TemplateText.replaced(
        value,
        text(arguments.get(0).orElseThrow()),
        text(arguments.get(1).orElseThrow()),
        arguments.get(2));
  }

  private static Object reversed(Object value) {
    return TemplateValues.slice(value, NONE, NONE, -1L);
  }

  private static List<Object> pairs(Object value) {
    if (value instanceof Map<?, ?> map) {
      return TemplateValues.pairs(map);
    } else if (value == UNDEFINED) {
      return List.of();
    }
    throw new IllegalArgumentException("the items of " + text(value));
  }

  /** By key, upper and lower case alike, as Jinja does unless told otherwise. */
  private static List<Object> sortedPairs(Object value) {
    List<Object> pairs = new ArrayList<>(pairs(value));
    pairs.sort((a, b) -> TemplateValues.compare(sortKey(a), sortKey(b)));
    return pairs;
  }

  private static Object sortKey(Object pair) {
    Object key = ((List<?>) pair).get(0);
    return key instanceof String text ? text.toLowerCase(Locale.ROOT) : key;
  }

  private static List<Object> unique(List<?> items) {
    List<Object> unique = new ArrayList<>();
    List<Object> seen = new ArrayList<>();
    for (Object item : items) {
      Object key = item instanceof String text ? text.toLowerCase(Locale.ROOT) : item;
      if (!TemplateValues.contains(seen, key)) {
        seen.add(key);
        unique.add(item);
      }
    }
    return unique;
  }

  /** 0 where it is none, as Jinja does unless told otherwise. */
  private static Object integer(Object value) {
    if (value instanceof Double number && Double.isFinite(number)) {
      return new BigDecimal(number).longValue();
    } else if (value instanceof Boolean flag) {
      return flag ? 1L : 0L;
    } else if (value instanceof String text && text.strip().matches("[+-]?\\d{1,18}")) {
      return Long.valueOf(text.strip());
    }
    return value instanceof Long || value instanceof BigInteger ? value : 0L;
  }

  private static Object absolute(Object value) {
    if (value instanceof Double number) {
      return Math.abs(number);
    }
    throw new IllegalArgumentException("arithmetic with " + text(value));
  }

  private static List<Object> chosen(Object value, TemplateArguments arguments, boolean wanted) {
    Predicate<Object> test =
        arguments.positional().isEmpty() ? TemplateValues::isTrue : test(arguments);
    return chosen(value, item -> test.test(item) == wanted);
  }

  private static List<Object> chosenByAttribute(
      String name, Object value, TemplateArguments arguments, boolean wanted) {
    if (arguments.positional().isEmpty()) {
      throw new IllegalArgumentException("0 arguments of " + name);
    }
    Object attribute = arguments.positional().get(0);
    Predicate<Object> test =
        arguments.positional().size() == 1 ? TemplateValues::isTrue : test(arguments.rest());
    return chosen(value, item -> test.test(attribute(item, attribute)) == wanted);
  }

  private static List<Object> chosen(Object value, Predicate<Object> wanted) {
    List<Object> chosen = new ArrayList<>();
    for (Object item : items(value)) {
      if (wanted.test(item)) {
        chosen.add(item);
      }
    }
    return chosen;
  }

  private static Predicate<Object> test(TemplateArguments arguments) {
    String name = text(arguments.positional().get(0));
    return item -> test(name, item, arguments.rest());
  }

  private static List<Object> mapped(Object value, TemplateArguments arguments) {
    List<Object> mapped = new ArrayList<>();
    if (arguments.positional().isEmpty()) {
      List<Optional<Object>> bound =
          new TemplateArguments(List.of(), arguments.named())
              .bound("map", 0, "attribute", "default");
      Object attribute =
          bound.get(0).orElseThrow(() -> new IllegalArgumentException("0 arguments of map"));
      for (Object item : items(value)) {
        Object found = attribute(item, attribute);
        mapped.add(found == UNDEFINED ? bound.get(1).orElse(found) : found);
      }
      return mapped;
    }
    String filter = text(arguments.positional().get(0));
    for (Object item : items(value)) {
      mapped.add(filter(filter, item, arguments.rest()));
    }
    return mapped;
  }

  /** Of a text with dots, the attribute of the attribute. */
  private static Object attribute(Object item, Object attribute) {
    if (!(attribute instanceof String path)) {
      return TemplateValues.member(item, attribute);
    }
    Object found = item;
    for (String name : path.split("\\.", -1)) {
      found = TemplateValues.member(found, name.matches("\\d{1,9}") ? Long.valueOf(name) : name);
    }
    return found;
  }

  /**
   * @throws IllegalArgumentException if there is no such test here, or it takes other arguments
   */
  static boolean test(String name, Object value, TemplateArguments arguments) {
    return switch (name) {
      case "equalto", "eq", "==", "sameas" -> TemplateValues.equal(value, other(name, arguments));
      case "ne", "!=" -> !TemplateValues.equal(value, other(name, arguments));
      case "lt", "lessthan", "<" -> TemplateValues.compare(value, other(name, arguments)) < 0;
      case "gt", "greaterthan", ">" -> TemplateValues.compare(value, other(name, arguments)) > 0;
      case "le", "<=" -> TemplateValues.compare(value, other(name, arguments)) <= 0;
      case "ge", ">=" -> TemplateValues.compare(value, other(name, arguments)) >= 0;
      case "in" -> TemplateValues.contains(other(name, arguments), value);
      case "divisibleby" -> remainder(value, other(name, arguments)) == 0;
      default -> {
        boolean holds = plainTest(name, value);
        arguments.bound(name, 0);
        yield holds;
      }
    };
  }

  private static Object other(String name, TemplateArguments arguments) {
    return arguments.bound(name, 1, "other").get(0).orElseThrow();
  }

  private static long remainder(Object value, Object divisor) {
    return (Long) TemplateValues.arithmetic("%", value, divisor);
  }

  private static boolean plainTest(String name, Object value) {
    return switch (name) {
      case "defined" -> value != UNDEFINED;
      case "undefined" -> value == UNDEFINED;
      case "none" -> value == NONE;
      case "string" -> value instanceof String;
      case "number" -> value instanceof Number || value instanceof Boolean;
      case "integer" -> value instanceof Long || value instanceof BigInteger;
      case "float" -> value instanceof Double;
      case "boolean" -> value instanceof Boolean;
      case "mapping" -> value instanceof Map;
      // Nothing is an empty sequence, to Jinja too.
      case "iterable", "sequence" ->
          value instanceof List
              || value instanceof String
              || value instanceof Map
              || value == UNDEFINED;
      case "callable" -> value instanceof TemplateFunction;
      case "true" -> Boolean.TRUE.equals(value);
      case "false" -> Boolean.FALSE.equals(value);
      case "odd" -> remainder(value, 2L) == 1;
      case "even" -> remainder(value, 2L) == 0;
      default -> throw new IllegalArgumentException("the test " + name);
    };
  }
}
