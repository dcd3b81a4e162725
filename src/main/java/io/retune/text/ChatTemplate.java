package io.retune.text;

import io.retune.config.ErrorCode;
import io.retune.config.InvalidInputException;
import io.retune.text.TemplateExpression.Scope;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A chat template: the part of Jinja that the templates of language models use, with the settings
 * transformers gives it ({@code trim_blocks}, {@code lstrip_blocks}). What is outside that part is
 * refused: syntax when the template is read, a filter, test or method when a chat reaches it. The
 * messages' content is a value like any other and is never interpreted.
 *
 * <p>What a template makes depends on its variables alone: {@code strftime_now} is one of them, and
 * not there unless it is given.
 */
final class ChatTemplate {
  /** A template that loops without end would stop here. */
  private static final int MAX_OUTPUT_CHARS = 16 * 1024 * 1024;

  private final String source;
  private final List<Node> nodes;

  private ChatTemplate(String source, List<Node> nodes) {
    this.source = source;
    this.nodes = nodes;
  }

  /**
   * @param place where the template stands, for messages
   * @throws InvalidInputException naming line and construct if the template is outside the part of
   *     Jinja we interpret
   */
  static ChatTemplate parse(String place, String source) {
    return new ChatTemplate(source, new Parser(place, TemplateLexer.pieces(place, source)).parse());
  }

  /**
   * @throws InvalidInputException if the template calls raise_exception
   */
  String render(Map<String, Object> variables) {
    StringBuilder out = new StringBuilder();
    render(nodes, new Scope(variables), out);
    return out.toString();
  }

  @Override
  public String toString() {
    return source;
  }

  /** What comes after a piece of the template. */
  private enum Then {
    NEXT,
    BREAK,
    CONTINUE
  }

  /** A piece of the template. */
  private interface Node {
    Then render(Scope scope, StringBuilder out);
  }

  /** Up to the end, or to what leaves the loop around it. */
  private static Then render(List<Node> nodes, Scope scope, StringBuilder out) {
    for (Node node : nodes) {
      Then then = node.render(scope, out);
      if (then != Then.NEXT) {
        return then;
      }
    }
    return Then.NEXT;
  }

  private record Text(String text) implements Node {
    @Override
    public Then render(Scope scope, StringBuilder out) {
      out.append(text);
      if (out.length() > MAX_OUTPUT_CHARS) {
        throw InvalidInputException.of(
            ErrorCode.TEMPLATE_REFUSES,
            "chat template",
            "makes more than 16 MiB of text.",
            "Shorten the chat.");
      }
      return Then.NEXT;
    }
  }

  private record Output(TemplateExpression expression) implements Node {
    @Override
    public Then render(Scope scope, StringBuilder out) {
      return new Text((String) expression.value(scope)).render(scope, out);
    }
  }

  private record Set(TemplateExpression assignment) implements Node {
    @Override
    public Then render(Scope scope, StringBuilder out) {
      assignment.value(scope);
      return Then.NEXT;
    }
  }

  /** {@code {% set name %}...{% endset %}}. */
  private record SetBlock(String name, List<Node> body) implements Node {
    @Override
    public Then render(Scope scope, StringBuilder out) {
      StringBuilder text = new StringBuilder();
      ChatTemplate.render(body, scope.inner(), text);
      scope.define(name, text.toString());
      return Then.NEXT;
    }
  }

  /** What is the model's in transformers' training; the text is the same without it. */
  private record Generation(List<Node> body) implements Node {
    @Override
    public Then render(Scope scope, StringBuilder out) {
      return ChatTemplate.render(body, scope.inner(), out);
    }
  }

  private record Leave(Then then) implements Node {
    @Override
    public Then render(Scope scope, StringBuilder out) {
      return then;
    }
  }

  /** Defines a function whose value is the text that its body makes. */
  private record Macro(TemplateExpression.Signature signature, List<Node> body) implements Node {
    @Override
    public Then render(Scope scope, StringBuilder out) {
      scope.define(
          signature.name(),
          (TemplateFunction) arguments -> scope.called(() -> text(scope, arguments)));
      return Then.NEXT;
    }

