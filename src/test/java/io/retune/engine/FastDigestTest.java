package io.retune.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.HashSet;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

class FastDigestTest {
  /** Journals of old runs are compared with these digests: they may never change. */
  @Test
  void theDigestOfFixedValuesIsFixed() {
    float[] values = new float[21];
    for (int i = 0; i < values.length; i++) {
      values[i] = i - 10.5f;
    }
    assertThat(FastDigest.of(values)).isEqualTo("1feff770fe39f6a6833700020f5640c0");
    assertThat(FastDigest.of(new float[0])).isEqualTo("cb28831b2c80846e9a896ea57955e9ce");
    assertThat(FastDigest.of(new float[] {1, -0f, Float.NaN}))
        .isEqualTo("d958854a245ad3950fe32f1b59b737cc");
  }

  @Test
  void everyBitOfEveryValueCounts() {
    float[] values = random(19);
    Set<String> digests = new HashSet<>(Set.of(FastDigest.of(values)));
    for (int i = 0; i < values.length; i++) {
      for (int bit = 0; bit < 32; bit++) {
        float[] changed = values.clone();
        changed[i] = Float.intBitsToFloat(Float.floatToRawIntBits(values[i]) ^ 1 << bit);
        // A signalling NaN may become a quiet one on its way through a register.
        if (Float.floatToRawIntBits(changed[i])
            == (Float.floatToRawIntBits(values[i]) ^ 1 << bit)) {
          assertThat(digests.add(FastDigest.of(changed))).as("bit %d of %d", bit, i).isTrue();
        }
      }
    }
    assertThat(digests).hasSizeGreaterThan(19 * 31);
  }

  @Test
  void orderAndLengthCount() {
    Set<String> digests = new HashSet<>();
    float[] values = random(24);
    assertThat(digests.add(FastDigest.of(values))).isTrue();
    for (int i = 0; i < values.length; i++) {
      for (int j = i + 1; j < values.length; j++) {
        float[] swapped = values.clone();
        swapped[i] = values[j];
        swapped[j] = values[i];
        assertThat(digests.add(FastDigest.of(swapped))).as("%d and %d", i, j).isTrue();
      }
    }
    for (int length = 0; length < 40; length++) {
      assertThat(digests.add(FastDigest.of(new float[length]))).as("%d zeros", length).isTrue();
    }
    assertThat(FastDigest.of(new float[] {0f})).isNotEqualTo(FastDigest.of(new float[] {-0f}));
  }

  @Test
  void aSliceHasTheDigestOfItsCopy() {
    float[] values = random(100);
    for (int offset = 0; offset < 12; offset++) {
      for (int length = 0; length < 40; length++) {
        assertThat(FastDigest.of(values, offset, length))
            .isEqualTo(FastDigest.of(Arrays.copyOfRange(values, offset, offset + length)));
      }
    }
  }

  @Test
  void aDigestIsThirtyTwoHexadecimalDigits() {
    for (int length = 0; length < 200; length++) {
      assertThat(FastDigest.of(random(length))).matches("[0-9a-f]{32}");
    }
  }

  private static float[] random(int size) {
    Random random = new Random(size);
    float[] values = new float[size];
    for (int i = 0; i < size; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }
}
