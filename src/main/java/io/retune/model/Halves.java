package io.retune.model;

/** 16-bit floats to float32, exactly. (Float.float16ToFloat came with Java 20.) */
final class Halves {
  private Halves() {}

  /** IEEE 754 binary16. */
  static float fromHalf(short bits) {
    int sign = (bits & 0x8000) << 16;
    int exponent = bits >> 10 & 0x1f;
    int fraction = bits & 0x3ff;
    if (exponent == 0) {
      float magnitude = fraction * 0x1p-24f;
      return sign == 0 ? magnitude : -magnitude;
    }
    int wide = exponent == 0x1f ? 0xff : exponent - 15 + 127;
    return Float.intBitsToFloat(sign | wide << 23 | fraction << 13);
  }

  /** bfloat16: the upper half of a float32. */
  static float fromBrain(short bits) {
    return Float.intBitsToFloat(bits << 16);
  }
}
