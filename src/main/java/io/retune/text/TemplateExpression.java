package io.retune.text;

import io.retune.config.InvalidInputException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** An expression of a template; see Jinja's "Expressions" for the grammar. */
@FunctionalInterface
interface TemplateExpression {
  Object value(Scope scope);

  /** Names and what they stand for; an inner scope sees the outer one's. */
  final class Scope {
    /** A chat has some hundred messages, and a template a few loops over them. */
    private static final int MOST_LOOPS = 1_000_000;

    private final Map<String, Object> names = new HashMap<>();
    private final Optional<Scope> outer;
    private final AtomicInteger loops;

    Scope(Map<String, Object> names) {
      this.names.putAll(names);
      this.outer = Optional.empty();
      this.loops = new AtomicInteger();
    }

    private Scope(Scope outer) {
      this.outer = Optional.of(outer);
      this.loops = outer.loops;
    }

    /** A template that loops without end would stop here. */
    void countLoop() {
      if (loops.incrementAndGet() > MOST_LOOPS) {
        throw InvalidInputException.of(
            "chat template", "loops more than 1,000,000 times.", "Shorten the chat.");
      }
    }

    Scope inner() {
      return new Scope(this);
    }

    void define(String name, Object value) {
      names.put(name, value);
    }

    Object get(String name) {
      Object value = names.get(name);
      if (value != null) {
        return value;
      }
      return outer.map(o -> o.get(name)).orElse(TemplateValues.UNDEFINED);
    }

    /** A name of this scope, or an attribute of a namespace. */
    void set(List<String> target, Object value) {
      if (target.size() == 1) {
        define(target.get(0), value);
      } else if (get(target.get(0)) instanceof TemplateValues.Namespace namespace) {
        namespace.put(target.get(1), value);
      } else {
        throw new IllegalArgumentException(
            "a value in " + target.get(0) + ", which is no namespace");
      }
    }
  }

  /**
   * @throws InvalidInputException naming the line if the text is outside the part of Jinja we
   *     interpret
   */
  static TemplateExpression parse(String place, int line, String text) {
    return guarded(place, line, parser(place, line, text).whole(place, line));
  }

  /** Its value as text. */
  static TemplateExpression parseOutput(String place, int line, String text) {
    TemplateExpression value = parser(place, line, text).whole(place, line);
    return guarded(place, line, scope -> TemplateValues.text(value.value(scope)));
  }

  /** Sets {@code target}, and has no value. */
  static TemplateExpression parseAssignment(
      String place, int line, List<String> target, String text) {
    TemplateExpression value = parser(place, line, text).whole(place, line);
    return guarded(
        place,
        line,
        scope -> {
          scope.set(target, value.value(scope));
          return TemplateValues.UNDEFINED;
        });
  }

  /**
   * What follows {@code in}.
   *
   * @param items a List
   * @param condition of each of them
   */
  record Loop(TemplateExpression items, TemplateExpression condition) {}

  static Loop parseLoop(String place, int line, String text) {
    Parser parser = parser(place, line, text);
    try {
      TemplateExpression items = parser.or();
      TemplateExpression condition = parser.next("if") ? parser.conditional() : scope -> true;
      parser.end();
      return new Loop(
          guarded(place, line, scope -> TemplateValues.items(items.value(scope))),
          guarded(place, line, condition));
    } catch (IllegalArgumentException e) {
      throw TemplateLexer.unsupported(place, line, e.getMessage());
    }
  }

  private static Parser parser(String place, int line, String text) {
    try {
      return new Parser(text);
    } catch (IllegalArgumentException e) {
      throw TemplateLexer.unsupported(place, line, e.getMessage());
    }
  }

  private static TemplateExpression guarded(String place, int line, TemplateExpression parsed) {
    return scope -> {
      try {
        return parsed.value(scope);
      } catch (IllegalArgumentException | ArithmeticException e) {
        throw TemplateLexer.unsupported(place, line, e.getMessage());
      }
    };
  }

