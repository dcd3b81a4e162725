package io.retune.model;

import io.retune.config.ErrorCode;
import io.retune.config.InvalidInputException;
import io.retune.store.Json;
import io.retune.store.SafeTensors;
import io.retune.store.SafeTensors.DType;
import io.retune.store.SafeTensors.Tensor;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * Turns a GGUF file of the Llama architecture into a Hugging Face directory: weights dequantised to
 * float32, tokenizer and template from its metadata.
 */
final class GgufImport {
  private static final long CONTROL_TOKEN = 3;
  private static final long USER_TOKEN = 4;

  private final GgufFile gguf;

  private GgufImport(GgufFile gguf) {
    this.gguf = gguf;
  }

  /**
   * @throws InvalidInputException if the architecture or the tokenizer is not supported
   */
  static void into(Path directory, GgufFile gguf) throws IOException {
    withoutWeights(directory, gguf).weights(directory.resolve("model.safetensors"));
  }

  /** All but the weights, which take the time: what renders and measures text needs no more. */
  static GgufImport withoutWeights(Path directory, GgufFile gguf) throws IOException {
    GgufImport importing = new GgufImport(gguf);
    importing.require("general.architecture", "llama");
    importing.require("tokenizer.ggml.model", "gpt2");
    importing.require("tokenizer.ggml.pre", "smollm");
    if (gguf.has("llama.rope.scaling.type")) {
      importing.require("llama.rope.scaling.type", "none");
    }
    importing.requireSense();
    importing.requireTokens();
    json(directory.resolve("config.json"), importing.config());
    json(directory.resolve("generation_config.json"), importing.generation());
    json(directory.resolve("tokenizer.json"), importing.tokenizer());
    json(directory.resolve("tokenizer_config.json"), importing.tokenizerConfig());
    return importing;
  }

  private void require(String key, String supported) {
    require(key, supported, gguf.string(key));
  }

  private void require(String key, String supported, String found) {
    if (!found.equals(supported)) {
      throw InvalidInputException.of(
          ErrorCode.MODEL_NOT_SUPPORTED,
          gguf.file().toString(),
          key + " = \"" + found + "\" is not supported.",
          "Supported is \"" + supported + "\"; give other models as a Hugging Face directory.");
    }
  }

  private static void json(Path file, Object value) throws IOException {
    Files.write(file, (Json.pretty(value) + "\n").getBytes(StandardCharsets.UTF_8));
  }

  /** Sizes that fit each other; what is built of them relies on it. */
  private void requireSense() {
    int heads = size("attention.head_count");
    if (size("embedding_length") % heads != 0 || headWidth() % 2 != 0) {
      throw gguf.damaged("shares a width of " + size("embedding_length") + " out to " + heads);
    }
    if (heads % size("attention.head_count_kv") != 0) {
      throw gguf.damaged(
          "shares " + size("attention.head_count_kv") + " key heads out to " + heads);
    }
    for (String key : List.of("rope.dimension_count", "attention.key_length")) {
      if (gguf.has("llama." + key)) {
        require("llama." + key, Integer.toString(headWidth()), Integer.toString(size(key)));
      }
    }
  }

  /** Ids, types and merges that are about the tokens there are. */
  private void requireTokens() {
    List<String> tokens = gguf.list("tokenizer.ggml.tokens", String.class);
    Set<String> known = new HashSet<>(tokens);
    if (known.size() != tokens.size()) {
      throw gguf.damaged("has a token twice");
    }
    if (gguf.list("tokenizer.ggml.token_type", Long.class).size() != tokens.size()) {
      throw gguf.damaged("has other numbers of tokens and of their types");
    }
    for (String merge : gguf.list("tokenizer.ggml.merges", String.class)) {
      int blank = merge.indexOf(' ');
      if (blank < 0
          || !known.contains(merge.substring(0, blank))
          || !known.contains(merge.substring(blank + 1))
          || !known.contains(merge.substring(0, blank) + merge.substring(blank + 1))) {
        throw gguf.damaged("merges \"" + merge + "\", which are no tokens");
      }
    }
  }

