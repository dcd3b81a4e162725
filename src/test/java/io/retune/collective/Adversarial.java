package io.retune.collective;

import java.util.Random;

/** Floats whose sum depends on the order of additions, and the reference sum. */
final class Adversarial {
  private Adversarial() {}

  /** Signs, and exponents over twenty binary orders, so that nearly every addition rounds. */
  static float[][] vectors(int leaves, int size, Random random) {
    float[][] vectors = new float[leaves][size];
    for (float[] vector : vectors) {
      for (int i = 0; i < size; i++) {
        vector[i] = (float) Math.scalb(random.nextDouble() * 2 - 1, random.nextInt(20) - 10);
      }
    }
    return vectors;
  }

  /** RFC 6962 section 2.1, written out. */
  static float[] treeSum(float[][] vectors, int begin, int end) {
    if (end - begin == 1) {
      return vectors[begin].clone();
    }
    int k = 1;
    while (2 * k < end - begin) {
      k *= 2;
    }
    float[] left = treeSum(vectors, begin, begin + k);
    float[] right = treeSum(vectors, begin + k, end);
    for (int i = 0; i < left.length; i++) {
      left[i] = left[i] + right[i];
    }
    return left;
  }

  static int[] bits(float[] vector) {
    int[] bits = new int[vector.length];
    for (int i = 0; i < bits.length; i++) {
      bits[i] = Float.floatToRawIntBits(vector[i]);
    }
    return bits;
  }
}
