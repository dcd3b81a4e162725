package io.retune.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.math.BigDecimal;
import java.math.MathContext;
import java.util.Random;
import org.junit.jupiter.api.Test;

class GradientNormTest {
  @Test
  void aThreeFourFiveTriangleHasTheNormFive() {
    assertThat(GradientNorm.of(new float[] {3, -4})).isEqualTo(5.0);
    assertThat(GradientNorm.of(new float[0])).isEqualTo(0.0);
    assertThat(GradientNorm.of(new float[100_000])).isEqualTo(0.0);
  }

  @Test
  void squaresThatFloat32CannotHoldAreSummed() {
    assertThat(GradientNorm.of(new float[] {3e38f, 0})).isEqualTo((double) 3e38f);
    assertThat(GradientNorm.of(new float[] {1e-40f})).isEqualTo((double) 1e-40f);
  }

  @Test
  void whatIsNotFiniteShows() {
    assertThat(GradientNorm.of(new float[] {1, Float.NaN, 1})).isNaN();
    assertThat(GradientNorm.of(new float[] {1, Float.NEGATIVE_INFINITY, 1})).isInfinite();
  }

  /** Sizes on both sides of a chunk of 4,096 and of a power of two of them. */
  @Test
  void theNormIsTheExactOneButForTheLastBits() {
    for (int size : new int[] {1, 4095, 4096, 4097, 12_287, 12_288, 20_481}) {
      float[] vector = random(size);
      BigDecimal squares = BigDecimal.ZERO;
      for (float each : vector) {
        squares = squares.add(new BigDecimal(each).pow(2));
      }
      double exact = squares.sqrt(MathContext.DECIMAL64).doubleValue();
      assertThat(GradientNorm.of(vector)).isCloseTo(exact, within(exact * 1e-13));
    }
  }

  /** It enters the clipping factor, and so the weights. */
  @Test
  void theBitsAreThoseOfAChunkwiseSumOverTheTreeOfChunks() {
    float[] vector = random(3 * 4096 - 7);
    double[] chunks = new double[3];
    for (int i = 0; i < vector.length; i++) {
      chunks[i / 4096] += (double) vector[i] * vector[i];
    }
    assertThat(GradientNorm.of(vector)).isEqualTo(Math.sqrt(chunks[0] + chunks[1] + chunks[2]));
  }

  private static float[] random(int size) {
    Random random = new Random(size);
    float[] vector = new float[size];
    for (int i = 0; i < size; i++) {
      vector[i] = (float) Math.scalb(random.nextGaussian(), random.nextInt(20) - 10);
    }
    return vector;
  }
}