  /** Recursive descent, a method per level of precedence. */
  final class Parser {
    private static final Pattern TOKEN =
        Pattern.compile(
            "\\s*(?:('(?:[^'\\\\]|\\\\.)*'|\"(?:[^\"\\\\]|\\\\.)*\")|(\\d+(?:\\.\\d+)?)|([A-Za-z_]\\w*)"
                + "|(==|!=|<=|>=|[-+*%~|.,:()\\[\\]{}<>=]))",
            Pattern.DOTALL);

    /** Deeper ones would overflow the stack. */
    private static final int DEEPEST = 100;

    private final List<String> tokens = new ArrayList<>();
    private int at;
    private int depth;

    Parser(String text) {
      Matcher matcher = TOKEN.matcher(text);
      int end = 0;
      while (end < text.stripTrailing().length()) {
        matcher.region(end, text.length());
        if (!matcher.lookingAt()) {
          throw new IllegalArgumentException("\"" + text.substring(end).strip() + "\"");
        }
        tokens.add(matcher.group().strip());
        end = matcher.end();
      }
    }

    TemplateExpression whole(String place, int line) {
      try {
        TemplateExpression parsed = conditional();
        end();
        return parsed;
      } catch (IllegalArgumentException e) {
        throw TemplateLexer.unsupported(place, line, e.getMessage());
      }
    }

    private void end() {
      if (at < tokens.size()) {
        throw new IllegalArgumentException("\"" + tokens.get(at) + "\" where the expression ends");
      }
    }

    private boolean next(String token) {
      if (at < tokens.size() && tokens.get(at).equals(token)) {
        at++;
        return true;
      }
      return false;
    }

    private boolean peek(String... sequence) {
      for (int i = 0; i < sequence.length; i++) {
        if (at + i >= tokens.size() || !tokens.get(at + i).equals(sequence[i])) {
          return false;
        }
      }
      return true;
    }

    private void require(String token) {
      if (!next(token)) {
        throw new IllegalArgumentException("no \"" + token + "\" where one is needed");
      }
    }

    private String word() {
      if (at == tokens.size()) {
        throw new IllegalArgumentException("an expression that breaks off");
      }
      return tokens.get(at++);
    }

    private TemplateExpression conditional() {
      if (++depth > DEEPEST) {
        throw new IllegalArgumentException("an expression in more than 100 others");
      }
      TemplateExpression parsed = conditionalHere();
      depth--;
      return parsed;
    }

    private TemplateExpression conditionalHere() {
      TemplateExpression then = or();
      if (!next("if")) {
        return then;
      }
      TemplateExpression condition = or();
      TemplateExpression otherwise =
          next("else") ? conditional() : scope -> TemplateValues.UNDEFINED;
      return scope ->
          (TemplateValues.isTrue(condition.value(scope)) ? then : otherwise).value(scope);
    }

    private TemplateExpression or() {
      TemplateExpression left = and();
      while (next("or")) {
        TemplateExpression a = left;
        TemplateExpression b = and();
        left =
            scope -> {
              Object value = a.value(scope);
              return TemplateValues.isTrue(value) ? value : b.value(scope);
            };
      }
      return left;
    }

    private TemplateExpression and() {
      TemplateExpression left = not();
      while (next("and")) {
        TemplateExpression a = left;
        TemplateExpression b = not();
        left =
            scope -> {
              Object value = a.value(scope);
              return TemplateValues.isTrue(value) ? b.value(scope) : value;
            };
      }
      return left;
    }

    private TemplateExpression not() {
      if (next("not")) {
        TemplateExpression negated = not();
        return scope -> !TemplateValues.isTrue(negated.value(scope));
      }
      return comparison();
    }

