package io.retune.report;

import static io.retune.report.Html.style;
import static io.retune.report.Html.tag;
import static io.retune.report.Html.text;
import static io.retune.report.Html.with;

import io.retune.config.Secrets;
import io.retune.text.Token;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/** An example's text with its trained part marked. */
final class Tokens {
  /** Of a text that is longer, the beginning and the end. */
  private static final int MOST = 700;

  private static final int OF_THE_BEGINNING = 200;

  private Tokens() {}

  /** With a border around each token. */
  static Html apart(List<Token> tokens) {
    return shown(tokens, Tokens::each);
  }

  /** As running text. */
  static Html together(List<Token> tokens) {
    return shown(tokens, Tokens::runs);
  }

  private interface Setting {
    List<Html> of(List<Token> tokens);
  }

  private static Html shown(List<Token> tokens, Setting setting) {
    String whole = tokens.stream().map(Token::text).collect(Collectors.joining());
    if (!Secrets.hide(whole).equals(whole)) {
      // In pieces a secret is not recognised.
      return tag("div", "example", whole);
    }
    List<Html> pieces = new ArrayList<>();
    if (tokens.size() <= MOST) {
      pieces.addAll(setting.of(tokens));
    } else {
      int left = tokens.size() - MOST;
      pieces.addAll(setting.of(tokens.subList(0, OF_THE_BEGINNING)));
      pieces.add(tag("span", "omitted", " … " + Figures.count(left, "token") + " left out … "));
      pieces.addAll(setting.of(tokens.subList(OF_THE_BEGINNING + left, tokens.size())));
    }
    return tag("div", style("example"), with("dir", "auto"), Html.of(pieces));
  }

  private static List<Html> each(List<Token> tokens) {
    List<Html> pieces = new ArrayList<>();
    for (Token token : tokens) {
      pieces.add(
          tag(token.trained() ? "mark" : "span", "token" + kind(token), visible(token.text())));
    }
    return pieces;
  }

  /** A line end is a token, or part of one, that would not be seen. */
  private static String visible(String text) {
    return text.replace("\n", "⏎\n");
  }

  private static String kind(Token token) {
    return token.special() ? " special" : "";
  }

  private static List<Html> runs(List<Token> tokens) {
    List<Html> pieces = new ArrayList<>();
    int first = 0;
    for (int i = 1; i <= tokens.size(); i++) {
      if (i == tokens.size() || !alike(tokens.get(first), tokens.get(i))) {
        String run =
            tokens.subList(first, i).stream().map(Token::text).collect(Collectors.joining());
        pieces.add(run(tokens.get(first), run));
        first = i;
      }
    }
    return pieces;
  }

  private static boolean alike(Token one, Token other) {
    return one.trained() == other.trained() && one.special() == other.special();
  }

  private static Html run(Token first, String run) {
    if (!first.trained() && !first.special()) {
      return text(run);
    }
    return tag(first.trained() ? "mark" : "span", "run" + kind(first), run);
  }
}