  private int size(String key) {
    long size = gguf.number("llama." + key);
    if (size < 1 || size > Integer.MAX_VALUE) {
      throw gguf.damaged("has llama." + key + " = " + size);
    }
    return (int) size;
  }

  private int headWidth() {
    return size("embedding_length") / size("attention.head_count");
  }

  private int vocabulary() {
    return gguf.list("tokenizer.ggml.tokens", String.class).size();
  }

  private boolean tied() {
    return !gguf.tensors().containsKey("output.weight");
  }

  private Map<String, Object> config() {
    int heads = size("attention.head_count");
    Map<String, Object> config = new LinkedHashMap<>();
    config.put("architectures", List.of("LlamaForCausalLM"));
    config.put("model_type", "llama");
    config.put("hidden_act", "silu");
    config.put("attention_bias", false);
    config.put("mlp_bias", false);
    config.put("vocab_size", vocabulary());
    config.put("hidden_size", size("embedding_length"));
    config.put("intermediate_size", size("feed_forward_length"));
    config.put("num_hidden_layers", size("block_count"));
    config.put("num_attention_heads", heads);
    config.put("num_key_value_heads", size("attention.head_count_kv"));
    config.put("head_dim", headWidth());
    config.put("max_position_embeddings", size("context_length"));
    // The file holds float32(1e-5); the shortest decimal of that float is what its authors meant.
    config.put("rms_norm_eps", shortest("llama.attention.layer_norm_rms_epsilon"));
    config.put(
        "rope_theta", gguf.has("llama.rope.freq_base") ? shortest("llama.rope.freq_base") : 1e4);
    config.put("tie_word_embeddings", tied());
    config.put("torch_dtype", "float32");
    config.put("bos_token_id", token("bos"));
    config.put("eos_token_id", token("eos"));
    config.put("pad_token_id", padding());
    return config;
  }

  private double shortest(String key) {
    double value = gguf.real(key);
    if (!(value > 0) || Double.isInfinite(value)) {
      throw gguf.damaged("has " + key + " = " + value);
    }
    return Double.parseDouble(Float.toString((float) value));
  }

  /** Id of a token with a role. */
  private int token(String role) {
    long id = gguf.number("tokenizer.ggml." + role + "_token_id");
    if (id < 0 || id >= vocabulary()) {
      throw gguf.damaged("has " + role + "_token_id = " + id + " of " + vocabulary() + " tokens");
    }
    return (int) id;
  }

  private int padding() {
    return token(gguf.has("tokenizer.ggml.padding_token_id") ? "padding" : "eos");
  }

  private int unknown() {
    return gguf.has("tokenizer.ggml.unknown_token_id") ? token("unknown") : 0;
  }

  private Map<String, Object> generation() {
    return Map.of(
        "bos_token_id", token("bos"),
        "eos_token_id", token("eos"),
        "pad_token_id", padding());
  }

