package io.retune.text;

import io.retune.config.ErrorCode;
import io.retune.config.InvalidInputException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** An expression of a template; see Jinja's "Expressions" for the grammar. */
@FunctionalInterface
interface TemplateExpression {
  Object value(Scope scope);

  /** Names and what they stand for; an inner scope sees the outer one's. */
  final class Scope {
    /** Deeper ones would overflow the stack. */
    private static final int DEEPEST_CALL = 100;

    /** A chat has some hundred messages, and a template a few loops over them. */
    private static final int MOST_LOOPS = 1_000_000;

    private final Map<String, Object> names = new HashMap<>();
    private final Optional<Scope> outer;
    private final AtomicInteger loops;
    private final AtomicInteger calls;

    /** The outermost one: what the template is given, before what it can call. */
    Scope(Map<String, Object> names) {
      this.names.putAll(TemplateFunction.always());
      this.names.putAll(names);
      this.outer = Optional.empty();
      this.loops = new AtomicInteger();
      this.calls = new AtomicInteger();
    }

    private Scope(Scope outer) {
      this.outer = Optional.of(outer);
      this.loops = outer.loops;
      this.calls = outer.calls;
    }

    /** A template that loops without end would stop here. */
    void countLoop() {
      if (loops.incrementAndGet() > MOST_LOOPS) {
        throw InvalidInputException.of(
            ErrorCode.TEMPLATE_REFUSES,
            "chat template",
            "loops more than 1,000,000 times.",
            "Shorten the chat.");
      }
    }

    /** A macro may call itself. */
    Object called(Supplier<Object> macro) {
      countLoop();
      if (calls.incrementAndGet() > DEEPEST_CALL) {
        throw new IllegalArgumentException("a macro in more than 100 others");
      }
      try {
        return macro.get();
      } finally {
        calls.decrementAndGet();
      }
    }

    Scope inner() {
      return new Scope(this);
    }

    void define(String name, Object value) {
      names.put(name, value);
    }

    /** A name of this scope, an outer one's, or {@link TemplateValues#UNDEFINED}. */
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
   * A macro's name and parameters.
   *
   * @param defaults of the last of the parameters
   */
  record Signature(String name, List<String> parameters, List<TemplateExpression> defaults) {}

  static Signature parseSignature(String place, int line, String text) {
    try {
      Parser parser = parser(place, line, text);
      String name = parser.name();
      parser.require("(");
      List<String> parameters = new ArrayList<>();
      List<TemplateExpression> defaults = new ArrayList<>();
      while (!parser.next(")")) {
        parameters.add(parser.name());
        if (parser.next("=")) {
          defaults.add(guarded(place, line, parser.conditional()));
        } else if (!defaults.isEmpty()) {
          throw new IllegalArgumentException("a parameter without default behind one with");
        }
        if (!parser.peek(")")) {
          parser.require(",");
        }
      }
      parser.end();
      return new Signature(name, parameters, defaults);
    } catch (IllegalArgumentException e) {
      throw TemplateLexer.unsupported(place, line, e.getMessage());
    }
  }

  /**
   * What follows {@code in}.
   *
   * @param items a List
   * @param condition of each of them
   */
  record Loop(TemplateExpression items, TemplateExpression condition) {}

  /**
   * @param variables that each item is taken apart into
   */
  static Loop parseLoop(String place, int line, String text, int variables) {
    Parser parser = parser(place, line, text);
    try {
      TemplateExpression items = parser.or();
      TemplateExpression condition = parser.next("if") ? parser.conditional() : scope -> true;
      parser.end();
      return new Loop(
          guarded(place, line, scope -> items(items.value(scope), variables)),
          guarded(place, line, condition));
    } catch (IllegalArgumentException e) {
      throw TemplateLexer.unsupported(place, line, e.getMessage());
    }
  }

