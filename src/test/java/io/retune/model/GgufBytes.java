package io.retune.model;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A GGUF file made by hand, so that any part of it can be made wrong. */
public final class GgufBytes {
  static final int F32 = 0;

  /** Metadata: a Long becomes u32, a Double f32, a List an array of its elements' type. */
  final Map<String, Object> metadata = new LinkedHashMap<>();

  final List<Tensor> tensors = new ArrayList<>();
  long tensorCount = -1;
  long pairCount = -1;

  record Tensor(String name, int type, long[] dimensions, byte[] content) {}

  /** One layer of width 8 with two heads, and a tokenizer of seven tokens. */
  public static GgufBytes whole() {
    GgufBytes gguf = new GgufBytes();
    gguf.metadata.put("general.architecture", "llama");
    gguf.metadata.put("llama.embedding_length", 8L);
    gguf.metadata.put("llama.feed_forward_length", 32L);
    gguf.metadata.put("llama.block_count", 1L);
    gguf.metadata.put("llama.context_length", 64L);
    gguf.metadata.put("llama.attention.head_count", 2L);
    gguf.metadata.put("llama.attention.head_count_kv", 1L);
    gguf.metadata.put("llama.attention.layer_norm_rms_epsilon", 1e-5);
    gguf.metadata.put("llama.rope.freq_base", 100000.0);
    gguf.metadata.put("tokenizer.ggml.model", "gpt2");
    gguf.metadata.put("tokenizer.ggml.pre", "smollm");
    gguf.metadata.put(
        "tokenizer.ggml.tokens", List.of("<|start|>", "<|end|>", "a", "b", "ab", "c", "d"));
    gguf.metadata.put("tokenizer.ggml.token_type", List.of(3L, 3L, 1L, 1L, 1L, 1L, 1L));
    gguf.metadata.put("tokenizer.ggml.merges", List.of("a b"));
    gguf.metadata.put("tokenizer.ggml.bos_token_id", 0L);
    gguf.metadata.put("tokenizer.ggml.eos_token_id", 1L);
    gguf.metadata.put("tokenizer.chat_template", "{{ messages[0].content }}");
    gguf.f32("token_embd.weight", 8, 7);
    gguf.f32("output_norm.weight", 8);
    gguf.f32("blk.0.attn_norm.weight", 8);
    gguf.f32("blk.0.ffn_norm.weight", 8);
    gguf.f32("blk.0.attn_q.weight", 8, 8);
    gguf.f32("blk.0.attn_k.weight", 8, 4);
    gguf.f32("blk.0.attn_v.weight", 8, 4);
    gguf.f32("blk.0.attn_output.weight", 8, 8);
    gguf.f32("blk.0.ffn_gate.weight", 8, 32);
    gguf.f32("blk.0.ffn_up.weight", 8, 32);
    gguf.f32("blk.0.ffn_down.weight", 32, 8);
    return gguf;
  }

  /** Dimensions columns first; the values are 0, 1, 2 ... */
  void f32(String name, long... dimensions) {
    long elements = 1;
    for (long dimension : dimensions) {
      elements *= dimension;
    }
    ByteBuffer content = ByteBuffer.allocate((int) elements * 4).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < elements; i++) {
      content.putFloat(i);
    }
    tensors.add(new Tensor(name, F32, dimensions, content.array()));
  }

  Tensor tensor(String name) {
    return tensors.stream().filter(t -> t.name().equals(name)).findFirst().orElseThrow();
  }

  void replace(Tensor tensor) {
    tensors.replaceAll(t -> t.name().equals(tensor.name()) ? tensor : t);
  }

  public byte[] bytes() {
    ByteBuffer out = ByteBuffer.allocate(1 << 20).order(ByteOrder.LITTLE_ENDIAN);
    out.put("GGUF".getBytes(StandardCharsets.US_ASCII)).putInt(3);
    out.putLong(tensorCount < 0 ? tensors.size() : tensorCount);
    out.putLong(pairCount < 0 ? metadata.size() : pairCount);
    metadata.forEach(
        (key, value) -> {
          text(out, key);
          out.putInt(type(value));
          value(out, value);
        });
    long offset = 0;
    for (Tensor tensor : tensors) {
      text(out, tensor.name());
      out.putInt(tensor.dimensions().length);
      for (long dimension : tensor.dimensions()) {
        out.putLong(dimension);
      }
      out.putInt(tensor.type());
      out.putLong(offset);
      offset += aligned(tensor.content().length);
    }
    out.position(aligned(out.position()));
    for (Tensor tensor : tensors) {
      int start = out.position();
      out.put(tensor.content());
      out.position(start + aligned(tensor.content().length));
    }
    byte[] bytes = new byte[out.position()];
    out.flip().get(bytes);
    return bytes;
  }

  private static int aligned(int length) {
    return (length + 31) / 32 * 32;
  }

  private static void text(ByteBuffer out, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    out.putLong(bytes.length).put(bytes);
  }

  private static int type(Object value) {
    if (value instanceof Long) {
      return 4;
    } else if (value instanceof Double) {
      return 6;
    } else if (value instanceof Boolean) {
      return 7;
    } else if (value instanceof String) {
      return 8;
    }
    return 9;
  }

  private static void value(ByteBuffer out, Object value) {
    if (value instanceof Long number) {
      out.putInt(number.intValue());
    } else if (value instanceof Double number) {
      out.putFloat(number.floatValue());
    } else if (value instanceof Boolean flag) {
      out.put((byte) (flag ? 1 : 0));
    } else if (value instanceof String text) {
      text(out, text);
    } else {
      List<?> list = (List<?>) value;
      out.putInt(type(list.get(0)));
      out.putLong(list.size());
      list.forEach(element -> value(out, element));
    }
  }
}
