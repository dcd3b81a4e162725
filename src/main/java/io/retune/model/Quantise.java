package io.retune.model;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * float32 to ggml's formats, as ggml's own reference does it (ggml-quants.c,
 * quantize_row_q8_0_ref), so that the bytes are the same.
 */
final class Quantise {
  private static final int BLOCK = 32;
  private static final int MOST = 127;

  private Quantise() {}

  /** F32, F16 or Q8_0, the last of whole blocks. */
  static byte[] bytes(float[] values, GgufFile.Type type) {
    int bytes = Math.multiplyExact(values.length / type.blockElements, type.blockBytes);
    ByteBuffer out = ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    switch (type) {
      case F32 -> {
        for (float value : values) {
          out.putFloat(value);
        }
      }
      case F16 -> {
        for (float value : values) {
          out.putShort(Halves.toHalf(value));
        }
      }
      case Q8_0 -> {
        for (int at = 0; at < values.length; at += BLOCK) {
          q8(values, at, out);
        }
      }
      default -> throw new IllegalArgumentException("Not written: " + type);
    }
    return out.array();
  }

  /** f16 d = largest magnitude / 127, then 32 int8, halves rounded away from zero. */
  private static void q8(float[] values, int at, ByteBuffer out) {
    float largest = 0;
    for (int j = 0; j < BLOCK; j++) {
      largest = Math.max(largest, Math.abs(values[at + j]));
    }
    float scale = largest / MOST;
    float inverse = scale == 0 ? 0 : 1 / scale;
    out.putShort(Halves.toHalf(scale));
    for (int j = 0; j < BLOCK; j++) {
      float quotient = values[at + j] * inverse;
      float magnitude = (float) Math.floor(Math.abs(quotient));
      float rounded = Math.abs(quotient) - magnitude >= 0.5f ? magnitude + 1 : magnitude;
      out.put((byte) (quotient < 0 ? -rounded : rounded));
    }
  }
}
