package io.retune.report;

import io.retune.text.Token;
import java.util.List;

/**
 * An example that a page shows, token by token.
 *
 * @param tokens none: its text is not to be shown
 */
public record ShownExample(String id, String dataset, List<Token> tokens) {
  public ShownExample {
    tokens = List.copyOf(tokens);
  }

  boolean isWithheld() {
    return tokens.isEmpty();
  }
}
