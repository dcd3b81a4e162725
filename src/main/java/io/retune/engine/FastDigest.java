package io.retune.engine;

/**
 * 128-bit digest of floats, to compare recomputed gradients with recorded ones; no defence against
 * someone who wants a collision. Four lanes of multiply and rotate over the raw bits (the rounds of
 * xxHash64), mixed into two halves.
 */
public final class FastDigest {
  private static final long P1 = 0x9E3779B185EBCA87L;
  private static final long P2 = 0xC2B2AE3D27D4EB4FL;
  private static final long P3 = 0x165667B19E3779F9L;

  /** P1 + P2, modulo 2^64. */
  private static final long P1_P2 = 0x60EA27EEADC0B5D6L;

  private FastDigest() {}

  /** 32 hexadecimal digits. */
  public static String of(float[] values) {
    return of(values, 0, values.length);
  }

  /** Of {@code length} values from {@code offset} on. */
  public static String of(float[] values, int offset, int length) {
    long a = P1_P2;
    long b = P2;
    long c = 0;
    long d = -P1;
    int i = offset;
    int end = offset + length;
    for (; i + 8 <= end; i += 8) {
      a = round(a, pair(values, i));
      b = round(b, pair(values, i + 2));
      c = round(c, pair(values, i + 4));
      d = round(d, pair(values, i + 6));
    }
    for (; i < end; i++) {
      a = round(a, Float.floatToRawIntBits(values[i]));
    }
    long high = finish(Long.rotateLeft(a, 1) + Long.rotateLeft(b, 7) + c * P3 + length);
    long low = finish(Long.rotateLeft(c, 12) + Long.rotateLeft(d, 18) + a * P2 + high);
    return String.format("%016x%016x", high, low);
  }

  private static long pair(float[] values, int i) {
    return (long) Float.floatToRawIntBits(values[i]) << 32
        | (Float.floatToRawIntBits(values[i + 1]) & 0xffffffffL);
  }

  private static long round(long state, long input) {
    return Long.rotateLeft(state + input * P2, 31) * P1;
  }

  private static long finish(long z) {
    long x = (z ^ z >>> 33) * P2;
    x = (x ^ x >>> 29) * P3;
    return x ^ x >>> 32;
  }
}
