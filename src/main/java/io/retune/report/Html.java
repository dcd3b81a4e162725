package io.retune.report;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.retune.config.Secrets;
import io.retune.store.Sha256;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Markup whose every text was freed of secrets and escaped when it was put in: there is no other
 * way to make one.
 */
final class Html implements Part {
  static final Html NOTHING = new Html("");

  /** Elements that end with their start tag. */
  private static final Set<String> VOID = Set.of("meta", "br", "wbr");

  private final String markup;

  private Html(String markup) {
    this.markup = markup;
  }

  static Part.Attribute with(String name, Object value) {
    return new Part.Attribute(name, String.valueOf(value));
  }

  static Part.Attribute style(String classes) {
    return with("class", classes);
  }

  static Html text(String text) {
    return new Html(escaped(text));
  }

  /** One behind the other. */
  static Html of(Html... pieces) {
    return of(List.of(pieces));
  }

  static Html of(List<Html> pieces) {
    return new Html(pieces.stream().map(piece -> piece.markup).collect(Collectors.joining()));
  }

  static Html tag(String name, Part... parts) {
    StringBuilder start = new StringBuilder("<").append(name);
    StringBuilder content = new StringBuilder();
    for (Part part : parts) {
      if (part instanceof Part.Attribute attribute) {
        start.append(' ').append(attribute.name()).append("=\"");
        start.append(escaped(attribute.value())).append('"');
      } else if (part instanceof Html html) {
        content.append(html.markup);
      }
    }
    start.append('>');
    return new Html(VOID.contains(name) ? start.toString() : start + "" + content + end(name));
  }

  private static String end(String name) {
    return "</" + name + ">";
  }

  static Html tag(String name, String text) {
    return tag(name, text(text));
  }

  static Html tag(String name, String classes, String text) {
    return tag(name, style(classes), text(text));
  }

  /** A file of ours: a style sheet or a script. */
  record Resource(String content) {
    static Resource read(String name) {
      try (InputStream in = Html.class.getResourceAsStream(name)) {
        return new Resource(new String(in.readAllBytes(), UTF_8));
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    /** As a content security policy names it. */
    String allowed() {
      byte[] digest = HexFormat.of().parseHex(Sha256.of(content).hex());
      return "'sha256-" + Base64.getEncoder().encodeToString(digest) + "'";
    }
  }

  static Html tag(String name, Resource resource) {
    return new Html("<" + name + ">" + resource.content + end(name));
  }

  /** A whole page. */
  String document() {
    return "<!DOCTYPE html>\n" + markup + "\n";
  }

  boolean isEmpty() {
    return markup.isEmpty();
  }

  /**
   * Of a text from anywhere: secrets hidden, nothing that markup could be made of, and what would
   * not be seen or would make the rest be seen in another order ("Trojan Source", CVE-2021-42574)
   * as the name of its code point.
   */
  private static String escaped(String text) {
    StringBuilder escaped = new StringBuilder();
    Secrets.hide(text).codePoints().forEach(c -> append(escaped, c));
    return escaped.toString();
  }

  private static void append(StringBuilder escaped, int c) {
    switch (c) {
      case '&' -> escaped.append("&amp;");
      case '<' -> escaped.append("&lt;");
      case '>' -> escaped.append("&gt;");
      case '"' -> escaped.append("&quot;");
      case '\'' -> escaped.append("&#39;");
      case '\n', '\t' -> escaped.append((char) c);
      default -> {
        if (isUnseen(c)) {
          escaped.append(String.format(Locale.ROOT, "[U+%04X]", c));
        } else {
          escaped.appendCodePoint(c);
        }
      }
    }
  }

  /** The joiners are part of scripts and of emoji, and stay. */
  private static boolean isUnseen(int c) {
    boolean joiner = c == 0x200C || c == 0x200D;
    return switch (Character.getType(c)) {
      case Character.CONTROL,
          Character.SURROGATE,
          Character.LINE_SEPARATOR,
          Character.PARAGRAPH_SEPARATOR,
          Character.UNASSIGNED ->
          true;
      case Character.FORMAT -> !joiner;
      default -> false;
    };
  }
}