  /** Byte-level BPE with single digits, as llama.cpp's pre-tokenizer {@code smollm} does. */
  private Map<String, Object> tokenizer() {
    List<String> tokens = gguf.list("tokenizer.ggml.tokens", String.class);
    Map<String, Integer> vocabulary = new LinkedHashMap<>();
    for (int id = 0; id < tokens.size(); id++) {
      vocabulary.put(tokens.get(id), id);
    }
    Map<String, Object> byteLevel = new LinkedHashMap<>();
    byteLevel.put("type", "ByteLevel");
    byteLevel.put("add_prefix_space", false);
    byteLevel.put("trim_offsets", true);
    byteLevel.put("use_regex", true);
    Map<String, Object> model = new LinkedHashMap<>();
    model.put("type", "BPE");
    model.put("dropout", null);
    model.put("unk_token", null);
    model.put("continuing_subword_prefix", null);
    model.put("end_of_word_suffix", null);
    model.put("fuse_unk", false);
    model.put("byte_fallback", false);
    model.put("ignore_merges", false);
    model.put("vocab", vocabulary);
    model.put("merges", gguf.list("tokenizer.ggml.merges", String.class));
    Map<String, Object> tokenizer = new LinkedHashMap<>();
    tokenizer.put("version", "1.0");
    tokenizer.put("truncation", null);
    tokenizer.put("padding", null);
    tokenizer.put("added_tokens", addedTokens());
    tokenizer.put("normalizer", null);
    tokenizer.put(
        "pre_tokenizer",
        Map.of(
            "type",
            "Sequence",
            "pretokenizers",
            List.of(Map.of("type", "Digits", "individual_digits", true), byteLevel)));
    tokenizer.put("post_processor", null);
    tokenizer.put("decoder", byteLevel);
    tokenizer.put("model", model);
    return tokenizer;
  }

  private List<Map<String, Object>> addedTokens() {
    List<Map<String, Object>> added = new java.util.ArrayList<>();
    List<String> tokens = gguf.list("tokenizer.ggml.tokens", String.class);
    List<Long> types = gguf.list("tokenizer.ggml.token_type", Long.class);
    for (int id = 0; id < types.size(); id++) {
      if (types.get(id) == CONTROL_TOKEN || types.get(id) == USER_TOKEN) {
        Map<String, Object> token = new LinkedHashMap<>();
        token.put("id", id);
        token.put("content", tokens.get(id));
        token.put("single_word", false);
        token.put("lstrip", false);
        token.put("rstrip", false);
        token.put("normalized", false);
        token.put("special", types.get(id) == CONTROL_TOKEN);
        added.add(token);
      }
    }
    return added;
  }

  private Map<String, Object> tokenizerConfig() {
    List<String> tokens = gguf.list("tokenizer.ggml.tokens", String.class);
    Map<String, Object> decoder = new LinkedHashMap<>();
    for (Map<String, Object> token : addedTokens()) {
      Map<String, Object> described = new LinkedHashMap<>(token);
      decoder.put(described.remove("id").toString(), described);
    }
    Map<String, Object> config = new LinkedHashMap<>();
    config.put("tokenizer_class", "PreTrainedTokenizerFast");
    config.put("add_prefix_space", false);
    config.put("clean_up_tokenization_spaces", false);
    config.put("model_max_length", size("context_length"));
    config.put("bos_token", tokens.get(token("bos")));
    config.put("eos_token", tokens.get(token("eos")));
    config.put("pad_token", tokens.get(padding()));
    config.put("unk_token", tokens.get(unknown()));
    config.put("added_tokens_decoder", decoder);
    if (gguf.has("tokenizer.chat_template")) {
      config.put("chat_template", gguf.string("tokenizer.chat_template"));
    }
    return config;
  }

