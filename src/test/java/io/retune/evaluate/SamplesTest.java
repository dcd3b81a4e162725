package io.retune.evaluate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import io.retune.config.TrainSpec;
import io.retune.engine.Generator.Stop;
import io.retune.evaluate.ChatModel.Answer;
import io.retune.model.AdapterLayout;
import io.retune.model.ImportedModel;
import io.retune.model.ModelConfig;
import io.retune.store.Json;
import io.retune.store.Sha256;
import io.retune.store.Store;
import io.retune.train.TinyDecoder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** With random weights: what is said is noise, but the same noise each time. */
class SamplesTest {
  private static final TrainSpec.Lora LORA = new TrainSpec.Lora(2, 4, AdapterLayout.modules());
  private static final List<String> PROMPTS = List.of("Say a.", "Say nothing at all, please.");

  @TempDir Path folder;
  private Store store;
  private ImportedModel model;
  private float[] adapter;

  @BeforeEach
  void makeModel() throws IOException {
    store = Store.open(folder.resolve("store").toString(), new Configuration());
    Sha256 sha256 = new Sha256(TinyDecoder.into(store));
    Path directory = store.localPath("models", sha256.hex());
    model =
        new ImportedModel(sha256, directory, ModelConfig.read(directory.resolve("config.json")));
    adapter = new float[AdapterLayout.of(model.config(), LORA).size()];
    Random random = new Random(1);
    for (int i = 0; i < adapter.length; i++) {
      adapter[i] = (float) (random.nextGaussian() * 0.2);
    }
  }

  private ChatModel open() throws IOException {
    return ChatModel.open(model, folder.resolve("cache"), LORA);
  }

  @Test
  void samplesAreTheAnswersWithoutAndWithTheAdapter() throws IOException {
    try (ChatModel chat = open()) {
      Samples samples = Samples.of(chat, PROMPTS, adapter, 12);

      assertThat(samples.samples().stream().map(Samples.Sample::prompt)).isEqualTo(PROMPTS);
      for (Samples.Sample sample : samples.samples()) {
        List<String> alone = List.of(sample.prompt());
        assertThat(chat.answer(alone, chat.untouched(), 12)).containsExactly(sample.before());
        assertThat(chat.answer(alone, adapter, 12)).containsExactly(sample.after());
        assertThat(sample.before()).isNotEqualTo(sample.after());
        assertThat(sample.after().text()).isNotEmpty();
      }
      assertThat(Samples.of(chat, PROMPTS, adapter, 12)).isEqualTo(samples);
      assertThat(Samples.of(chat, List.of(), adapter, 12).samples()).isEmpty();
    }
  }

  @Test
  void theFileSaysWhatTheyAre() throws IOException {
    Samples samples =
        new Samples(
            48,
            List.of(
                new Samples.Sample(
                    "Hi?",
                    new Answer("Hello, \"you\".", 5, Stop.END_OF_TURN),
                    new Answer("hi\n", 48, Stop.LIMIT))));
    samples.write(store, store.path("runs", "one", "samples.json"));

    byte[] bytes = Files.readAllBytes(folder.resolve("store/runs/one/samples.json"));
    JsonNode expected =
        Json.read(
            """
            {"maxNewTokens": 48, "samples": [{"prompt": "Hi?",
              "before": {"text": "Hello, \\"you\\".", "tokens": 5, "stopped": "end-of-turn"},
              "after": {"text": "hi\\n", "tokens": 48, "stopped": "limit"}}]}
            """
                .getBytes(java.nio.charset.StandardCharsets.UTF_8));
    assertThat(Json.read(bytes)).isEqualTo(expected);
    assertThat(Json.read(bytes, Samples.class)).isEqualTo(samples);
  }

  @Test
  void aPromptThatFillsTheContextHasNoAnswer() throws IOException {
    try (ChatModel chat = open()) {
      assertThat(chat.answer(List.of("x".repeat(600)), adapter, 12))
          .containsExactly(new Answer("", 0, Stop.CONTEXT));
    }
  }

  @Test
  void anInterruptedThreadLeavesNothingBehind() throws IOException {
    try (ChatModel chat = open()) {
      Thread.currentThread().interrupt();
      assertThatThrownBy(() -> Samples.of(chat, PROMPTS, adapter, 400))
          .isInstanceOf(IllegalStateException.class)
          .hasMessage("Interrupted");
      assertThat(Thread.interrupted()).isTrue();
      assertThat(Thread.getAllStackTraces().keySet())
          .noneMatch(thread -> thread.getName().equals("retune-answers-before"));
    }
  }
}
