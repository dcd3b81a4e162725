package io.retune.engine;

/**
 * Random numbers without a generator: a hash of (seed, stream, index), the finaliser of SplitMix64
 * (Steele, Lea, Flood 2014) applied thrice. It has no state, so nothing needs saving, and any
 * element can be had alone.
 */
public final class CounterHash {
  private static final long GAMMA = 0x9E3779B97F4A7C15L;

  private CounterHash() {}

  /** 64 uniform bits. */
  public static long bits(long seed, long stream, long index) {
    return mix(mix(mix(seed + GAMMA) + stream * GAMMA) + (index + 1) * GAMMA);
  }

  /** Uniform in [0, 1), 24 bits: every value is a float32. */
  public static float uniform(long seed, long stream, long index) {
    return (bits(seed, stream, index) >>> 40) * 0x1p-24f;
  }

  private static long mix(long z) {
    long a = (z ^ z >>> 30) * 0xBF58476D1CE4E5B9L;
    long b = (a ^ a >>> 27) * 0x94D049BB133111EBL;
    return b ^ b >>> 31;
  }
}
