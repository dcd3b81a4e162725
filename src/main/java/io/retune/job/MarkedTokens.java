package io.retune.job;

import io.retune.text.Token;
import java.util.List;

/**
 * Tokens as text with the trained ones marked: each run of them between two marks, as the report
 * marks a text that is read rather than counted.
 */
enum MarkedTokens {
  /** For a terminal: green. */
  COLOURED("\u001b[32m", "\u001b[0m"),

  /** For a file. */
  BRACKETED("⟦", "⟧"),

  /** For any terminal. */
  ASCII("[[", "]]"),

  /** For a program, which no control character harms. */
  AS_IT_IS("[[", "]]");

  /** Unicode's pictures of the control characters begin here. */
  private static final char PICTURES = '\u2400';

  private static final char DELETE = '\u007f';
  private static final char PICTURE_OF_DELETE = '\u2421';

  private final String begin;
  private final String end;

  MarkedTokens(String begin, String end) {
    this.begin = begin;
    this.end = end;
  }

  String text(List<Token> tokens) {
    return excerpt(tokens, Integer.MAX_VALUE);
  }

  /** Cut, and said to be, behind the token with which it has more than {@code most} characters. */
  String excerpt(List<Token> tokens, int most) {
    StringBuilder text = new StringBuilder();
    boolean trained = false;
    for (Token token : tokens) {
      if (token.trained() != trained) {
        text.append(trained ? end : begin);
        trained = token.trained();
      }
      text.append(this == AS_IT_IS ? token.text() : harmless(token.text()));
      if (text.length() > most) {
        return text.append(trained ? end : "").append(" ...").toString();
      }
    }
    return text.append(trained ? end : "").toString();
  }

  /** A chat's control characters would do something to the terminal. */
  private static String harmless(String text) {
    StringBuilder harmless = new StringBuilder();
    text.chars().forEach(c -> harmless.append(harmless((char) c)));
    return harmless.toString();
  }

  private static char harmless(char c) {
    if (c == DELETE) {
      return PICTURE_OF_DELETE;
    }
    // What follows DELETE, up to 0x9f, are control characters of eight bits.
    boolean control = c < ' ' && c != '\n' && c != '\t';
    return control ? (char) (PICTURES + c) : c > DELETE && c < '\u00a0' ? '\ufffd' : c;
  }
}
