package io.retune.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.retune.config.InvalidInputException;
import io.retune.model.ImportedModel;
import io.retune.model.ModelConfig;
import io.retune.store.SafeTensors;
import io.retune.store.SafeTensors.Tensor;
import io.retune.store.Sha256;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PreparedWeightsTest {
  private static final ModelConfig CONFIG =
      new ModelConfig(8, 4, 6, 1, 2, 1, 2, 64, 1e-5, new ModelConfig.Rope(new float[1], 1f), true);

  @TempDir Path folder;

  private Path model;
  private ImportedModel imported;
  private Path cache;

  @BeforeEach
  void makeModel() throws IOException {
    Path made = Files.createDirectories(folder.resolve("made"));
    try (OutputStream out = Files.newOutputStream(made.resolve("model.safetensors"))) {
      SafeTensors.write(out, tensors(), Map.of());
    }
    Sha256 weights = Sha256.of(made.resolve("model.safetensors"));
    Sha256 name = Sha256.ofManifest(new TreeMap<>(Map.of("model.safetensors", weights)));
    model = Files.move(made, folder.resolve(name.hex()));
    imported = new ImportedModel(name, model, CONFIG);
    cache = folder.resolve("cache");
  }

  private static Map<String, Tensor> tensors() {
    Map<String, Tensor> tensors = new TreeMap<>();
    put(tensors, "model.embed_tokens", 8, 4);
    put(tensors, "model.norm", 4);
    put(tensors, "model.layers.0.input_layernorm", 4);
    put(tensors, "model.layers.0.post_attention_layernorm", 4);
    put(tensors, "model.layers.0.self_attn.q_proj", 4, 4);
    put(tensors, "model.layers.0.self_attn.k_proj", 2, 4);
    put(tensors, "model.layers.0.self_attn.v_proj", 2, 4);
    put(tensors, "model.layers.0.self_attn.o_proj", 4, 4);
    put(tensors, "model.layers.0.mlp.gate_proj", 6, 4);
    put(tensors, "model.layers.0.mlp.up_proj", 6, 4);
    put(tensors, "model.layers.0.mlp.down_proj", 4, 6);
    return tensors;
  }

  private static void put(Map<String, Tensor> tensors, String name, long... shape) {
    List<Long> sizes = java.util.Arrays.stream(shape).boxed().toList();
    float[] values = new float[(int) sizes.stream().mapToLong(s -> s).reduce(1, (a, b) -> a * b)];
    for (int i = 0; i < values.length; i++) {
      values[i] = tensors.size() + i / 100f;
    }
    tensors.put(name + ".weight", Tensor.of(sizes, values));
  }

  private Path file() {
    return cache.resolve("prepared").resolve(model.getFileName()).resolve("fused-v1.safetensors");
  }

  @Test
  void modulesThatReadTheSameInputStandUnderOneAnother() throws IOException {
    SafeTensors.Mapped prepared = PreparedWeights.open(imported, cache);
    float[] qkv = prepared.floats("0.qkv");
    assertThat(qkv).hasSize((4 + 2 + 2) * 4);
    assertThat(new float[] {qkv[0], qkv[4 * 4], qkv[6 * 4]})
        .as("the first of q, k and v")
        .containsExactly(4f, 5f, 6f);
    assertThat(prepared.floats("0.gate-up")).hasSize(12 * 4);
  }

  @Test
  void aFileThatLostABitIsMadeAnew() throws IOException {
    PreparedWeights.open(imported, cache);
    byte[] whole = Files.readAllBytes(file());
    byte[] damaged = whole.clone();
    damaged[damaged.length - 3] ^= 16;
    Files.write(file(), damaged);
    PreparedWeights.open(imported, cache);
    assertThat(file()).hasBinaryContent(whole);
  }

  @Test
  void aFileThatWasCutOffIsMadeAnew() throws IOException {
    PreparedWeights.open(imported, cache);
    byte[] whole = Files.readAllBytes(file());
    Files.write(file(), java.util.Arrays.copyOf(whole, whole.length / 2));
    PreparedWeights.open(imported, cache);
    assertThat(file()).hasBinaryContent(whole);
  }

  @Test
  void aModelThatWasChangedSinceItWasImportedIsRefused() throws IOException {
    Path weights = model.resolve("model.safetensors");
    byte[] bytes = Files.readAllBytes(weights);
    bytes[bytes.length - 1] ^= 1;
    Files.write(weights, bytes);
    assertThatThrownBy(() -> PreparedWeights.open(imported, cache))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining("was changed since it was imported")
        .hasMessageEndingWith("Delete the folder; the next run imports the model again.");
    assertThat(file()).doesNotExist();
  }
}
