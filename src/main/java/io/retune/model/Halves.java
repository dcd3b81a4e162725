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

  /** To IEEE 754 binary16, to the nearest, of two as near the even one. */
  static short toHalf(float value) {
    int bits = Float.floatToRawIntBits(value);
    int sign = bits >>> 16 & 0x8000;
    float magnitude = Math.abs(value);
    if (Float.isNaN(value)) {
      return (short) (sign | 0x7e00);
    } else if (magnitude >= 65520f) {
      return (short) (sign | 0x7c00);
    } else if (magnitude < 0x1p-14f) {
      // Subnormal: a multiple of 2^-24; float32 has room for the product.
      return (short) (sign | (int) Math.rint(magnitude * 0x1p24f));
    }
    int exponent = (bits >>> 23 & 0xff) - 127 + 15;
    int fraction = bits & 0x7fffff;
    int half = exponent << 10 | fraction >> 13;
    int rest = fraction & 0x1fff;
    boolean up = rest > 0x1000 || (rest == 0x1000 && (half & 1) == 1);
    // A carry out of the fraction is one of the exponent.
    return (short) (sign | half + (up ? 1 : 0));
  }

  /** bfloat16: the upper half of a float32. */
  static float fromBrain(short bits) {
    return Float.intBitsToFloat(bits << 16);
  }
}
