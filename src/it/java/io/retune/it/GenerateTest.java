package io.retune.it;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.retune.config.SourceSpec;
import io.retune.config.TrainSpec;
import io.retune.dataset.Snapshot;
import io.retune.lineage.Journal;
import io.retune.lineage.JournalEntry;
import io.retune.model.AdapterFiles;
import io.retune.model.AdapterLayout;
import io.retune.model.ModelConfig;
import io.retune.store.Lease;
import io.retune.store.Sha256;
import io.retune.store.Store;
import io.retune.train.TinyDecoder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code retune generate}, of a small model with random weights: what it says is noise. */
class GenerateTest {
  private static final TrainSpec.Lora LORA = new TrainSpec.Lora(2, 4, AdapterLayout.modules());
  private static final String PROMPT = "Say \"a\".";

  @TempDir static Path folder;
  private static Store store;
  private static String model;

  @BeforeAll
  static void fillStore() throws IOException {
    store = Store.open(folder.resolve("store").toString(), new Configuration());
    model = TinyDecoder.into(store);
    declare("tiny-1", true);
    declare("tiny-2", true);
    declare("begun-1", false);
    Path changed = store.localPath("runs", "tiny-2", "adapter", AdapterFiles.WEIGHTS);
    byte[] bytes = Files.readAllBytes(changed);
    bytes[bytes.length - 1] ^= 1;
    Files.write(changed, bytes);
  }

  private static void declare(String run, boolean finished) throws IOException {
    try (Lease lease = Lease.take(store, store.path("runs", run), "The run " + run);
        Journal journal = Journal.open(store, run, lease)) {
      String name = run.substring(0, run.indexOf('-'));
      journal.append(
          new JournalEntry.Declared(
              run,
              "again",
              new JournalEntry.Asked(name, "", "e", "{}", new TreeMap<>(), List.of()),
              new SourceSpec("file:tiny", model),
              model,
              List.of(),
              new Snapshot(
                  "s", Sha256.of("s"), new Sha256(model), new TreeMap<>(), List.of(), 9, 1),
              "p",
              "p",
              "",
              "",
              4,
              200,
              100));
      if (finished) {
        journal.append(
            new JournalEntry.Ended(
                export(run), "runs/" + run + "/adapter", List.of(), new TreeMap<>()));
      }
    }
  }

  private static String export(String run) throws IOException {
    ModelConfig config = ModelConfig.read(store.localPath("models", model, "config.json"));
    AdapterLayout layout = AdapterLayout.of(config, LORA);
    float[] adapter = new float[layout.size()];
    Random random = new Random(1);
    for (int i = 0; i < adapter.length; i++) {
      adapter[i] = (float) (random.nextGaussian() * 0.2);
    }
    AdapterFiles.write(store, store.path("runs", run, "adapter"), layout, adapter, LORA, "tiny");
    return Sha256.of(store.localPath("runs", run, "adapter", AdapterFiles.WEIGHTS)).hex();
  }

  private static RetuneProcess generate(String run, String prompt, String... more) {
    return RetuneProcess.run(
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

    RetuneProcess plain = generate("tiny-1", PROMPT, "--max-tokens", "9");
    assertThat(plain.exitCode()).isZero();
    assertThat(plain.stdout()).isEqualTo(json.path("after").asText() + "\n");
    assertThat(plain.stderr())
        .isEqualTo("The answer was cut after 9 tokens; --max-tokens lets it go on.\n");
  }

  @Test
  void theUntouchedModelIsAskedToo() {
    RetuneProcess both = generate("tiny-1", PROMPT, "--max-tokens", "9", "--before");
    JsonNode json = generate("tiny-1", PROMPT, "--max-tokens", "9", "--before", "--json").json();
    String before = json.path("before").asText();
    String after = json.path("after").asText();
    assertThat(before).isNotEmpty().isNotEqualTo(after);
    assertThat(both.stdout()).isEqualTo("before  " + before + "\nafter   " + after + "\n");
  }

  @Test
  void aRunThatIsNotFinishedHasNoModelYet() {
    RetuneProcess none = generate("begun", PROMPT);
    assertThat(none.exitCode()).isEqualTo(2);
    assertThat(none.stdout()).isEmpty();
    assertThat(none.stderr())
        .startsWith(
            """
            run "begun-1": is not finished: 0 of 4 steps are done.
              Wait for it, or go on with it: retune run CONF --request again
            """);
  }

  @Test
  void anAdapterThatWasChangedAnswersNothing() {
    RetuneProcess none = generate("tiny-2", PROMPT);
    assertThat(none.exitCode()).isEqualTo(4);
    assertThat(none.stdout()).isEmpty();
    assertThat(none.stderr())
        .contains("adapter_model.safetensors was changed since it was exported: its SHA-256 is ");
  }

  @Test
  void whatCannotBeAnsweredIsSaid() {
    assertThat(generate("tiny-1", " ").stderr())
        .startsWith("PROMPT: is empty.\n  Give a message in quotes.\n");
    assertThat(generate("tiny-1", "x".repeat(600)).stderr())
        .startsWith("PROMPT: fills the model's context; no answer fits behind it.\n");
    RetuneProcess none = generate("tiny-1", PROMPT, "--max-tokens", "0");
    assertThat(none.exitCode()).isEqualTo(2);
    assertThat(none.stderr())
        .startsWith("--max-tokens 0: leaves no room for an answer.\n  Give at least 1.\n");
  }
}