    private String text(Scope definition, TemplateArguments arguments) {
      Scope scope = definition.inner();
      List<String> parameters = signature.parameters();
      int required = parameters.size() - signature.defaults().size();
      List<Optional<Object>> bound =
          arguments.bound(signature.name(), 0, parameters.toArray(String[]::new));
      for (int i = 0; i < parameters.size(); i++) {
        Optional<Object> given = bound.get(i);
        scope.define(
            parameters.get(i),
            given.isPresent() || i < required
                ? given.orElse(TemplateValues.UNDEFINED)
                : signature.defaults().get(i - required).value(scope));
      }
      StringBuilder text = new StringBuilder();
      ChatTemplate.render(body, scope, text);
      return text.toString();
    }
  }

  private record Branch(TemplateExpression condition, List<Node> body) {}

  private record If(List<Branch> branches) implements Node {
    @Override
    public Then render(Scope scope, StringBuilder out) {
      for (Branch branch : branches) {
        if (TemplateValues.isTrue(branch.condition().value(scope))) {
          return ChatTemplate.render(branch.body(), scope, out);
        }
      }
      return Then.NEXT;
    }
  }

  /**
   * @param variables one, or as many as each item has parts
   * @param condition which items are taken
   * @param otherwise where there are none
   */
  private record For(
      List<String> variables,
      TemplateExpression of,
      TemplateExpression condition,
      List<Node> body,
      List<Node> otherwise)
      implements Node {
    @Override
    public Then render(Scope scope, StringBuilder out) {
      List<Object> items = new ArrayList<>();
      for (Object item : (List<?>) of.value(scope)) {
        Scope inner = scope.inner();
        define(item, inner);
        if (TemplateValues.isTrue(condition.value(inner))) {
          items.add(item);
        }
      }
      if (items.isEmpty()) {
        return ChatTemplate.render(otherwise, scope.inner(), out);
      }
      for (int i = 0; i < items.size(); i++) {
        scope.countLoop();
        Scope inner = scope.inner();
        define(items.get(i), inner);
        inner.define("loop", loop(items, i));
        if (ChatTemplate.render(body, inner, out) == Then.BREAK) {
          break;
        }
      }
      return Then.NEXT;
    }

    private void define(Object item, Scope scope) {
      if (variables.size() == 1) {
        scope.define(variables.get(0), item);
        return;
      }
      List<?> parts = (List<?>) item;
      for (int i = 0; i < variables.size(); i++) {
        scope.define(variables.get(i), parts.get(i));
      }
    }

    private static Map<String, Object> loop(List<Object> items, int i) {
      int size = items.size();
      Map<String, Object> loop = new HashMap<>();
      loop.put("index0", (long) i);
      loop.put("index", (long) i + 1);
      loop.put("revindex0", (long) size - i - 1);
      loop.put("revindex", (long) size - i);
      loop.put("first", i == 0);
      loop.put("last", i == size - 1);
      loop.put("length", (long) size);
      if (i > 0) {
        loop.put("previtem", items.get(i - 1));
      }
      if (i + 1 < size) {
        loop.put("nextitem", items.get(i + 1));
      }
      return loop;
    }
  }

  /** Builds the tree of statements. */
  private static final class Parser {
    private static final TemplateExpression ALWAYS = scope -> true;

    private final String place;
    private final List<TemplateLexer.Piece> pieces;
    private int at;

    /** Those around what is parsed. */
    private int loops;

    Parser(String place, List<TemplateLexer.Piece> pieces) {
      this.place = place;
      this.pieces = pieces;
    }

    List<Node> parse() {
      List<Node> nodes = body(List.of());
      if (at < pieces.size()) {
        throw unsupported(pieces.get(at), "\"" + pieces.get(at).text() + "\" closes nothing");
      }
      return nodes;
    }

    /** Up to one of the statements {@code until}, which is not consumed; or the end. */
    private List<Node> body(List<String> until) {
      List<Node> nodes = new ArrayList<>();
      while (at < pieces.size()) {
        TemplateLexer.Piece piece = pieces.get(at);
        if (piece.kind() == TemplateLexer.Kind.STATEMENT
            && (until.contains(piece.keyword()) || piece.keyword().startsWith("end"))) {
          return nodes;
        }
        at++;
        nodes.add(node(piece));
      }
      return nodes;
    }

