package io.retune.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import io.retune.RetuneHere;
import io.retune.Said;
import io.retune.store.Sha256;
import io.retune.store.Store;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code retune export}, of a small model; what others read in it: {@link ExportParityTest}. */
class ExportTest {
  private static final String IDS =
      "{\"input_ids\": [4, 5, 6, 7, 8, 9], \"labels\": [-100, 5, 6, 7, 8, 9]}\n";

  @TempDir static Path folder;
  private static Store store;
  private static TinyRuns runs;

  @BeforeAll
  static void fillStore() throws IOException {
    store = Store.open(folder.resolve("store").toString(), new Configuration());
    runs = new TinyRuns(store);
    runs.licensed("tiny-1", "Apache-2.0");
    runs.finished("bare-1");
    runs.begun("begun-1");
  }

  private static Said retune(String... arguments) {
    return RetuneHere.run(
        Stream.concat(
                Arrays.stream(arguments),
                Stream.of("--store", store.uri(), "--set", "cache=" + folder.resolve("cache")))
            .toArray(String[]::new));
  }

  private static List<String> in(Path exported) throws IOException {
    try (Stream<Path> files = Files.list(exported)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  @Test
  void theAdapterAndItsCard() throws IOException {
    Path to = folder.resolve("adapter");
    JsonNode said = retune("export", "tiny", "--to", to.toString(), "--json").json();
    assertThat(in(to))
        .containsExactly("README.md", "adapter_config.json", "adapter_model.safetensors");
    for (String file : in(to)) {
      assertThat(said.path("sha256").path(file).asText())
          .isEqualTo(Sha256.of(to.resolve(file)).hex());
    }
    String card = Files.readString(to.resolve("README.md"));
    assertThat(card)
        .startsWith(
            """
            ---
            license: "apache-2.0"
            library_name: peft
            pipeline_tag: text-generation
            tags: [retune, lora]
            datasets: ["noise"]
            ---

            # tiny

            Says noise.

            ## Data
            """)
        .contains("| noise | 3 | 10 | CC0-1.0 | public | `" + Sha256.of("n").hex() + "` |")
        .contains("- `order.steps`: few are enough")
        .contains("| all | 3.0000 | 2.0000 | -1.0000 | -1.5000 to -0.5000 | better |")
        .contains(
            "| a\\|b | 3.0000 | 3.0000 | +0.0000 | -0.1000 to +0.1000 | no difference shown |")
        .contains("| base model | `" + runs.model() + "` |")
        .as("no run, and no folder of somebody's")
        .doesNotContain("tiny-1", "/home/");
  }

  @Test
  void theMergedModelScoresWhatModelAndAdapterScore() throws IOException {
    Path to = folder.resolve("merged");
    assertThat(retune("export", "tiny", "--to", to.toString(), "--merged").exitCode()).isZero();
    assertThat(in(to)).contains("README.md", "config.json", "model.safetensors", "tokenizer.json");
    Path data = Files.writeString(folder.resolve("ids.jsonl"), IDS);
    Path adapter = store.localPath("runs", "tiny-1", "adapter");
    double merged =
        retune("score", to.toString(), "--data", data.toString(), "--json")
            .json()
            .path("loss")
            .asDouble();
    JsonNode apart =
        retune(
                "score",
                runs.model().substring(0, 12),
                "--data",
                data.toString(),
                "--json",
                "--adapter",
                adapter.toString())
            .json();
    JsonNode untouched = retune("score", runs.model(), "--data", data.toString(), "--json").json();
    assertThat(merged).isCloseTo(apart.path("loss").asDouble(), within(1e-5));
    assertThat(merged).isNotCloseTo(untouched.path("loss").asDouble(), within(1e-2));
  }

  @Test
  void aModelThatChangedInTheStoreIsNotMergedWith() throws IOException {
    Path weights = store.localPath("models", runs.model(), "model.safetensors");
    byte[] sound = Files.readAllBytes(weights);
    byte[] changed = sound.clone();
    changed[changed.length - 1] ^= 1;
    Files.write(weights, changed);
    try {
      Path to = folder.resolve("of-changed");
      for (List<String> form : List.of(List.of("--merged"), List.of("--gguf", "F16"))) {
        Said said =
            retune(
                Stream.concat(Stream.of("export", "tiny", "--to", to.toString()), form.stream())
                    .toArray(String[]::new));
        assertThat(said.exitCode()).isEqualTo(2);
        assertThat(said.stderr())
            .startsWith(weights.getParent() + ": was changed since it was imported: ")
            .contains("[model-changed]");
      }
      assertThat(to).doesNotExist();
    } finally {
      Files.write(weights, sound);
    }
  }

  @Test
  void twiceTheSameBytes() throws IOException {
    for (String to : List.of("once", "twice")) {
      retune("export", "tiny", "--to", folder.resolve(to).toString(), "--merged");
    }
    for (String file : in(folder.resolve("once"))) {
      assertThat(folder.resolve("twice").resolve(file))
          .hasSameBinaryContentAs(folder.resolve("once").resolve(file));
    }
  }

  @Test
  void whatCannotBeExportedIsSaid() throws IOException {
    Path to = folder.resolve("none");
    assertThat(retune("export", "bare", "--to", to.toString(), "--use", " ").stderr())
        .startsWith(
            """
            model card: would not say a licence. [model-card-incomplete]
              Give --licence, or model.licence in the configuration of the run.
            model card: would not say what the model is for. [model-card-incomplete]
              Give --use, or a description in the configuration.
            """);
    assertThat(retune("export", "begun", "--to", to.toString()).stderr())
        .startsWith("run \"begun-1\": is not finished: 0 of 4 steps are done.");
    Said gguf = retune("export", "tiny", "--to", to.toString(), "--gguf", "F16");
    assertThat(gguf.exitCode()).isEqualTo(2);
    assertThat(gguf.stderr())
        .contains("which is not written as GGUF.")
        .contains("Export with --merged, and convert that directory with llama.cpp's own program.");
    assertThat(to).doesNotExist();
    Path full = Files.createDirectories(folder.resolve("full"));
    Files.writeString(full.resolve("mine"), "kept");
    assertThat(retune("export", "tiny", "--to", full.toString()).stderr())
        .startsWith(
            "--to "
                + full
                + ": is there already, and not empty. [output-exists]\n  Give a new folder.\n");
    assertThat(full.resolve("mine")).hasContent("kept");
    try (Stream<Path> left = Files.list(folder)) {
      assertThat(left.filter(path -> path.getFileName().toString().startsWith(".exporting-")))
          .isEmpty();
    }
  }
}