  private static List<?> items(Object value, int parts) {
    List<?> items = TemplateValues.items(value);
    boolean fit =
        parts == 1
            || items.stream().allMatch(i -> i instanceof List<?> item && item.size() == parts);
    if (!fit) {
      throw new IllegalArgumentException("a loop over other than " + parts + " values each");
    }
    return items;
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
                + "|(==|!=|<=|>=|//|[-+*%~|.,:()\\[\\]{}<>=]))",
            Pattern.DOTALL);

    /** Deeper ones would overflow the stack. */
    private static final int DEEPEST = 100;

    private static final Set<String> KEYWORDS =
        Set.of("and", "or", "not", "is", "in", "if", "else");

    private static final TemplateExpression NOTHING = scope -> TemplateValues.NONE;

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

    private String name() {
      String name = word();
      if (!Character.isLetter(name.charAt(0)) && name.charAt(0) != '_') {
        throw new IllegalArgumentException("\"" + name + "\" where a name is needed");
      }
      return name;
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
      if (next("in")) {
        TemplateExpression right = sum();
        return scope -> TemplateValues.contains(right.value(scope), left.value(scope));
      } else if (peek("not", "in")) {
        at += 2;
        TemplateExpression right = sum();
        return scope -> !TemplateValues.contains(right.value(scope), left.value(scope));
      }
      for (String comparison : List.of("==", "!=", "<", "<=", ">", ">=")) {
        if (next(comparison)) {
          TemplateExpression right = sum();
          return scope ->
              TemplateFilters.test(
                  comparison, left.value(scope), TemplateArguments.of(right.value(scope)));
        }
      }
      return left;
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
          left = scope -> TemplateValues.arithmetic("-", a.value(scope), b.value(scope));
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
          left = scope -> TemplateValues.multiply(a.value(scope), b.value(scope));
        } else if (peek("%") || peek("//")) {
          String operator = word();
          TemplateExpression b = filtered();
          left = scope -> TemplateValues.arithmetic(operator, a.value(scope), b.value(scope));
        } else {
          return left;
        }
      }
    }

    /** A filter, as a test, binds tighter than every operator. */
    private TemplateExpression filtered() {
      TemplateExpression left = member();
      while (true) {
        TemplateExpression value = left;
        if (next("|")) {
          String name = word();
          Arguments arguments = next("(") ? arguments() : Arguments.NONE;
          left = scope -> TemplateFilters.filter(name, value.value(scope), arguments.in(scope));
        } else if (next("is")) {
          left = test(value);
        } else {
          return left;
        }
      }
    }

    private TemplateExpression test(TemplateExpression value) {
      boolean negated = next("not");
      String name = word();
      Arguments arguments = testArguments();
      return scope ->
          TemplateFilters.test(name, value.value(scope), arguments.in(scope)) != negated;
    }

    /** One argument needs no parentheses. */
    private Arguments testArguments() {
      if (next("(")) {
        return arguments();
      }
      boolean operand =
          at < tokens.size()
              && !KEYWORDS.contains(tokens.get(at))
              && tokens.get(at).matches("(?s)[\\w'\"\\[{].*");
      return operand ? new Arguments(List.of(member()), Map.of()) : Arguments.NONE;
    }

    private TemplateExpression member() {
      if (next("-")) {
        TemplateExpression negated = member();
        return scope -> TemplateValues.arithmetic("-", 0L, negated.value(scope));
      }
      TemplateExpression left = primary();
      while (true) {
        TemplateExpression value = left;
        if (next(".")) {
          String name = word();
          if (next("(")) {
            Arguments arguments = arguments();
            left = scope -> TemplateValues.method(value.value(scope), name, arguments.in(scope));
          } else {
            left = scope -> TemplateValues.attribute(value.value(scope), name);
          }
        } else if (next("[")) {
          left = subscript(value);
        } else {
          return left;
        }
      }
    }

    private TemplateExpression subscript(TemplateExpression value) {
      TemplateExpression from = peek(":") ? NOTHING : conditional();
      if (next("]")) {
        return scope -> TemplateValues.member(value.value(scope), from.value(scope));
      }
      require(":");
      TemplateExpression to = peek("]") || peek(":") ? NOTHING : conditional();
      TemplateExpression step = next(":") && !peek("]") ? conditional() : NOTHING;
      require("]");
      return scope ->
          TemplateValues.slice(
              value.value(scope), from.value(scope), to.value(scope), step.value(scope));
    }

    private TemplateExpression primary() {
      String token = word();
      char first = token.charAt(0);
      if (first == '\'' || first == '"') {
        return text(token);
      } else if (Character.isDigit(first)) {
        Object number =
            token.contains(".") ? (Object) Double.valueOf(token) : (Object) Long.valueOf(token);
        return scope -> number;
      } else if (token.equals("(")) {
        return parenthesised();
      } else if (token.equals("[")) {
        List<TemplateExpression> items = list("]");
        return scope -> values(items, scope);
      } else if (token.equals("{")) {
        return mapping();
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

    /** Texts side by side are one, as in Python. */
    private TemplateExpression text(String token) {
      StringBuilder text = new StringBuilder(unescaped(token.substring(1, token.length() - 1)));
      while (at < tokens.size() && tokens.get(at).matches("(?s)['\"].*")) {
        String more = word();
        text.append(unescaped(more.substring(1, more.length() - 1)));
      }
      String whole = text.toString();
      return scope -> whole;
    }

    /** An expression, or a tuple, which is a list to us. */
    private TemplateExpression parenthesised() {
      if (next(")")) {
        return scope -> List.of();
      }
      TemplateExpression first = conditional();
      if (next(")")) {
        return first;
      }
      require(",");
      List<TemplateExpression> items = new ArrayList<>(List.of(first));
      items.addAll(list(")"));
      return scope -> values(items, scope);
    }

    private TemplateExpression mapping() {
      List<TemplateExpression> keys = new ArrayList<>();
      List<TemplateExpression> values = new ArrayList<>();
      while (!next("}")) {
        keys.add(conditional());
        require(":");
        values.add(conditional());
        if (!peek("}")) {
          require(",");
        }
      }
      return scope -> {
        Map<Object, Object> map = new LinkedHashMap<>();
        for (int i = 0; i < keys.size(); i++) {
          map.put(keys.get(i).value(scope), values.get(i).value(scope));
        }
        return map;
      };
    }

    private TemplateExpression call(String name) {
      Arguments arguments = arguments();
      return scope -> {
        if (scope.get(name) instanceof TemplateFunction function) {
          return function.call(arguments.in(scope));
        } else if (name.equals("strftime_now")) {
          throw InvalidInputException.of(
              ErrorCode.TEMPLATE_REFUSES,
              "chat",
              "the model's template asks what day it is (strftime_now): the same chat would be"
                  + " other tokens tomorrow.",
              "Begin it with a system message, if that says the date, or give the model a"
                  + " chat_template with a date of its own.");
        }
        throw new IllegalArgumentException("a call of " + name);
      };
    }

    /** What a call gives, not yet computed. */
    private record Arguments(
        List<TemplateExpression> positional, Map<String, TemplateExpression> named) {
      static final Arguments NONE = new Arguments(List.of(), Map.of());

      TemplateArguments in(Scope scope) {
        Map<String, Object> values = new LinkedHashMap<>();
        named.forEach((name, value) -> values.put(name, value.value(scope)));
        return new TemplateArguments(Parser.values(positional, scope), values);
      }
    }

    /** Up to the closing parenthesis, which is consumed. */
    private Arguments arguments() {
      List<TemplateExpression> positional = new ArrayList<>();
      Map<String, TemplateExpression> named = new LinkedHashMap<>();
      while (!next(")")) {
        if (at + 1 < tokens.size() && tokens.get(at + 1).equals("=")) {
          String name = name();
          require("=");
          named.put(name, conditional());
        } else {
          positional.add(conditional());
        }
        if (!peek(")")) {
          require(",");
        }
      }
      return new Arguments(positional, named);
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
