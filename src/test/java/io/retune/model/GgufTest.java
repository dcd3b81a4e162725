package io.retune.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.retune.config.InvalidInputException;
import io.retune.config.TrainSpec;
import io.retune.store.Json;
import io.retune.store.SafeTensors;
import io.retune.text.ChatMessage;
import io.retune.text.ChatRenderer;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class GgufTest {
  private static final String DAMAGED =
      ". [weights-damaged]\n  The file is damaged or was made to deceive; fetch it again.";

  @TempDir Path folder;

  private Path file(byte[] bytes) throws IOException {
    return Files.write(folder.resolve("model.gguf"), bytes);
  }

  /** As the importer does: all or nothing. */
  private void read(byte[] bytes) throws IOException {
    Path directory = Files.createTempDirectory(folder, "imported");
    GgufImport.into(directory, GgufFile.open(file(bytes)));
  }

  @Test
  void aSmallFileBecomesAHuggingFaceDirectory() throws IOException {
    Path directory = Files.createDirectory(folder.resolve("imported"));
    GgufImport.into(directory, GgufFile.open(file(GgufBytes.whole().bytes())));

    ModelConfig config = ModelConfig.read(directory.resolve("config.json"));
    assertThat(config.vocabulary()).isEqualTo(7);
    assertThat(config.width()).isEqualTo(8);
    assertThat(config.feedForward()).isEqualTo(32);
    assertThat(config.layers()).isEqualTo(1);
    assertThat(config.heads()).isEqualTo(2);
    assertThat(config.keyValueHeads()).isEqualTo(1);
    assertThat(config.headWidth()).isEqualTo(4);
    assertThat(config.rmsEpsilon()).isEqualTo(1e-5);
    assertThat(config.tiedHead()).isTrue();
    assertThat(config.rope().inverseFrequencies()[0]).isEqualTo(1f);
    SafeTensors.Mapped weights = SafeTensors.map(directory.resolve("model.safetensors"));
    assertThat(weights.header().tensors().get("model.layers.0.mlp.down_proj.weight").shape())
        .containsExactly(8L, 32L);
    // Rows 0 1 2 3 of a head of width 4 are the file's rows 0 2 1 3.
    float[] query = weights.floats("model.layers.0.self_attn.q_proj.weight");
    assertThat(query).hasSize(64);
    for (int row = 0; row < 8; row++) {
      int from = new int[] {0, 2, 1, 3, 4, 6, 5, 7}[row];
      assertThat(query[row * 8]).as("row %d", row).isEqualTo(from * 8f);
    }
    assertThat(weights.floats("model.layers.0.self_attn.v_proj.weight")[8]).isEqualTo(8f);
    JsonNode tokenizer = Json.read(Files.readAllBytes(directory.resolve("tokenizer.json")));
    assertThat(tokenizer.path("added_tokens").findValuesAsText("content"))
        .containsExactly("<|start|>", "<|end|>");
    try (ChatRenderer renderer = ChatRenderer.open(directory)) {
      assertThat(renderer.render(List.of(new ChatMessage("user", "abab", false))).inputIds())
          .containsExactly(4, 4);
    }
  }

  @Test
  void aTokenizerThatStartsTextsWithBosSaysSoInTheFile() throws IOException {
    String template =
        """
        {"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<|start|>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],
        "pair":[{"Sequence":{"id":"A","type_id":0}},{"Sequence":{"id":"B","type_id":1}}],
        "special_tokens":{"<|start|>":{"id":"<|start|>","ids":[0],"tokens":["<|start|>"]}}}""";
    assertThat(exportsBos("null", "{}")).isEqualTo(0);
    assertThat(exportsBos(template, "{}")).isEqualTo(1);
    assertThat(exportsBos("null", "{\"add_bos_token\":true}")).isEqualTo(1);
  }

  /** What stands behind the key add_bos_token of a file that is exported. */
  private int exportsBos(String postProcessor, String config) throws IOException {
    Path directory = Files.createTempDirectory(folder, "model");
    GgufImport.into(directory, GgufFile.open(file(GgufBytes.whole().bytes())));
    change(directory.resolve("tokenizer.json"), "{\"post_processor\":" + postProcessor + "}");
    change(directory.resolve("tokenizer_config.json"), config);
    ImportedModel model = ModelImporter.inPlace(directory);
    TrainSpec.Lora lora = new TrainSpec.Lora(1, 1, List.of("q_proj"));
    AdapterLayout layout = AdapterLayout.of(model.config(), lora);
    TrainedAdapter none = new TrainedAdapter(lora, layout, new float[layout.size()]);
    Path exported = directory.resolve("exported.gguf");
    GgufExport.write(MergedModel.of(model, none), "bos", GgufExport.Precision.F16, exported);
    String bytes = Files.readString(exported, StandardCharsets.ISO_8859_1);
    String key = "tokenizer.ggml.add_bos_token";
    return bytes.charAt(bytes.indexOf(key) + key.length() + 4);
  }

  private static void change(Path file, String values) throws IOException {
    ObjectNode json = (ObjectNode) Json.read(Files.readAllBytes(file));
    json.setAll((ObjectNode) Json.read(values.getBytes(StandardCharsets.UTF_8)));
    Files.writeString(file, Json.write(json));
  }

  @Test
  void aFileCutOffAnywhereIsRefused() throws IOException {
    byte[] whole = GgufBytes.whole().bytes();
    read(whole);
    for (int length = 0; length < whole.length - 32; length += 97) {
      requireRefused(Arrays.copyOf(whole, length), "length " + length);
    }
  }

  private void requireRefused(byte[] bytes, String what) {
    assertThatThrownBy(() -> read(bytes))
        .as(what)
        .isInstanceOf(InvalidInputException.class)
        .hasMessageStartingWith(folder.resolve("model.gguf") + ": ")
        .hasMessageContaining("\n  ");
  }

  static Stream<Arguments> wrongs() {
    return Stream.of(
        wrong(
            "counts 9223372036854775807 entries in a smaller file",
            g -> g.pairCount = Long.MAX_VALUE),
        wrong(
            "counts 9223372036854775807 entries in a smaller file",
            g -> g.tensorCount = Long.MAX_VALUE),
        wrong(
            "is cut off inside tensor blk.0.ffn_down.weight",
            g ->
                g.replace(
                    new GgufBytes.Tensor(
                        "blk.0.ffn_down.weight", 0, new long[] {32, 800}, new byte[0]))),
        wrong(
            "has impossible sizes",
            g ->
                g.replace(
                    new GgufBytes.Tensor(
                        "token_embd.weight", 0, new long[] {8, Long.MAX_VALUE, 3}, new byte[0]))),
        wrong(
            "gives tensor token_embd.weight an impossible shape",
            g ->
                g.replace(
                    new GgufBytes.Tensor("token_embd.weight", 0, new long[] {-8, 7}, new byte[0]))),
        wrong(
            "gives tensor token_embd.weight an impossible shape",
            g ->
                g.replace(
                    new GgufBytes.Tensor(
                        "token_embd.weight", 0, new long[] {8, 1L << 32}, new byte[0]))),
        wrong(
            "gives tensor token_embd.weight 5 dimensions",
            g -> g.replace(new GgufBytes.Tensor("token_embd.weight", 0, new long[5], new byte[0]))),
        wrong(
            "gives tensor token_embd.weight a row that is not whole blocks of Q8_0",
            g ->
                g.replace(
                    new GgufBytes.Tensor(
                        "token_embd.weight", 8, new long[] {8, 7}, new byte[224]))),
        wrong("has tensor output_norm.weight twice", g -> g.f32("output_norm.weight", 8)),
        wrong("has the alignment 0", g -> g.metadata.put("general.alignment", 0L)),
        wrong(
            "has the wrong type in tokenizer.ggml.tokens",
            g -> g.metadata.put("tokenizer.ggml.tokens", List.of(1L, 2L))));
  }

  private static Arguments wrong(String message, Consumer<GgufBytes> change) {
    return Arguments.of(message, change);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("wrongs")
  void whatIsDamagedIsNamed(String message, Consumer<GgufBytes> change) {
    GgufBytes gguf = GgufBytes.whole();
    change.accept(gguf);

    assertThatThrownBy(() -> read(gguf.bytes()))
        .isInstanceOf(InvalidInputException.class)
        .hasMessage(folder.resolve("model.gguf") + ": " + message + DAMAGED);
  }

  static Stream<Arguments> unsupported() {
    return Stream.of(
        wrong(
            "general.architecture = \"qwen2\" is not supported. [model-not-supported]\n"
                + "  Supported is \"llama\"; give other models as a Hugging Face directory.",
            g -> g.metadata.put("general.architecture", "qwen2")),
        wrong(
            "tokenizer.ggml.pre = \"llama-bpe\" is not supported. [model-not-supported]\n"
                + "  Supported is \"smollm\"; give other models as a Hugging Face directory.",
            g -> g.metadata.put("tokenizer.ggml.pre", "llama-bpe")),
        wrong(
            "tensor token_embd.weight has the quantisation type 12. [model-not-supported]\n  Types that can be read:"
                + " F32, F16, Q4_0, Q4_1, Q8_0, BF16. Give the model in one of them.",
            g ->
                g.replace(
                    new GgufBytes.Tensor(
                        "token_embd.weight", 12, new long[] {256, 7}, new byte[1008]))),
        wrong(
            "has no metadata llama.block_count. [model-config-wrong]\n"
                + "  Give a GGUF file of a whole model with its tokenizer.",
            g -> g.metadata.remove("llama.block_count")),
        wrong(
            "has the wrong type in llama.block_count. [model-config-wrong]\n"
                + "  Give a GGUF file of a whole model with its tokenizer.",
            g -> g.metadata.put("llama.block_count", "one")),
        wrong(
            "has no tensor blk.0.ffn_up.weight. [weights-do-not-fit]\n  Give the file of a whole model.",
            g -> g.tensors.remove(g.tensor("blk.0.ffn_up.weight"))),
        wrong(
            "has the tensor blk.0.attn_q.bias, which is not supported. [model-not-supported]\n"
                + "  Give the model as a Hugging Face directory.",
            g -> g.f32("blk.0.attn_q.bias", 8)),
        wrong(
            "llama.rope.scaling.type = \"linear\" is not supported. [model-not-supported]\n"
                + "  Supported is \"none\"; give other models as a Hugging Face directory.",
            g -> g.metadata.put("llama.rope.scaling.type", "linear")));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("unsupported")
  void whatIsNotSupportedIsNamedWithTheRemedy(String message, Consumer<GgufBytes> change) {
    GgufBytes gguf = GgufBytes.whole();
    change.accept(gguf);

    assertThatThrownBy(() -> read(gguf.bytes()))
        .isInstanceOf(InvalidInputException.class)
        .hasMessage(folder.resolve("model.gguf") + ": " + message);
  }

  static Stream<Arguments> nonsense() {
    return Stream.of(
        wrong("no heads", g -> g.metadata.put("llama.attention.head_count", 0L)),
        wrong("no key heads", g -> g.metadata.put("llama.attention.head_count_kv", 0L)),
        wrong(
            "heads that do not share out",
            g -> g.metadata.put("llama.attention.head_count_kv", 3L)),
        wrong("heads that do not divide", g -> g.metadata.put("llama.attention.head_count", 3L)),
        wrong("heads wider than rows", g -> g.metadata.put("llama.embedding_length", 1000L)),
        wrong("no layers", g -> g.metadata.put("llama.block_count", 0L)),
        wrong("too many layers", g -> g.metadata.put("llama.block_count", 0xffffffffL)),
        wrong("a width of nothing", g -> g.metadata.put("llama.embedding_length", 0L)),
        wrong(
            "a beginning behind the tokens",
            g -> g.metadata.put("tokenizer.ggml.bos_token_id", 7L)),
        wrong(
            "an end behind the tokens",
            g -> g.metadata.put("tokenizer.ggml.eos_token_id", 0xffffffffL)),
        wrong(
            "more types than tokens",
            g ->
                g.metadata.put(
                    "tokenizer.ggml.token_type", List.of(3L, 3L, 1L, 1L, 1L, 1L, 1L, 3L))),
        wrong(
            "fewer types than tokens",
            g -> g.metadata.put("tokenizer.ggml.token_type", List.of(3L))),
        wrong(
            "a token twice",
            g ->
                g.metadata.put(
                    "tokenizer.ggml.tokens", List.of("a", "a", "a", "b", "ab", "c", "d"))));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("nonsense")
  void metadataThatMakeNoSenseAreRefused(String what, Consumer<GgufBytes> change) {
    GgufBytes gguf = GgufBytes.whole();
    change.accept(gguf);

    requireRefused(gguf.bytes(), what);
  }

  @Test
  void aKeyThatIsThereTwiceIsRefused() throws IOException {
    byte[] bytes = GgufBytes.whole().bytes();
    byte[] from = "llama.context_length".getBytes(StandardCharsets.UTF_8);
    byte[] to = "llama.embedding_leng".getBytes(StandardCharsets.UTF_8);
    // Two keys of equal length made the same: the last letters go with them.
    GgufBytes gguf = GgufBytes.whole();
    gguf.metadata.put("llama.embedding_leng", 1L);
    byte[] both = gguf.bytes();
    System.arraycopy(to, 0, both, indexOf(both, from), from.length);

    assertThat(bytes).isNotEqualTo(both);
    assertThatThrownBy(() -> read(both))
        .hasMessage(
            folder.resolve("model.gguf") + ": has the key llama.embedding_leng twice" + DAMAGED);
  }

  @Test
  void aTextLongerThanTheFileIsRefused() {
    byte[] bytes = GgufBytes.whole().bytes();
    for (long length : new long[] {bytes.length, Long.MAX_VALUE, -1}) {
      byte[] changed = bytes.clone();
      ByteBuffer.wrap(changed).order(ByteOrder.LITTLE_ENDIAN).putLong(24, length);
      assertThatThrownBy(() -> read(changed))
          .hasMessage(
              folder.resolve("model.gguf")
                  + ": says that a text has "
                  + Long.toUnsignedString(length)
                  + " bytes, and ends after "
                  + (bytes.length - 32)
                  + DAMAGED);
    }
  }

  @Test
  void whatIsNoGgufOfVersionThreeIsRefused() {
    assertThatThrownBy(
            () -> read("this is a text of twenty-four bytes".getBytes(StandardCharsets.UTF_8)))
        .hasMessage(
            folder.resolve("model.gguf")
                + ": is not a GGUF file. [not-a-model]\n  Give a GGUF file or a Hugging Face directory.");
    byte[] old = GgufBytes.whole().bytes();
    old[4] = 2;
    assertThatThrownBy(() -> read(old))
        .hasMessage(
            folder.resolve("model.gguf")
                + ": is GGUF version 2. [model-not-supported]\n  Convert it to version 3, the only one that is read.");
  }

  @Test
  void noMutationIsWorseThanRefused() {
    byte[] whole = GgufBytes.whole().bytes();
    Random random = new Random(3);
    int[] refused = new int[1];
    assertTimeoutPreemptively(
        Duration.ofSeconds(60),
        () -> {
          for (int round = 0; round < 1000; round++) {
            byte[] mutated = whole.clone();
            for (int i = 0; i <= random.nextInt(3); i++) {
              // Metadata and tensor descriptions: the values behind them may be anything.
              mutated[random.nextInt(1700)] =
                  (byte) (random.nextBoolean() ? random.nextInt(256) : random.nextInt(8));
            }
            try {
              read(mutated);
            } catch (InvalidInputException e) {
              refused[0]++;
            }
          }
        });
    assertThat(refused[0]).isGreaterThan(300);
  }

  private static int indexOf(byte[] bytes, byte[] part) {
    for (int i = 0; i + part.length <= bytes.length; i++) {
      if (Arrays.equals(bytes, i, i + part.length, part, 0, part.length)) {
        return i;
      }
    }
    throw new AssertionError("not there");
  }
}
