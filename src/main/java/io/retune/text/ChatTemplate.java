package io.retune.text;

import io.retune.config.InvalidInputException;
import io.retune.text.TemplateExpression.Scope;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * A chat template: the part of Jinja that the templates of language models use, with the settings
 * transformers gives it ({@code trim_blocks}, {@code lstrip_blocks}). What is outside that part is
 * refused when the template is read. The messages' content is a value like any other and is never
 * interpreted.
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
      new Text(TemplateValues.text(expression.value(scope))).render(scope, out);
    }
  }

  private record Set(List<String> target, TemplateExpression expression) implements Node {
    @Override
    public void render(Scope scope, StringBuilder out) {
      scope.set(target, expression.value(scope));
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

  private record For(String variable, TemplateExpression of, List<Node> body) implements Node {
    @Override
    public void render(Scope scope, StringBuilder out) {
      List<?> items = TemplateValues.items(of.value(scope));
      for (int i = 0; i < items.size(); i++) {
        Scope inner = scope.inner();
        inner.define(variable, items.get(i));
        inner.define(
            "loop",
            Map.of(
                "index0",
                (long) i,
                "index",
                (long) i + 1,
                "first",
                i == 0,
                "last",
                i == items.size() - 1,
                "length",
                (long) items.size()));
        body.forEach(node -> node.render(inner, out));
      }
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
        case OUTPUT -> new Output(expression(piece, piece.text()));
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
      List<Node> body = body(List.of());
      TemplateLexer.Piece end = next(opening);
      if (!end.keyword().equals("endfor")) {
        throw unsupported(end, "{% " + end.keyword() + " %} inside a for");
      }
      return new For(parts[0], expression(opening, parts[1]), body);
    }

    private Node assignment(TemplateLexer.Piece piece) {
      String[] parts = piece.rest().split("=", 2);
      if (parts.length != 2 || !parts[0].strip().matches("\\w+(\\.\\w+)?")) {
        throw unsupported(piece, "{% set " + piece.rest() + " %}");
      }
      return new Set(List.of(parts[0].strip().split("\\.")), expression(piece, parts[1]));
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