  private void weights(Path file) throws IOException {
    Map<String, Tensor> tensors = new TreeMap<>();
    Set<String> used = new HashSet<>();
    int width = size("embedding_length");
    int attention = size("attention.head_count") * headWidth();
    int keyValue = size("attention.head_count_kv") * headWidth();
    int feedForward = size("feed_forward_length");
    take(tensors, used, "model.embed_tokens", "token_embd", 0, vocabulary(), width);
    take(tensors, used, "model.norm", "output_norm", 0, width);
    if (!tied()) {
      take(tensors, used, "lm_head", "output", 0, vocabulary(), width);
    }
    for (int layer = 0; layer < size("block_count"); layer++) {
      String to = "model.layers." + layer + ".";
      String from = "blk." + layer + ".";
      take(tensors, used, to + "input_layernorm", from + "attn_norm", 0, width);
      take(tensors, used, to + "post_attention_layernorm", from + "ffn_norm", 0, width);
      take(tensors, used, to + "self_attn.q_proj", from + "attn_q", headWidth(), attention, width);
      take(tensors, used, to + "self_attn.k_proj", from + "attn_k", headWidth(), keyValue, width);
      take(tensors, used, to + "self_attn.v_proj", from + "attn_v", 0, keyValue, width);
      take(tensors, used, to + "self_attn.o_proj", from + "attn_output", 0, width, attention);
      take(tensors, used, to + "mlp.gate_proj", from + "ffn_gate", 0, feedForward, width);
      take(tensors, used, to + "mlp.up_proj", from + "ffn_up", 0, feedForward, width);
      take(tensors, used, to + "mlp.down_proj", from + "ffn_down", 0, width, feedForward);
    }
    requireAllUsed(used);
    try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(file), 1 << 20)) {
      SafeTensors.write(out, tensors, Map.of("format", "pt"));
    }
  }

  /** A bias, or factors of the rotation, left out would give another model. */
  private void requireAllUsed(Set<String> used) {
    for (String name : gguf.tensors().keySet()) {
      if (!used.contains(name)) {
        throw InvalidInputException.of(
            ErrorCode.MODEL_NOT_SUPPORTED,
            gguf.file().toString(),
            "has the tensor " + name + ", which is not supported.",
            "Give the model as a Hugging Face directory.");
      }
    }
  }

  /**
   * @param permutedHeadWidth width of a head whose rows llama.cpp has permuted (q and k), else 0
   * @param shape that the tensor must have
   */
  private void take(
      Map<String, Tensor> tensors,
      Set<String> used,
      String to,
      String from,
      int permutedHeadWidth,
      int... shape) {
    String name = from + ".weight";
    GgufFile.Tensor tensor = tensor(name);
    int rows = shape.length == 1 ? 1 : shape[0];
    int columns = shape[shape.length - 1];
    if (tensor.rows() != rows || tensor.columns() != columns) {
      throw gguf.damaged(
          "gives tensor %s the shape [%d, %d] instead of [%d, %d]"
              .formatted(name, tensor.rows(), tensor.columns(), rows, columns));
    }
    used.add(name);
    List<Long> dimensions = Arrays.stream(shape).mapToObj(Long::valueOf).toList();
    tensors.put(to + ".weight", lazily(dimensions, name, permutedHeadWidth));
  }

  private GgufFile.Tensor tensor(String name) {
    GgufFile.Tensor tensor = gguf.tensors().get(name);
    if (tensor == null) {
      throw InvalidInputException.of(
          ErrorCode.WEIGHTS_DO_NOT_FIT,
          gguf.file().toString(),
          "has no tensor " + name + ".",
          "Give the file of a whole model.");
    }
    return tensor;
  }

  private Tensor lazily(List<Long> shape, String from, int permutedHeadWidth) {
    return new Tensor(
        DType.F32,
        shape,
        () -> {
          try {
            float[] values = gguf.floats(from);
            if (permutedHeadWidth > 0) {
              values = unpermuted(values, Math.toIntExact(shape.get(1)), permutedHeadWidth);
            }
            ByteBuffer bytes =
                ByteBuffer.allocate(values.length * 4).order(ByteOrder.LITTLE_ENDIAN);
            bytes.asFloatBuffer().put(values);
            return bytes;
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
        });
  }

  /**
   * llama.cpp interleaves the two halves of a head (convert_hf_to_gguf.py, permute); Hugging Face's
   * row r is its row h D + 2 (w mod D/2) + w / (D/2).
   */
  static int permutedRow(int row, int headWidth) {
    int half = headWidth / 2;
    int within = row % headWidth;
    return row - within + within % half * 2 + within / half;
  }

  private static float[] unpermuted(float[] values, int columns, int headWidth) {
    float[] result = new float[values.length];
    for (int row = 0; row < values.length / columns; row++) {
      System.arraycopy(
          values, permutedRow(row, headWidth) * columns, result, row * columns, columns);
    }
    return result;
  }
}
