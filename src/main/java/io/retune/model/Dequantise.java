package io.retune.model;

import java.nio.ByteBuffer;

/**
 * ggml's block formats (ggml-quants.c, dequantize_row_*), in float32 as the reference computes
 * them.
 */
final class Dequantise {
  private static final int BLOCK = 32;

  private Dequantise() {}

  static void into(float[] values, ByteBuffer in, GgufFile.Type type) {
    switch (type) {
      case F32 -> in.asFloatBuffer().get(values);
      case F16 -> each(values, () -> Halves.fromHalf(in.getShort()));
      case BF16 -> each(values, () -> Halves.fromBrain(in.getShort()));
      case Q8_0 -> q8(values, in);
      case Q4_0 -> q4(values, in, false);
      case Q4_1 -> q4(values, in, true);
    }
  }

  private interface Next {
    float value();
  }

  private static void each(float[] values, Next next) {
    for (int i = 0; i < values.length; i++) {
      values[i] = next.value();
    }
  }

  /** f16 d, 32 int8: q * d. */
  private static void q8(float[] values, ByteBuffer in) {
    for (int at = 0; at < values.length; at += BLOCK) {
      float scale = Halves.fromHalf(in.getShort());
      for (int j = 0; j < BLOCK; j++) {
        values[at + j] = in.get() * scale;
      }
    }
  }

  /**
   * f16 d, f16 m (Q4_1 only), 16 bytes: low halves first, then high halves; q * d + m, or (q - 8) *
   * d.
   */
  private static void q4(float[] values, ByteBuffer in, boolean withMinimum) {
    for (int at = 0; at < values.length; at += BLOCK) {
      float scale = Halves.fromHalf(in.getShort());
      float minimum = withMinimum ? Halves.fromHalf(in.getShort()) : 0;
      int zero = withMinimum ? 0 : 8;
      for (int j = 0; j < BLOCK / 2; j++) {
        int pair = in.get() & 0xff;
        values[at + j] = ((pair & 15) - zero) * scale + minimum;
        values[at + j + BLOCK / 2] = ((pair >> 4) - zero) * scale + minimum;
      }
    }
  }
}
