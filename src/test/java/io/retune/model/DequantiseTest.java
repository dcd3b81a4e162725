package io.retune.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.api.Test;

/** Blocks made by hand; ggml-quants.c says what they mean. */
class DequantiseTest {
  private static final short HALF = 0x3800; // 0.5
  private static final short MINUS_TWO = (short) 0xc000;

  @Test
  void q8IsAnIntegerTimesItsBlocksScale() {
    ByteBuffer in = bytes(68);
    in.putShort(HALF);
    for (int i = 0; i < 32; i++) {
      in.put((byte) (i * 8 - 128));
    }
    in.putShort(MINUS_TWO);
    for (int i = 0; i < 32; i++) {
      in.put((byte) i);
    }
    float[] values = dequantised(64, in, GgufFile.Type.Q8_0);

    assertThat(values[0]).isEqualTo(-64f);
    assertThat(values[31]).isEqualTo(60f);
    assertThat(values[32]).isEqualTo(-0f);
    assertThat(values[63]).isEqualTo(-62f);
  }

  @Test
  void q4HasTheLowHalvesFirstAndIsCentredOrHasAMinimum() {
    ByteBuffer centred = bytes(18).putShort(HALF);
    ByteBuffer raised = bytes(20).putShort(HALF).putShort(MINUS_TWO);
    for (int j = 0; j < 16; j++) {
      centred.put((byte) (j | ((15 - j) << 4)));
      raised.put((byte) (j | ((15 - j) << 4)));
    }
    float[] q40 = dequantised(32, centred, GgufFile.Type.Q4_0);
    float[] q41 = dequantised(32, raised, GgufFile.Type.Q4_1);

    for (int j = 0; j < 16; j++) {
      assertThat(q40[j]).isEqualTo((j - 8) * 0.5f);
      assertThat(q40[16 + j]).isEqualTo((7 - j) * 0.5f);
      assertThat(q41[j]).isEqualTo(j * 0.5f - 2);
      assertThat(q41[16 + j]).isEqualTo((15 - j) * 0.5f - 2);
    }
  }

  @Test
  void halvesAreWidenedExactly() {
    ByteBuffer in = bytes(18);
    int[] halves = {0x0000, 0x8000, 0x0001, 0x83ff, 0x0400, 0x3c01, 0x7bff, 0x7c00, 0xfc00};
    for (int half : halves) {
      in.putShort((short) half);
    }
    assertThat(dequantised(9, in, GgufFile.Type.F16))
        .containsExactly(
            0f,
            -0f,
            0x1p-24f,
            -1023 * 0x1p-24f,
            0x1p-14f,
            1 + 0x1p-10f,
            65504f,
            Float.POSITIVE_INFINITY,
            Float.NEGATIVE_INFINITY);
    assertThat(Halves.fromHalf((short) 0x7e01)).isNaN();
  }

  /** Against the definition: sign, 2^(exponent - 15), 1 + fraction / 1024. */
  @Test
  void everyHalfIsItsDefinition() {
    for (int bits = 0; bits < 0x10000; bits++) {
      int exponent = bits >> 10 & 31;
      double fraction = (bits & 1023) / 1024.0;
      double magnitude =
          exponent == 0
              ? fraction * 0x1p-14
              : exponent == 31
                  ? (fraction == 0 ? Double.POSITIVE_INFINITY : Double.NaN)
                  : Math.scalb(1 + fraction, exponent - 15);
      float found = Halves.fromHalf((short) bits);
      Double expected = bits < 0x8000 ? magnitude : -magnitude;
      assertThat((double) found).isEqualTo(expected);
    }
  }

  @Test
  void brainFloatsAreTheUpperHalfOfAFloat() {
    ByteBuffer in = bytes(8);
    for (float value : new float[] {1, -2.5f, 0x1p-126f, Float.NEGATIVE_INFINITY}) {
      in.putShort((short) (Float.floatToRawIntBits(value) >>> 16));
    }
    assertThat(dequantised(4, in, GgufFile.Type.BF16))
        .containsExactly(1f, -2.5f, 0x1p-126f, Float.NEGATIVE_INFINITY);
  }

  @Test
  void floatsAreCopied() {
    ByteBuffer in = bytes(8).putFloat(1.1f).putFloat(-0f);
    assertThat(dequantised(2, in, GgufFile.Type.F32)).containsExactly(1.1f, -0f);
  }

  private static ByteBuffer bytes(int size) {
    return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
  }

  private static float[] dequantised(int count, ByteBuffer in, GgufFile.Type type) {
    float[] values = new float[count];
    Dequantise.into(values, in.flip(), type);
    return values;
  }
}