    private TemplateExpression comparison() {
      TemplateExpression left = sum();
      if (next("==")) {
        TemplateExpression right = sum();
        return scope -> left.value(scope).equals(right.value(scope));
      } else if (next("!=")) {
        TemplateExpression right = sum();
        return scope -> !left.value(scope).equals(right.value(scope));
      } else if (next("in")) {
        TemplateExpression right = sum();
        return scope -> TemplateValues.contains(right.value(scope), left.value(scope));
      } else if (peek("not", "in")) {
        at += 2;
        TemplateExpression right = sum();
        return scope -> !TemplateValues.contains(right.value(scope), left.value(scope));
      } else if (next("is")) {
        boolean negated = next("not");
        String test = word();
        return scope -> TemplateValues.test(test, left.value(scope)) != negated;
      }
      for (String order : List.of("<", "<=", ">", ">=")) {
        if (next(order)) {
          TemplateExpression right = sum();
          return scope -> ordered(order, number(left, scope), number(right, scope));
        }
      }
      return left;
    }

    private static boolean ordered(String order, long left, long right) {
      return switch (order) {
        case "<" -> left < right;
        case "<=" -> left <= right;
        case ">" -> left > right;
        default -> left >= right;
      };
    }

    private static long number(TemplateExpression expression, Scope scope) {
      Object value = expression.value(scope);
      if (value instanceof Long number) {
        return number;
      }
      throw new IllegalArgumentException("arithmetic with " + TemplateValues.text(value));
    }

    private TemplateExpression sum() {
      TemplateExpression left = product();
      while (true) {
        TemplateExpression a = left;
        if (next("+")) {
          TemplateExpression b = product();
          left = scope -> TemplateValues.add(a.value(scope), b.value(scope));
        } else if (next("-")) {
          TemplateExpression b = product();
          left = scope -> number(a, scope) - number(b, scope);
        } else if (next("~")) {
          TemplateExpression b = product();
          left =
              scope ->
                  TemplateValues.add(
                      TemplateValues.text(a.value(scope)), TemplateValues.text(b.value(scope)));
        } else {
          return left;
        }
      }
    }

    private TemplateExpression product() {
      TemplateExpression left = filtered();
      while (true) {
        TemplateExpression a = left;
        if (next("*")) {
          TemplateExpression b = filtered();
          left = scope -> number(a, scope) * number(b, scope);
        } else if (next("%")) {
          TemplateExpression b = filtered();
          left = scope -> Math.floorMod(number(a, scope), number(b, scope));
        } else {
          return left;
        }
      }
    }

    private TemplateExpression filtered() {
      TemplateExpression left = member();
      while (next("|")) {
        TemplateExpression value = left;
        String name = word();
        List<TemplateExpression> arguments = next("(") ? list(")") : List.of();
        left = scope -> TemplateValues.filter(name, value.value(scope), values(arguments, scope));
      }
      return left;
    }

    private TemplateExpression member() {
      if (next("-")) {
        TemplateExpression negated = member();
        return scope -> -number(negated, scope);
      }
      TemplateExpression left = primary();
      while (true) {
        TemplateExpression value = left;
        if (next(".")) {
          String name = word();
          if (next("(")) {
            List<TemplateExpression> arguments = list(")");
            left =
                scope -> TemplateValues.method(value.value(scope), name, values(arguments, scope));
          } else {
            left = scope -> TemplateValues.member(value.value(scope), name);
          }
        } else if (next("[")) {
          left = subscript(value);
        } else {
          return left;
        }
      }
    }

    private TemplateExpression subscript(TemplateExpression value) {
      TemplateExpression none = scope -> TemplateValues.NONE;
      TemplateExpression from = peek(":") ? none : conditional();
      if (next(":")) {
        TemplateExpression to = peek("]") ? none : conditional();
        require("]");
        return scope ->
            TemplateValues.slice(value.value(scope), from.value(scope), to.value(scope));
      }
      require("]");
      return scope -> TemplateValues.member(value.value(scope), from.value(scope));
    }

