package io.retune.it;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.retune.RetuneHere;
import io.retune.Said;
import io.retune.model.AdapterFiles;
import io.retune.store.Store;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code retune generate}, of a small model with random weights: what it says is noise. */
class GenerateTest {
  private static final String PROMPT = "Say \"a\".";

  @TempDir static Path folder;
  private static Store store;

  @BeforeAll
  static void fillStore() throws IOException {
    store = Store.open(folder.resolve("store").toString(), new Configuration());
    TinyRuns runs = new TinyRuns(store);
    runs.finished("tiny-1");
    runs.finished("tiny-2");
    runs.begun("begun-1");
    Path changed = store.localPath("runs", "tiny-2", "adapter", AdapterFiles.WEIGHTS);
    byte[] bytes = Files.readAllBytes(changed);
    bytes[bytes.length - 1] ^= 1;
    Files.write(changed, bytes);
  }

  private static Said generate(String run, String prompt, String... more) {
    return RetuneHere.run(
        Stream.concat(
                Stream.of(
                    "generate",
                    run,
                    prompt,
                    "--store",
                    store.uri(),
                    "--set",
                    "cache=" + folder.resolve("cache")),
                Stream.of(more))
            .toArray(String[]::new));
  }

  @Test
  void theAnswerIsAllOfStdout() {
    JsonNode json = generate("tiny-1", PROMPT, "--max-tokens", "9", "--json").json();
    assertThat(json.fieldNames())
        .toIterable()
        .containsExactlyInAnyOrder("run", "prompt", "after", "tokens", "stopped");
    assertThat(json.path("run").asText()).isEqualTo("tiny-1");
    assertThat(json.path("prompt").asText()).isEqualTo(PROMPT);
    assertThat(json.path("tokens").asInt()).isEqualTo(9);
    assertThat(json.path("stopped").asText()).isEqualTo("limit");

    Said plain = generate("tiny-1", PROMPT, "--max-tokens", "9");
    assertThat(plain.exitCode()).isZero();
    assertThat(plain.stdout()).isEqualTo(json.path("after").asText() + "\n");
    assertThat(plain.stderr())
        .isEqualTo("The answer was cut after 9 tokens; --max-tokens lets it go on.\n");
  }

  @Test
  void theUntouchedModelIsAskedToo() {
    Said both = generate("tiny-1", PROMPT, "--max-tokens", "9", "--before");
    JsonNode json = generate("tiny-1", PROMPT, "--max-tokens", "9", "--before", "--json").json();
    String before = json.path("before").asText();
    String after = json.path("after").asText();
    assertThat(before).isNotEmpty().isNotEqualTo(after);
    assertThat(both.stdout()).isEqualTo("before  " + before + "\nafter   " + after + "\n");
  }

  @Test
  void aRunThatIsNotFinishedHasNoModelYet() {
    Said none = generate("begun", PROMPT);
    assertThat(none.exitCode()).isEqualTo(2);
    assertThat(none.stdout()).isEmpty();
    assertThat(none.stderr())
        .startsWith(
            """
            run "begun-1": is not finished: 0 of 4 steps are done. [run-not-finished]
              Wait for it, or go on with it: retune run CONF --request again
            """);
  }

  @Test
  void anAdapterThatWasChangedAnswersNothing() {
    Said none = generate("tiny-2", PROMPT);
    assertThat(none.exitCode()).isEqualTo(4);
    assertThat(none.stdout()).isEmpty();
    assertThat(none.stderr())
        .contains("adapter_model.safetensors: was changed since it was exported: its SHA-256 is ");
  }

  @Test
  void whatCannotBeAnsweredIsSaid() {
    assertThat(generate("tiny-1", " ").stderr())
        .startsWith("PROMPT: is empty. [empty-value]\n  Give a message in quotes.\n");
    assertThat(generate("tiny-1", "x".repeat(600)).stderr())
        .startsWith(
            "PROMPT: fills the model's context; no answer fits behind it. [example-too-long]\n");
    Said none = generate("tiny-1", PROMPT, "--max-tokens", "0");
    assertThat(none.exitCode()).isEqualTo(2);
    assertThat(none.stderr())
        .startsWith(
            "--max-tokens 0: leaves no room for an answer. [out-of-range]\n  Give at least 1.\n");
  }
}
