package io.retune.train;

import io.retune.dataset.TinyModel;
import io.retune.store.Json;
import io.retune.store.SafeTensors;
import io.retune.store.SafeTensors.Tensor;
import io.retune.store.Sha256;
import io.retune.store.Store;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * {@link TinyModel}'s tokenizer and template with random weights: two layers, width 64, a context
 * of 512 tokens.
 */
public final class TinyDecoder {
  private static final int VOCABULARY = 258;
  private static final int WIDTH = 64;
  private static final int FEED_FORWARD = 96;
  private static final int HEADS = 4;
  private static final int KEY_VALUE_HEADS = 2;
  private static final int HEAD_WIDTH = 16;
  private static final int LAYERS = 2;

  private TinyDecoder() {}

  /** Puts it into the store; its digest. */
  public static String into(Store store) throws IOException {
    Path directory = TinyModel.write(store.localPath("models", "tiny"));
    Files.writeString(directory.resolve("config.json"), Json.write(config()));
    try (OutputStream out = Files.newOutputStream(directory.resolve("model.safetensors"))) {
      SafeTensors.write(out, tensors(), Map.of("format", "pt"));
    }
    SortedMap<String, Sha256> manifest = new TreeMap<>();
    try (DirectoryStream<Path> files = Files.newDirectoryStream(directory)) {
      for (Path file : files) {
        manifest.put(file.getFileName().toString(), Sha256.of(file));
      }
    }
    String sha256 = Sha256.ofManifest(manifest).hex();
    Files.move(directory, store.localPath("models", sha256));
    return sha256;
  }

  private static Map<String, Object> config() {
    Map<String, Object> config = new TreeMap<>();
    config.put("model_type", "llama");
    config.put("hidden_act", "silu");
    config.put("vocab_size", VOCABULARY);
    config.put("hidden_size", WIDTH);
    config.put("intermediate_size", FEED_FORWARD);
    config.put("num_hidden_layers", LAYERS);
    config.put("num_attention_heads", HEADS);
    config.put("num_key_value_heads", KEY_VALUE_HEADS);
    config.put("head_dim", HEAD_WIDTH);
    config.put("max_position_embeddings", 512);
    config.put("rms_norm_eps", 1e-5);
    config.put("rope_theta", 10000.0);
    config.put("tie_word_embeddings", true);
    return config;
  }

  private static Map<String, Tensor> tensors() {
    Random random = new Random(3);
    Map<String, Tensor> tensors = new TreeMap<>();
    put(tensors, random, "model.embed_tokens", VOCABULARY, WIDTH);
    norm(tensors, "model.norm");
    for (int layer = 0; layer < LAYERS; layer++) {
      String prefix = "model.layers." + layer + ".";
      norm(tensors, prefix + "input_layernorm");
      norm(tensors, prefix + "post_attention_layernorm");
      put(tensors, random, prefix + "self_attn.q_proj", HEADS * HEAD_WIDTH, WIDTH);
      put(tensors, random, prefix + "self_attn.k_proj", KEY_VALUE_HEADS * HEAD_WIDTH, WIDTH);
      put(tensors, random, prefix + "self_attn.v_proj", KEY_VALUE_HEADS * HEAD_WIDTH, WIDTH);
      put(tensors, random, prefix + "self_attn.o_proj", WIDTH, HEADS * HEAD_WIDTH);
      put(tensors, random, prefix + "mlp.gate_proj", FEED_FORWARD, WIDTH);
      put(tensors, random, prefix + "mlp.up_proj", FEED_FORWARD, WIDTH);
      put(tensors, random, prefix + "mlp.down_proj", WIDTH, FEED_FORWARD);
    }
    return tensors;
  }

  private static void put(
      Map<String, Tensor> tensors, Random random, String name, int rows, int columns) {
    float[] values = new float[rows * columns];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (random.nextGaussian() / Math.sqrt(columns));
    }
    tensors.put(name + ".weight", Tensor.of(List.of((long) rows, (long) columns), values));
  }

  private static void norm(Map<String, Tensor> tensors, String name) {
    float[] ones = new float[WIDTH];
    java.util.Arrays.fill(ones, 1);
    tensors.put(name + ".weight", Tensor.of(List.of((long) WIDTH), ones));
  }
}
