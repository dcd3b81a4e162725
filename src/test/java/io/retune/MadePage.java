package io.retune;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.UnaryOperator;

/** A page that a test makes of the program: held against the one that stands there, or written. */
public final class MadePage {
  /** Set where pages are to be written anew. */
  private static final String WRITE = "retune.docs.write";

  private MadePage() {}

  /**
   * @param test that calls this
   */
  public static void hold(Path page, String text, Class<?> test) throws IOException {
    hold(page, text, UnaryOperator.identity(), test);
  }

  /**
   * @param steady what has to be equal of both
   * @param test that calls this
   */
  public static void hold(Path page, String text, UnaryOperator<String> steady, Class<?> test)
      throws IOException {
    if (Boolean.getBoolean(WRITE)) {
      Files.writeString(page, text);
      return;
    }
    assertThat(steady.apply(Files.readString(page)))
        .as("%s; ./retune test -Dtest=%s -D%s=true makes it", page, test.getSimpleName(), WRITE)
        .isEqualTo(steady.apply(text));
  }
}
