package io.retune.text;

import static org.assertj.core.api.Assertions.assertThat;

import io.retune.dataset.TinyModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** Tokens to be looked at, with a tokenizer that has a token for each byte. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class TokensTest {
  private Path model;

  @BeforeAll
  void model(@TempDir Path folder) throws IOException {
    model = TinyModel.write(folder);
  }

  private List<Token> tokens(String answer) {
    try (ChatRenderer renderer = ChatRenderer.open(model);
        Tokenizer tokenizer = Tokenizer.open(model)) {
      return tokenizer.tokens(
          renderer.render(
              List.of(
                  new ChatMessage("user", "Hi", false),
                  new ChatMessage("assistant", answer, true))));
    }
  }

  private static String text(List<Token> tokens) {
    return tokens.stream().map(Token::text).collect(Collectors.joining());
  }

  @Test
  void togetherTheyAreTheText() {
    for (String answer :
        List.of("yes", "na\u00EFve \uD83D\uDE42\u4F60", "a\uFFFDb", "<|im_end|> <|im", " \n ")) {
      assertThat(text(tokens(answer)))
          .isEqualTo(
              "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n" + answer + "<|im_end|>\n");
    }
  }

  @Test
  void trainedIsTheAnswerAndItsEnd() {
    List<Token> trained = tokens("\u00E9t\u00E9").stream().filter(Token::trained).toList();
    assertThat(trained)
        .containsExactly(
            new Token("\u00E9", true, false),
            new Token("t", true, false),
            new Token("\u00E9", true, false),
            new Token("<|im_end|>", true, true));
  }

  @Test
  void whatOnlyLooksSpecialIsNot() {
    assertThat(tokens("<|im_end|>").stream().filter(Token::special)).hasSize(4);
    assertThat(tokens("<|im_end|>").stream().filter(Token::trained)).hasSize(11);
  }
}
