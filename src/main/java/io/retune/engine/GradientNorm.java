package io.retune.engine;

/**
 * L2 norm of a vector: squares in float64, summed over fixed chunks, the chunks' sums over a fixed
 * binary tree. The same bits wherever it is worked out.
 */
public final class GradientNorm {
  private static final int CHUNK = 4096;

  private GradientNorm() {}

  public static double of(float[] vector) {
    int chunks = Math.max(1, (vector.length + CHUNK - 1) / CHUNK);
    return Math.sqrt(sum(vector, 0, chunks));
  }

  private static double sum(float[] vector, int from, int to) {
    if (to - from > 1) {
      int half = Integer.highestOneBit(to - from - 1);
      return sum(vector, from, from + half) + sum(vector, from + half, to);
    }
    double sum = 0;
    for (int i = from * CHUNK; i < Math.min(vector.length, to * CHUNK); i++) {
      sum += (double) vector[i] * vector[i];
    }
    return sum;
  }
}
