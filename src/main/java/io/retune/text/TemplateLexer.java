package io.retune.text;

import io.retune.config.ErrorCode;
import io.retune.config.InvalidInputException;
import java.util.ArrayList;
import java.util.List;

/** Cuts a template into text, outputs and statements, and applies Jinja's whitespace control. */
final class TemplateLexer {
  private TemplateLexer() {}

  enum Kind {
    TEXT,
    OUTPUT,
    STATEMENT
  }

  /**
   * @param text inside the delimiters
   */
  record Piece(Kind kind, String text, int line) {
    /** The word a statement starts with. */
    String keyword() {
      int end = 0;
      while (end < text.length() && Character.isJavaIdentifierPart(text.charAt(end))) {
        end++;
      }
      return text.substring(0, end);
    }

    /** What follows it. */
    String rest() {
      return text.substring(keyword().length()).strip();
    }
  }

  static InvalidInputException unsupported(String place, int line, String what) {
    return InvalidInputException.of(
        ErrorCode.TEMPLATE_NOT_SUPPORTED,
        place,
        "line " + line + " of the chat template has " + what + ", which is not supported.",
        "Give the model a simpler chat_template.");
  }

  static List<Piece> pieces(String place, String template) {
    String source = lines(template);
    List<Piece> pieces = new ArrayList<>();
    int at = 0;
    while (at < source.length()) {
      int open = nextOpening(source, at);
      if (open < 0) {
        add(pieces, Kind.TEXT, source.substring(at), line(source, at));
        break;
      }
      char kind = source.charAt(open + 1);
      String close = kind == '{' ? "}}" : kind == '%' ? "%}" : "#}";
      int end = closing(source, open + 2, close, kind == '#');
      if (end < 0) {
        throw unsupported(
            place,
            line(source, open),
            "a " + source.substring(open, open + 2) + " without " + close);
      }
      String inside = source.substring(open + 2, end);
      add(
          pieces,
          Kind.TEXT,
          before(source.substring(at, open), inside, kind, startsLine(source, at)),
          line(source, at));
      at = after(source, end + 2, inside, kind);
      String bare = inside.replaceFirst("^[-+]", "").replaceFirst("[-+]$", "").strip();
      if (kind != '#') {
        add(pieces, kind == '{' ? Kind.OUTPUT : Kind.STATEMENT, bare, line(source, open));
      }
    }
    return pieces;
  }

  /** Newlines as \n, and one at the very end dropped (keep_trailing_newline is off). */
  private static String lines(String template) {
    String lines = template.replace("\r\n", "\n").replace('\r', '\n');
    return lines.endsWith("\n") ? lines.substring(0, lines.length() - 1) : lines;
  }

  private static boolean startsLine(String source, int at) {
    return at == 0 || source.charAt(at - 1) == '\n';
  }

  private static void add(List<Piece> pieces, Kind kind, String text, int line) {
    if (!text.isEmpty()) {
      pieces.add(new Piece(kind, text, line));
    }
  }

  private static int nextOpening(String source, int from) {
    for (int i = from; i + 1 < source.length(); i++) {
      if (source.charAt(i) == '{' && "{%#".indexOf(source.charAt(i + 1)) >= 0) {
        return i;
      }
    }
    return -1;
  }

  /** The closing delimiter that is not inside a string, nor closes a mapping. */
  private static int closing(String source, int from, String close, boolean comment) {
    char quote = 0;
    int mappings = 0;
    for (int i = from; i + 1 < source.length(); i++) {
      char c = source.charAt(i);
      if (quote != 0) {
        if (c == '\\') {
          i++;
        } else if (c == quote) {
          quote = 0;
        }
      } else if (!comment && (c == '"' || c == '\'')) {
        quote = c;
      } else if (mappings == 0 && source.startsWith(close, i)) {
        return i;
      } else if (!comment && c == '{') {
        mappings++;
      } else if (c == '}') {
        mappings = Math.max(0, mappings - 1);
      }
    }
    return -1;
  }

  /**
   * {@code -} strips everything blank before; lstrip_blocks strips the blanks of the line before a
   * statement or comment.
   *
   * @param startsLine nothing but a newline, which may be dropped already, is before the text
   */
  private static String before(String text, String inside, char kind, boolean startsLine) {
    if (inside.startsWith("-")) {
      return text.stripTrailing();
    }
    if (kind == '{' || inside.startsWith("+")) {
      return text;
    }
    int end = text.length();
    while (end > 0 && (text.charAt(end - 1) == ' ' || text.charAt(end - 1) == '\t')) {
      end--;
    }
    boolean lineStart = end == 0 ? startsLine : text.charAt(end - 1) == '\n';
    return lineStart ? text.substring(0, end) : text;
  }

  /**
   * {@code -} strips everything blank behind; trim_blocks drops the newline behind a statement or
   * comment.
   */
  private static int after(String source, int from, String inside, char kind) {
    int at = from;
    if (inside.endsWith("-")) {
      while (at < source.length() && Character.isWhitespace(source.charAt(at))) {
        at++;
      }
    } else if (kind != '{' && !inside.endsWith("+") && source.startsWith("\n", at)) {
      at++;
    }
    return at;
  }

  private static int line(String source, int at) {
    return 1 + (int) source.substring(0, at).chars().filter(c -> c == '\n').count();
  }
}
