package io.retune;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Each {@link BadInput}: all that is said, word for word, the exit code, and nothing written. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class BadInputsTest {
  /**
   * Folder into which what was said is written instead, to be read and taken over; absent: none.
   */
  private static final String SAY_INTO = "retune.bad.say";

  private BadInputs inputs;

  @BeforeAll
  void open(@TempDir Path folder) throws IOException {
    inputs = new BadInputs(folder);
  }

  @AfterAll
  void close() {
    inputs.close();
  }

  static List<BadInput> all() throws IOException {
    return BadInput.all();
  }

  @ParameterizedTest
  @MethodSource("all")
  void itIsToldWordForWordAndNothingIsWritten(BadInput input) throws IOException {
    BadInputs.Outcome said = inputs.said(input);
    String into = System.getProperty(SAY_INTO);
    if (into != null) {
      Files.writeString(
          Files.createDirectories(Path.of(into)).resolve(input.toString().replaceAll("\\W+", "-")),
          input
              + "\n--- exit "
              + said.exit()
              + "\n"
              + said.stderr()
              + "--- stdout\n"
              + said.stdout());
    }
    assertThat(said.stderr()).isEqualTo(input.stderr());
    assertThat(said.exit()).isEqualTo(input.exit());
    assertThat(said.stdout()).isEqualTo(input.stdout());
    assertThat(said.changed()).as("files that are not as they were").isEmpty();
  }
}
