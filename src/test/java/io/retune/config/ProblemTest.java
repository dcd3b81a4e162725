package io.retune.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.util.List;
import org.junit.jupiter.api.Test;

class ProblemTest {
  private static Problem said(String message) {
    return new Problem(ErrorCode.SQL_REFUSED, "query", message, "Mend it.");
  }

  @Test
  void itSaysWhereWhatWhichAndWhatToDo() {
    assertThat(said("is none.")).hasToString("query: is none. [sql-refused]\n  Mend it.");
    assertThatThrownBy(() -> new Problem(ErrorCode.SQL_REFUSED, "query", "is none.", " "))
        .hasMessage("A problem needs a place, a message and a remedy");
  }

  @Test
  void aRemedyThatSeveralHaveInCommonIsSaidOnce() {
    Problem other = new Problem(ErrorCode.NO_ROWS, "data", "are none.", "Find some.");
    assertThat(Failure.told(List.of(said("is a."), said("is b."), other, said("is c."))))
        .isEqualTo(
            """
            query: is a. [sql-refused]
            query: is b. [sql-refused]
              Mend it.
            data: are none. [no-rows]
              Find some.
            query: is c. [sql-refused]
              Mend it.""");
  }

  @Test
  void whatOthersSayIsALineAndASentence() {
    assertThat(said("\"SELECT\n    1\"\r\nis  none").message()).isEqualTo("\"SELECT 1\" is  none.");
    assertThat(said("is 100 %s of $1 \\n").message()).isEqualTo("is 100 %s of $1 \\n.");
    assertThat(said("Why \"a\"?").message()).isEqualTo("Why \"a\"?");
  }

  @Test
  void nothingMovesTheCursorOfATerminal() {
    assertThat(said("is \u001b[31mred\u0007 and\tblue.").message())
        .isEqualTo("is \\u001b[31mred\\u0007 and\\u0009blue.");
  }

  @Test
  void theMiddleOfAHugeTextIsCutAndItsEndIsKept() {
    String cut = said("\"" + "x".repeat(100_000) + "\" is no number.").message();
    assertThat(cut)
        .hasSize(1000)
        .startsWith("\"xxx")
        .contains("xxx ... xxx")
        .endsWith("xxx\" is no number.");
    assertThat(said("x".repeat(999)).message()).hasSize(1000).doesNotContain("...");
  }

  @Test
  void noCharacterIsCutInTwo() {
    for (int before = 0; before < 4; before++) {
      String cut = said("x".repeat(before) + "\ud83d\ude00".repeat(1000)).message();
      assertThat(cut.codePoints().filter(c -> c >= 0xd800 && c <= 0xdfff)).isEmpty();
    }
  }

  @Test
  void aSecretIsHiddenBeforeTheTextAroundItIsCut() {
    String secret = "hunter-22-".repeat(30);
    Secrets.remember(secret);
    assertThat(said("x".repeat(600) + secret + "x".repeat(600)).message()).doesNotContain("hunter");
  }

  @Test
  void anExceptionHasOneExitCode() {
    Problem held = new Problem(ErrorCode.RUN_HELD, "run", "is held.", "Wait.");
    assertThatThrownBy(() -> new InvalidInputException(List.of(said("is none."), held)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith("Not what ends a command with BAD_INPUT: ");
    assertThatThrownBy(() -> new InvalidInputException(List.of()))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void whyAFileCannotBeUsedIsSaidInWords() {
    assertThat(FileReason.of(new NoSuchFileException("/a/b"))).isEqualTo("there is no /a/b");
    assertThat(FileReason.ofWriting(new NoSuchFileException("/a/b")))
        .isEqualTo("there is no folder /a");
    assertThat(FileReason.of(new AccessDeniedException("/a"))).isEqualTo("no permission for /a");
    assertThat(FileReason.of(new FileSystemException("/a", null, "No space left on device")))
        .isEqualTo("/a: No space left on device");
    assertThat(FileReason.of(new IOException("\nOut of paper.\n at x"))).isEqualTo("Out of paper");
    assertThat(FileReason.of(new IOException())).isEqualTo("IOException");
  }
}
