package io.retune.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.retune.config.InvalidInputException;
import io.retune.config.SourceSpec;
import io.retune.store.Json;
import io.retune.store.SafeTensors;
import io.retune.store.SafeTensors.DType;
import io.retune.store.SafeTensors.Tensor;
import io.retune.store.Sha256;
import io.retune.store.Sources;
import io.retune.store.Store;
import java.io.IOException;
import java.io.OutputStream;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ModelImporterTest {
  private static final String INDEX = "model.safetensors.index.json";

  @TempDir Path folder;
  private Path model;
  private Store store;
  private ModelImporter importer;
  private final Map<String, Tensor> tensors = new TreeMap<>();

  /** Width 8, feed-forward 12, two heads of four, one key head, two layers, five tokens. */
  @BeforeEach
  void prepare() throws IOException {
    model = Files.createDirectory(folder.resolve("model"));
    store = Store.open(folder.resolve("store").toString(), new Configuration());
    importer = new ModelImporter(store, new Sources(folder.resolve("cache"), new Configuration()));
    Files.writeString(
        model.resolve("config.json"),
        "{\"model_type\":\"llama\",\"vocab_size\":5,\"hidden_size\":8,\"intermediate_size\":12,"
            + "\"num_hidden_layers\":2,\"num_attention_heads\":2,\"num_key_value_heads\":1}");
    Files.writeString(model.resolve("tokenizer.json"), "{}");
    Files.writeString(model.resolve("tokenizer_config.json"), "{}");
    put("model.embed_tokens", 5, 8);
    put("lm_head", 5, 8);
    put("model.norm", 8);
    for (int layer = 0; layer < 2; layer++) {
      String prefix = "model.layers." + layer + ".";
      put(prefix + "input_layernorm", 8);
      put(prefix + "post_attention_layernorm", 8);
      put(prefix + "self_attn.q_proj", 8, 8);
      put(prefix + "self_attn.k_proj", 4, 8);
      put(prefix + "self_attn.v_proj", 4, 8);
      put(prefix + "self_attn.o_proj", 8, 8);
      put(prefix + "mlp.gate_proj", 12, 8);
      put(prefix + "mlp.up_proj", 12, 8);
      put(prefix + "mlp.down_proj", 8, 12);
    }
  }

  private void put(String name, long... shape) {
    List<Long> dimensions = new ArrayList<>();
    int size = 1;
    for (long dimension : shape) {
      dimensions.add(dimension);
      size *= (int) dimension;
    }
    float[] values = new float[size];
    for (int i = 0; i < size; i++) {
      values[i] = name.length() + i / 8f;
    }
    tensors.put(name + ".weight", Tensor.of(dimensions, values));
  }

  private void write(String file, Map<String, Tensor> content) throws IOException {
    try (OutputStream out = Files.newOutputStream(model.resolve(file))) {
      SafeTensors.write(out, content, Map.of("format", "pt"));
    }
  }

  private ImportedModel imported() throws IOException {
    return importer.importModel(new SourceSpec("file:" + model, digest(model)));
  }

  /** As sha256sum prints it. */
  private static String digest(Path directory) throws IOException {
    TreeMap<String, Sha256> manifest = new TreeMap<>();
    for (String name : names(directory)) {
      manifest.put(name, Sha256.of(directory.resolve(name)));
    }
    return Sha256.ofManifest(manifest).hex();
  }

  private static List<String> names(Path directory) throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      return files.map(f -> f.getFileName().toString()).sorted().toList();
    }
  }

  @Test
  void aDirectoryIsTakenOverUnderTheDigestOfWhatIsTaken() throws IOException {
    write("model.safetensors", tensors);
    Files.writeString(model.resolve("README.md"), "left out");
    Files.writeString(model.resolve("pytorch_model.bin"), "left out");
    ImportedModel imported = imported();

    assertThat(names(imported.directory()))
        .containsExactly(
            "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json");
    assertThat(imported.sha256().hex()).isEqualTo(digest(imported.directory()));
    assertThat(imported.directory()).isEqualTo(store.localPath("models", imported.sha256().hex()));
    assertThat(imported.config().layers()).isEqualTo(2);
    Weights weights = Weights.open(imported.directory());
    assertThat(weights.float32("model.layers.1.mlp.down_proj.weight", 8, 12).getFloat(4))
        .isEqualTo("model.layers.1.mlp.down_proj".length() + 1 / 8f);

    Files.delete(model.resolve("README.md"));
    assertThat(imported().sha256()).isEqualTo(imported.sha256());
    assertThat(names(store.localPath("models")))
        .containsExactlyInAnyOrder("by-source", imported.sha256().hex());
  }

  @Test
  void whatWasImportedIsFoundWithoutItsSource() throws IOException {
    write("model.safetensors", tensors);
    SourceSpec spec = new SourceSpec("file:" + model, digest(model));
    ImportedModel first = importer.importModel(spec);
    Files.delete(model.resolve("model.safetensors"));

    assertThat(importer.importModel(spec).sha256()).isEqualTo(first.sha256());
  }

  @Test
  void weightsMayLieInSeveralFilesOfOtherFloats() throws IOException {
    Map<String, Tensor> first = new TreeMap<>();
    Map<String, Tensor> second = new TreeMap<>();
    Map<String, String> map = new TreeMap<>();
    tensors.forEach(
        (name, tensor) -> {
          boolean early = map.size() % 2 == 0;
          (early ? first : second).put(name, early ? tensor : brain(tensor));
          map.put(name, "model-0000%d-of-00002.safetensors".formatted(early ? 1 : 2));
        });
    write("model-00001-of-00002.safetensors", first);
    write("model-00002-of-00002.safetensors", second);
    Files.writeString(model.resolve(INDEX), Json.write(Map.of("weight_map", map)));
    Weights weights = Weights.open(imported().directory());

    for (Map.Entry<String, Tensor> tensor : tensors.entrySet()) {
      long[] shape = tensor.getValue().shape().stream().mapToLong(Long::longValue).toArray();
      // Eighths up to a few dozen are exact in eight bits of fraction, and so in bfloat16.
      ByteBuffer found = weights.float32(tensor.getKey(), shape);
      ByteBuffer expected = tensor.getValue().content().get().order(ByteOrder.LITTLE_ENDIAN);
      boolean isBrain = second.containsKey(tensor.getKey());
      for (int i = 0; i < expected.remaining(); i += 4) {
        float value = expected.getFloat(i);
        assertThat(found.getFloat(i)).isEqualTo(isBrain ? cut(value) : value);
      }
    }
  }

  private static float cut(float value) {
    return Float.intBitsToFloat(Float.floatToRawIntBits(value) & 0xffff0000);
  }

  private static Tensor brain(Tensor tensor) {
    ByteBuffer wide = tensor.content().get().order(ByteOrder.LITTLE_ENDIAN);
    ByteBuffer narrow = ByteBuffer.allocate(wide.remaining() / 2).order(ByteOrder.LITTLE_ENDIAN);
    while (wide.hasRemaining()) {
      narrow.putShort((short) (Float.floatToRawIntBits(wide.getFloat()) >>> 16));
    }
    return new Tensor(DType.BF16, tensor.shape(), narrow::flip);
  }

  @Test
  void aTensorThatIsMissingIsNamed() throws IOException {
    tensors.remove("model.layers.1.mlp.up_proj.weight");
    write("model.safetensors", tensors);
    requireRefused(
        "has no tensor \"model.layers.1.mlp.up_proj.weight\". [weights-do-not-fit]\n"
            + "  Give the files of one complete model.");
  }

  @Test
  void aTensorOfAnotherShapeIsNamedWithBoth() throws IOException {
    put("model.layers.1.self_attn.k_proj", 8, 8);
    write("model.safetensors", tensors);
    requireRefused(
        "tensor \"model.layers.1.self_attn.k_proj.weight\" is [8, 8], config.json says [4, 8]. [weights-do-not-fit]\n"
            + "  Give weights and config.json of the same model.");
  }

  @Test
  void aTensorThatIsNoFloatIsNamed() throws IOException {
    tensors.put("model.norm.weight", Tensor.of(List.of(8L), new int[8]));
    write("model.safetensors", tensors);
    requireRefused(
        "tensor \"model.norm.weight\" is I32. [model-not-supported]\n  Supported are F32, BF16 and F16.");
  }

  @ParameterizedTest
  @ValueSource(strings = {"tokenizer.json", "tokenizer_config.json", "model.safetensors"})
  void aFileThatIsMissingIsNamed(String name) throws IOException {
    write("model.safetensors", tensors);
    Files.delete(model.resolve(name));
    requireRefused("has no " + name + ".");
  }

  @ParameterizedTest
  @ValueSource(strings = {"config.json", "tokenizer.json", "model.safetensors"})
  void aFileThatCannotBeReadIsNamed(String name) throws IOException {
    write("model.safetensors", tensors);
    Files.delete(model.resolve(name));
    Files.createDirectory(model.resolve(name));
    assertThatThrownBy(() -> ModelImporter.inPlace(model))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageStartingWith(model + ": cannot be read: ")
        .hasMessageEndingWith(
            ". [source-not-readable]\n  Check who may read it, and that all of it is there.");
  }

  /** A sparse file: there is nothing in it. */
  @Test
  void aTensorThatIsTooLargeAsFloat32IsNamed() throws IOException {
    long rows = (1 << 26) + 1;
    String header =
        "{\"model.norm.weight\":{\"dtype\":\"BF16\",\"shape\":[%d,8],\"data_offsets\":[0,%d]}}"
            .formatted(rows, rows * 16);
    try (RandomAccessFile file =
        new RandomAccessFile(model.resolve("model.safetensors").toFile(), "rw")) {
      file.writeLong(Long.reverseBytes(header.length()));
      file.write(header.getBytes(StandardCharsets.UTF_8));
      file.setLength(8 + header.length() + rows * 16);
    }
    assertThatThrownBy(() -> Weights.open(model).float32("model.norm.weight", rows, 8))
        .isInstanceOf(InvalidInputException.class)
        .hasMessage(
            model.resolve("model.safetensors")
                + ": tensor \"model.norm.weight\" has more elements than 2 GiB hold as float32."
                + " [model-not-supported]\n  Take a smaller model.");
  }

  @Test
  void aPartThatIsMissingIsNamed() throws IOException {
    Files.writeString(
        model.resolve(INDEX), "{\"weight_map\":{\"lm_head.weight\":\"model-2.safetensors\"}}");
    requireRefused("has no model-2.safetensors.");
  }

  @ParameterizedTest
  @ValueSource(strings = {"../model-1.safetensors", "/etc/passwd", "..", "", "config.json"})
  void anIndexThatLeadsElsewhereIsRefused(String file) throws IOException {
    Files.writeString(model.resolve(INDEX), Json.write(Map.of("weight_map", Map.of("a", file))));
    requireRefused("names the file \"" + file + "\".");
  }

  @ParameterizedTest
  @ValueSource(strings = {"{", "[]", "{}", "{\"weight_map\":[]}", "{\"weight_map\":{\"a\":1}}"})
  void anIndexThatIsNoneIsRefused(String text) throws IOException {
    Files.writeString(model.resolve(INDEX), text);
    requireRefused(INDEX);
  }

  @Test
  void aTensorInTwoFilesIsRefused() throws IOException {
    write("model-1.safetensors", tensors);
    write("model-2.safetensors", Map.of("model.norm.weight", Tensor.of(List.of(8L), new float[8])));
    Files.writeString(
        model.resolve(INDEX),
        Json.write(
            Map.of(
                "weight_map",
                Map.of("lm_head.weight", "model-1.safetensors", "x", "model-2.safetensors"))));
    requireRefused("tensor \"model.norm.weight\" lies in model-1.safetensors too.");
  }

  @Test
  void aFileThatIsNoModelIsRefused() throws IOException {
    Path file = Files.writeString(folder.resolve("words.txt"), "not a model, by far too short");
    assertThatThrownBy(
            () -> importer.importModel(new SourceSpec("file:" + file, Sha256.of(file).hex())))
        .isInstanceOf(InvalidInputException.class)
        .hasMessage(
            file
                + ": is not a GGUF file. [not-a-model]\n  Give a GGUF file or a Hugging Face directory.");
  }

  @Test
  void aGgufFileIsImported() throws IOException {
    Path file = Files.write(folder.resolve("m.gguf"), GgufBytes.whole().bytes());
    ImportedModel imported =
        importer.importModel(new SourceSpec("file:" + file, Sha256.of(file).hex()));

    assertThat(imported.config().width()).isEqualTo(8);
    assertThat(imported.sha256().hex()).isEqualTo(digest(imported.directory()));
  }

  private void requireRefused(String message) throws IOException {
    assertThatThrownBy(this::imported)
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining(message);
    assertThat(store.list(store.path("models"))).isEmpty();
  }
}