    private Node node(TemplateLexer.Piece piece) {
      return switch (piece.kind()) {
        case TEXT -> new Text(piece.text());
        case OUTPUT ->
            new Output(TemplateExpression.parseOutput(place, piece.line(), piece.text()));
        case STATEMENT ->
            switch (piece.keyword()) {
              case "if" -> branches(piece);
              case "for" -> loop(piece);
              case "set" -> assignment(piece);
              case "macro" -> macro(piece);
              case "generation" -> new Generation(closed(piece, "endgeneration"));
              case "break" -> leave(piece, Then.BREAK);
              case "continue" -> leave(piece, Then.CONTINUE);
              default -> throw unsupported(piece, "{% " + piece.keyword() + " %}");
            };
      };
    }

    /** The body of a statement up to {@code end}, which is consumed. */
    private List<Node> closed(TemplateLexer.Piece opening, String end) {
      List<Node> body = body(List.of());
      TemplateLexer.Piece closing = next(opening);
      if (!closing.keyword().equals(end)) {
        throw unsupported(closing, "{% " + closing.keyword() + " %} inside a " + opening.keyword());
      }
      return body;
    }

    private Node leave(TemplateLexer.Piece piece, Then then) {
      if (loops == 0) {
        throw unsupported(piece, "{% " + piece.keyword() + " %} outside a loop");
      }
      return new Leave(then);
    }

    /** A loop around it is not its own. */
    private Node macro(TemplateLexer.Piece opening) {
      int around = loops;
      loops = 0;
      TemplateExpression.Signature signature =
          TemplateExpression.parseSignature(place, opening.line(), opening.rest());
      Node macro = new Macro(signature, closed(opening, "endmacro"));
      loops = around;
      return macro;
    }

    private TemplateExpression expression(TemplateLexer.Piece piece, String text) {
      return TemplateExpression.parse(place, piece.line(), text);
    }

    private Node branches(TemplateLexer.Piece opening) {
      List<Branch> branches = new ArrayList<>();
      TemplateExpression condition = expression(opening, opening.rest());
      while (true) {
        branches.add(new Branch(condition, body(List.of("elif", "else"))));
        TemplateLexer.Piece next = next(opening);
        switch (next.keyword()) {
          case "elif" -> condition = expression(next, next.rest());
          case "else" -> condition = ALWAYS;
          case "endif" -> {
            return new If(branches);
          }
          default -> throw unsupported(next, "{% " + next.keyword() + " %} inside an if");
        }
      }
    }

    private Node loop(TemplateLexer.Piece opening) {
      String[] parts = opening.rest().split("\\s+in\\s+", 2);
      if (parts.length != 2 || !parts[0].matches("\\w+(\\s*,\\s*\\w+)*")) {
        throw unsupported(opening, "{% for " + opening.rest() + " %}");
      }
      List<String> variables = List.of(parts[0].split("\\s*,\\s*"));
      TemplateExpression.Loop loop =
          TemplateExpression.parseLoop(place, opening.line(), parts[1], variables.size());
      loops++;
      List<Node> body = body(List.of("else"));
      loops--;
      boolean hasElse = at < pieces.size() && pieces.get(at).keyword().equals("else");
      List<Node> otherwise = List.of();
      if (hasElse) {
        at++;
        otherwise = body(List.of());
      }
      TemplateLexer.Piece end = next(opening);
      if (!end.keyword().equals("endfor")) {
        throw unsupported(end, "{% " + end.keyword() + " %} inside a for");
      }
      return new For(variables, loop.items(), loop.condition(), body, otherwise);
    }

    private Node assignment(TemplateLexer.Piece piece) {
      if (piece.rest().matches("\\w+")) {
        return new SetBlock(piece.rest(), closed(piece, "endset"));
      }
      String[] parts = piece.rest().split("=", 2);
      if (parts.length != 2 || !parts[0].strip().matches("\\w+(\\.\\w+)?")) {
        throw unsupported(piece, "{% set " + piece.rest() + " %}");
      }
      List<String> target = List.of(parts[0].strip().split("\\."));
      return new Set(TemplateExpression.parseAssignment(place, piece.line(), target, parts[1]));
    }

    private TemplateLexer.Piece next(TemplateLexer.Piece opening) {
      if (at == pieces.size()) {
        throw unsupported(opening, "{% " + opening.keyword() + " %} that is never closed");
      }
      return pieces.get(at++);
    }

    private InvalidInputException unsupported(TemplateLexer.Piece piece, String what) {
      return TemplateLexer.unsupported(place, piece.line(), what);
    }
  }
}