    private TemplateExpression primary() {
      String token = word();
      char first = token.charAt(0);
      if (first == '\'' || first == '"') {
        String text = unescaped(token.substring(1, token.length() - 1));
        return scope -> text;
      } else if (Character.isDigit(first)) {
        Object number =
            token.contains(".") ? (Object) Double.valueOf(token) : (Object) Long.valueOf(token);
        return scope -> number;
      } else if (token.equals("(")) {
        TemplateExpression inner = conditional();
        require(")");
        return inner;
      } else if (token.equals("[")) {
        List<TemplateExpression> items = list("]");
        return scope -> values(items, scope);
      } else if (Character.isLetter(first) || first == '_') {
        return named(token);
      }
      throw new IllegalArgumentException("\"" + token + "\"");
    }

    private TemplateExpression named(String name) {
      return switch (name) {
        case "true", "True" -> scope -> true;
        case "false", "False" -> scope -> false;
        case "none", "None" -> scope -> TemplateValues.NONE;
        default -> next("(") ? call(name) : scope -> scope.get(name);
      };
    }

    private TemplateExpression call(String name) {
      if (name.equals("raise_exception")) {
        List<TemplateExpression> arguments = list(")");
        return scope -> {
          throw InvalidInputException.of(
              "chat",
              "the model's template refuses it: "
                  + TemplateValues.text(arguments.get(0).value(scope)),
              "Change the roles or their order.");
        };
      } else if (name.equals("namespace")) {
        Map<String, TemplateExpression> attributes = new HashMap<>();
        while (!next(")")) {
          String attribute = word();
          require("=");
          attributes.put(attribute, conditional());
          next(",");
        }
        return scope -> {
          TemplateValues.Namespace namespace = new TemplateValues.Namespace();
          attributes.forEach((key, value) -> namespace.put(key, value.value(scope)));
          return namespace;
        };
      }
      throw new IllegalArgumentException("a call of " + name);
    }

    private List<TemplateExpression> list(String close) {
      List<TemplateExpression> items = new ArrayList<>();
      while (!next(close)) {
        items.add(conditional());
        if (!peek(close)) {
          require(",");
        }
      }
      return items;
    }

    private static List<Object> values(List<TemplateExpression> expressions, Scope scope) {
      List<Object> values = new ArrayList<>();
      expressions.forEach(e -> values.add(e.value(scope)));
      return values;
    }

    private static String unescaped(String text) {
      StringBuilder out = new StringBuilder();
      for (int i = 0; i < text.length(); i++) {
        char c = text.charAt(i);
        if (c != '\\' || i + 1 == text.length()) {
          out.append(c);
          continue;
        }
        char escaped = text.charAt(++i);
        int digits = "xuU".indexOf(escaped) < 0 ? 0 : 2 << "xuU".indexOf(escaped);
        if (digits > 0) {
          out.appendCodePoint(codePoint(text, i + 1, digits));
          i += digits;
        } else {
          out.append(unescaped(escaped));
        }
      }
      return out.toString();
    }

    private static int codePoint(String text, int from, int digits) {
      if (from + digits > text.length()) {
        throw new IllegalArgumentException("an escape that breaks off");
      }
      return Integer.parseInt(text.substring(from, from + digits), 16);
    }

    /** As Python reads it: a backslash before anything else stays. */
    private static String unescaped(char escaped) {
      if (escaped == 'N' || Character.isDigit(escaped)) {
        throw new IllegalArgumentException("the escape \\" + escaped);
      }
      return switch (escaped) {
        case 'n' -> "\n";
        case 't' -> "\t";
        case 'r' -> "\r";
        case 'a' -> "\u0007";
        case 'b' -> "\b";
        case 'f' -> "\f";
        case 'v' -> "\u000b";
        case '\n' -> "";
        case '\\', '\'', '"' -> String.valueOf(escaped);
        default -> "\\" + escaped;
      };
    }
  }
}
