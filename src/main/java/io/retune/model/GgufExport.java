package io.retune.model;

import com.fasterxml.jackson.databind.JsonNode;
import io.retune.config.ErrorCode;
import io.retune.config.InvalidInputException;
import io.retune.store.Json;
import io.retune.text.Tokenizer;
import io.retune.text.TokenizerConfig;
import java.io.BufferedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Writes a model as a GGUF file, version 3 (ggml's docs/gguf.md), as llama.cpp's
 * convert_hf_to_gguf.py lays one out: norms in float32, matrices in the type asked for, the rows of
 * q and k permuted, tokenizer and template in the metadata.
 */
public final class GgufExport {
  private static final int ALIGNMENT = 32;
  private static final int CONTROL_TOKEN = 3;
  private static final int USER_TOKEN = 4;
  private static final int NORMAL_TOKEN = 1;
  private static final int UNUSED_TOKEN = 5;

  /** What matrices are written as, with llama.cpp's number for such a file. */
  public enum Precision {
    F16(GgufFile.Type.F16, 1),
    Q8_0(GgufFile.Type.Q8_0, 7);

    private final GgufFile.Type type;
    private final int fileType;

    Precision(GgufFile.Type type, int fileType) {
      this.type = type;
      this.fileType = fileType;
    }
  }

  private record Tensor(String name, int rows, int columns, GgufFile.Type type, Values values) {
    long bytes() {
      return (long) rows * columns / type.blockElements * type.blockBytes;
    }
  }

  private interface Values {
    float[] get();
  }

  private final MergedModel model;
  private final ModelConfig config;
  private final Precision precision;
  private final JsonNode tokenizer;
  private final TokenizerConfig tokenizerConfig;

  private GgufExport(MergedModel model, Precision precision) throws IOException {
    this.model = model;
    this.config = model.config();
    this.precision = precision;
    this.tokenizer = json("tokenizer.json");
    this.tokenizerConfig = TokenizerConfig.read(model.baseDirectory());
  }

  private JsonNode json(String name) throws IOException {
    return Json.read(Files.readAllBytes(model.baseDirectory().resolve(name)));
  }

  /**
   * @param name of the model, for its metadata
   * @throws InvalidInputException if the model's tokenizer is none that llama.cpp has a name for
   */
  public static void write(MergedModel model, String name, Precision precision, Path file)
      throws IOException {
    GgufExport export = new GgufExport(model, precision);
    byte[] metadata = export.metadata(name);
    List<Tensor> tensors = export.tensors();
    try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(file), 1 << 20)) {
      export.write(out, metadata, tensors);
    }
  }

  private void write(OutputStream out, byte[] metadata, List<Tensor> tensors) throws IOException {
    Fields head = new Fields();
    head.int32(GgufFile.MAGIC);
    head.int32(GgufFile.VERSION);
    head.int64(tensors.size());
    head.bytes(metadata);
    long offset = 0;
    for (Tensor tensor : tensors) {
      head.text(tensor.name());
      head.int32(tensor.rows() == 1 ? 1 : 2);
      head.int64(tensor.columns());
      if (tensor.rows() > 1) {
        head.int64(tensor.rows());
      }
      head.int32(tensor.type().id);
      head.int64(offset);
      offset += aligned(tensor.bytes());
    }
    byte[] bytes = head.toByteArray();
    out.write(bytes);
    out.write(new byte[(int) (aligned(bytes.length) - bytes.length)]);
    for (Tensor tensor : tensors) {
      byte[] content = Quantise.bytes(tensor.values().get(), tensor.type());
      out.write(content);
      out.write(new byte[(int) (aligned(content.length) - content.length)]);
    }
  }

  private static long aligned(long bytes) {
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  }

  private List<Tensor> tensors() {
    List<Tensor> tensors = new ArrayList<>();
    table(tensors, "token_embd", "model.embed_tokens");
    norm(tensors, "output_norm", "model.norm");
    if (!config.tiedHead()) {
      table(tensors, "output", "lm_head");
    }
    for (int layer = 0; layer < config.layers(); layer++) {
      String to = "blk." + layer + ".";
      String from = "model.layers." + layer + ".";
      norm(tensors, to + "attn_norm", from + "input_layernorm");
      norm(tensors, to + "ffn_norm", from + "post_attention_layernorm");
      for (Map.Entry<String, String> module : MODULES.entrySet()) {
        matrix(tensors, to + module.getValue(), layer, module.getKey());
      }
    }
    return tensors;
  }

  private static final Map<String, String> MODULES = modules();

  private static Map<String, String> modules() {
    Map<String, String> modules = new LinkedHashMap<>();
    modules.put("q_proj", "attn_q");
    modules.put("k_proj", "attn_k");
    modules.put("v_proj", "attn_v");
    modules.put("o_proj", "attn_output");
    modules.put("gate_proj", "ffn_gate");
    modules.put("up_proj", "ffn_up");
    modules.put("down_proj", "ffn_down");
    return modules;
  }

  private void table(List<Tensor> tensors, String to, String from) {
    List<Long> shape = List.of((long) config.vocabulary(), (long) config.width());
    tensors.add(
        new Tensor(
            to + ".weight",
            config.vocabulary(),
            config.width(),
            fitting(config.width()),
            () -> model.unchanged(from + ".weight", shape)));
  }

  private void norm(List<Tensor> tensors, String to, String from) {
    tensors.add(
        new Tensor(
            to + ".weight",
            1,
            config.width(),
            GgufFile.Type.F32,
            () -> model.unchanged(from + ".weight", List.of((long) config.width()))));
  }

  private void matrix(List<Tensor> tensors, String to, int layer, String module) {
    int rows = AdapterLayout.outputs(config, module);
    int columns = AdapterLayout.inputs(config, module);
    boolean rotated = module.equals("q_proj") || module.equals("k_proj");
    tensors.add(
        new Tensor(
            to + ".weight",
            rows,
            columns,
            fitting(columns),
            () -> {
              float[] values = model.matrix(layer, module);
              return rotated ? permuted(values, columns, config.headWidth()) : values;
            }));
  }

  /** A row that is not whole blocks stays in 16 bits, as llama.cpp has it. */
  private GgufFile.Type fitting(int columns) {
    return columns % precision.type.blockElements == 0 ? precision.type : GgufFile.Type.F16;
  }

  /** Interleaves the two halves of each head: Hugging Face's row to llama.cpp's. */
  private static float[] permuted(float[] values, int columns, int headWidth) {
    float[] result = new float[values.length];
    for (int row = 0; row < values.length / columns; row++) {
      System.arraycopy(
          values, row * columns, result, GgufImport.permutedRow(row, headWidth) * columns, columns);
    }
    return result;
  }

  private byte[] metadata(String name) throws IOException {
    Metadata metadata = new Metadata();
    metadata.text("general.architecture", "llama");
    metadata.text("general.name", name);
    metadata.uint32("general.file_type", precision.fileType);
    metadata.uint32("general.alignment", ALIGNMENT);
    metadata.uint32("llama.block_count", config.layers());
    metadata.uint32("llama.context_length", config.contextTokens());
    metadata.uint32("llama.embedding_length", config.width());
    metadata.uint32("llama.feed_forward_length", config.feedForward());
    metadata.uint32("llama.attention.head_count", config.heads());
    metadata.uint32("llama.attention.head_count_kv", config.keyValueHeads());
    metadata.uint32("llama.attention.key_length", config.headWidth());
    metadata.uint32("llama.attention.value_length", config.headWidth());
    metadata.uint32("llama.rope.dimension_count", config.headWidth());
    metadata.uint32("llama.vocab_size", config.vocabulary());
    metadata.float32("llama.attention.layer_norm_rms_epsilon", (float) config.rmsEpsilon());
    metadata.float32("llama.rope.freq_base", ropeBase());
    tokenizer(metadata);
    return metadata.toByteArray();
  }

  private float ropeBase() throws IOException {
    JsonNode config = json("config.json");
    String kind = RopeScaling.kind(config);
    if (!kind.equals(RopeScaling.NONE)) {
      throw refused("scales its rotary embedding (" + kind + ")");
    }
    return (float) RopeScaling.base(config);
  }

  private InvalidInputException refused(String what) {
    return InvalidInputException.of(
        ErrorCode.GGUF_NOT_WRITABLE,
        model.baseDirectory().toString(),
        what + ", which is not written as GGUF.",
        "Export with --merged, and convert that directory with llama.cpp's own program.");
  }

  private void tokenizer(Metadata metadata) {
    if (!tokenizer.at("/model/type").asText().equals("BPE")
        || tokenizer.at("/model/byte_fallback").asBoolean()) {
      throw refused("has a tokenizer that is no byte-level BPE");
    }
    metadata.text("tokenizer.ggml.model", "gpt2");
    metadata.text("tokenizer.ggml.pre", preTokenizer());
    Map<Integer, String> byId = new HashMap<>();
    Map<Integer, Integer> types = new HashMap<>();
    tokenizer
        .at("/model/vocab")
        .fields()
        .forEachRemaining(t -> byId.put(t.getValue().asInt(), t.getKey()));
    for (JsonNode added : tokenizer.path("added_tokens")) {
      byId.put(added.path("id").asInt(), added.path("content").asText());
      types.put(
          added.path("id").asInt(), added.path("special").asBoolean() ? CONTROL_TOKEN : USER_TOKEN);
    }
    List<String> tokens = new ArrayList<>();
    List<Integer> tokenTypes = new ArrayList<>();
    for (int id = 0; id < config.vocabulary(); id++) {
      // Rows of the embedding that no token has.
      tokens.add(byId.getOrDefault(id, "[PAD" + id + "]"));
      tokenTypes.add(types.getOrDefault(id, byId.containsKey(id) ? NORMAL_TOKEN : UNUSED_TOKEN));
    }
    metadata.texts("tokenizer.ggml.tokens", tokens);
    metadata.int32s("tokenizer.ggml.token_type", tokenTypes);
    List<String> merges = new ArrayList<>();
    tokenizer
        .at("/model/merges")
        .forEach(
            m ->
                merges.add(m.isArray() ? m.get(0).asText() + " " + m.get(1).asText() : m.asText()));
    metadata.texts("tokenizer.ggml.merges", merges);
    Map<String, Integer> ids = new HashMap<>();
    byId.forEach((id, text) -> ids.put(text, id));
    for (String role : List.of("bos", "eos", "unk", "pad")) {
      tokenizerConfig
          .token(role + "_token")
          .map(ids::get)
          .ifPresent(id -> metadata.uint32("tokenizer.ggml." + NAMES.get(role) + "_token_id", id));
    }
    metadata.bool("tokenizer.ggml.add_bos_token", startsWithBos(ids));
    tokenizerConfig.template().ifPresent(text -> metadata.text("tokenizer.chat_template", text));
  }

  /** The post-processor's affair, as of Llama 3's; tokenizers without one may have a key for it. */
  private boolean startsWithBos(Map<String, Integer> ids) {
    Optional<Integer> bos = tokenizerConfig.token("bos_token").map(ids::get);
    try (Tokenizer whole = Tokenizer.open(model.baseDirectory())) {
      int[] around = whole.encodeDocument("");
      return (around.length > 0 && bos.filter(id -> id == around[0]).isPresent())
          || tokenizerConfig.json().path("add_bos_token").asBoolean();
    }
  }

  private static final Map<String, String> NAMES =
      Map.of("bos", "bos", "eos", "eos", "unk", "unknown", "pad", "padding");

  /** llama.cpp's name for how text is cut before BPE (src/llama-vocab.cpp). */
  private String preTokenizer() {
    JsonNode cut = tokenizer.path("pre_tokenizer");
    List<String> steps = new ArrayList<>();
    for (JsonNode step :
        cut.path("type").asText().equals("Sequence") ? cut.path("pretokenizers") : List.of(cut)) {
      String pattern = step.at("/pattern/Regex").asText();
      steps.add(step.path("type").asText() + (pattern.isEmpty() ? "" : " " + pattern));
    }
    return Optional.ofNullable(PRE_TOKENIZERS.get(steps))
        .orElseThrow(() -> refused("cuts text as " + steps));
  }

  private static final Map<List<String>, String> PRE_TOKENIZERS =
      Map.of(
          List.of("Digits", "ByteLevel"),
          "smollm",
          List.of(
              "Split (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
              "ByteLevel"),
          "llama-bpe",
          List.of(
              "Split (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
              "ByteLevel"),
          "qwen2");

  /** Little-endian fields as GGUF writes them. */
  private static class Fields extends ByteArrayOutputStream {
    void int32(int value) {
      bytes(ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(value).array());
    }

    void int64(long value) {
      bytes(ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(value).array());
    }

    void text(String text) {
      byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
      int64(utf8.length);
      bytes(utf8);
    }

    void bytes(byte[] bytes) {
      writeBytes(bytes);
    }
  }

  /** Pairs of key and typed value, behind their number. */
  private static final class Metadata {
    private static final int UINT32 = 4;
    private static final int INT32 = 5;
    private static final int FLOAT32 = 6;
    private static final int BOOL = 7;
    private static final int STRING = 8;
    private static final int ARRAY = 9;

    private final Fields fields = new Fields();
    private long count;

    private void key(String key, int type) {
      count++;
      fields.text(key);
      fields.int32(type);
    }

    void text(String key, String value) {
      key(key, STRING);
      fields.text(value);
    }

    void uint32(String key, int value) {
      key(key, UINT32);
      fields.int32(value);
    }

    void float32(String key, float value) {
      key(key, FLOAT32);
      fields.int32(Float.floatToRawIntBits(value));
    }

    void bool(String key, boolean value) {
      key(key, BOOL);
      fields.write(value ? 1 : 0);
    }

    void texts(String key, List<String> values) {
      key(key, ARRAY);
      fields.int32(STRING);
      fields.int64(values.size());
      values.forEach(fields::text);
    }

    void int32s(String key, List<Integer> values) {
      key(key, ARRAY);
      fields.int32(INT32);
      fields.int64(values.size());
      values.forEach(fields::int32);
    }

    byte[] toByteArray() {
      Fields all = new Fields();
      all.int64(count);
      all.bytes(fields.toByteArray());
      return all.toByteArray();
    }
  }
}
