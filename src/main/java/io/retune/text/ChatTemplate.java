package io.retune.text;

import io.retune.config.InvalidInputException;
import io.retune.text.TemplateExpression.Scope;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A chat template: the part of Jinja that the templates of language models use, with the settings
 * transformers gives it ({@code trim_blocks}, {@code lstrip_blocks}). What is outside that part is
 * refused: syntax when the template is read, a filter, test or method when a chat reaches it. The
 * messages' content is a value like any other and is never interpreted.
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
    Scope scope = new Scope(variables);
    for (Node node : nodes) {
      node.render(scope, out);
    }
    return out.toString();
  }

  @Override
  public String toString() {
    return source;
  }

  /** A piece of the template. */
  private interface Node {
    void render(Scope scope, StringBuilder out);
  }

  private record Text(String text) implements Node {
    @Override
    public void render(Scope scope, StringBuilder out) {
      out.append(text);
      if (out.length() > MAX_OUTPUT_CHARS) {
        throw InvalidInputException.of(
            "chat template", "makes more than 16 MiB of text.", "Shorten the chat.");
      }
    }
  }

  private record Output(TemplateExpression expression) implements Node {
    @Override
    public void render(Scope scope, StringBuilder out) {
      new Text((String) expression.value(scope)).render(scope, out);
    }
  }

  private record Set(TemplateExpression assignment) implements Node {
    @Override
    public void render(Scope scope, StringBuilder out) {
      assignment.value(scope);
    }
  }

  private record Branch(TemplateExpression condition, List<Node> body) {}

  private record If(List<Branch> branches) implements Node {
    @Override
    public void render(Scope scope, StringBuilder out) {
      for (Branch branch : branches) {
        if (TemplateValues.isTrue(branch.condition().value(scope))) {
          branch.body().forEach(node -> node.render(scope, out));
          return;
        }
      }
    }
  }

  /**
   * @param condition which items are taken
   */
  private record For(
      String variable, TemplateExpression of, TemplateExpression condition, List<Node> body)
      implements Node {
    @Override
    public void render(Scope scope, StringBuilder out) {
      List<Object> items = new ArrayList<>();
      for (Object item : (List<?>) of.value(scope)) {
        Scope inner = scope.inner();
        inner.define(variable, item);
        if (TemplateValues.isTrue(condition.value(inner))) {
          items.add(item);
        }
      }
      for (int i = 0; i < items.size(); i++) {
        scope.countLoop();
        Scope inner = scope.inner();
        inner.define(variable, items.get(i));
        inner.define("loop", loop(items, i));
        body.forEach(node -> node.render(inner, out));
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
              default -> throw unsupported(piece, "{% " + piece.keyword() + " %}");
            };
      };
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
      if (parts.length != 2 || !parts[0].matches("\\w+")) {
        throw unsupported(opening, "{% for " + opening.rest() + " %}");
      }
      TemplateExpression.Loop loop = TemplateExpression.parseLoop(place, opening.line(), parts[1]);
      List<Node> body = body(List.of());
      TemplateLexer.Piece end = next(opening);
      if (!end.keyword().equals("endfor")) {
        throw unsupported(end, "{% " + end.keyword() + " %} inside a for");
      }
      return new For(parts[0], loop.items(), loop.condition(), body);
    }

    private Node assignment(TemplateLexer.Piece piece) {
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
