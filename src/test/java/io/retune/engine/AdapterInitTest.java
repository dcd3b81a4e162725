package io.retune.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.retune.model.AdapterLayout;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class AdapterInitTest {
  private final Toy toy = new Toy(AdapterLayout.modules());

  @Test
  void aIsUniformInPeftsBoundsAndBIsZero() {
    float[] values = AdapterInit.values(toy.layout, 42);

    for (AdapterLayout.Tensor tensor : toy.layout.tensors()) {
      float[] part = Arrays.copyOfRange(values, tensor.offset(), tensor.offset() + tensor.size());
      if (!tensor.isA()) {
        assertThat(part).containsOnly(0f);
        continue;
      }
      // torch.nn.init.kaiming_uniform_(a = sqrt 5): bound sqrt(6 / ((1 + 5) inputs)).
      double bound = 1 / Math.sqrt(tensor.columns());
      double mean = 0;
      double square = 0;
      double largest = 0;
      for (float value : part) {
        mean += value / bound / part.length;
        square += value / bound * value / bound / part.length;
        largest = Math.max(largest, Math.abs(value) / bound);
      }
      // Of n uniform values the mean lies within 4 sigma = 4 / sqrt(3 n); n is 144 at least.
      assertThat(mean).as(tensor.name()).isCloseTo(0, within(0.2));
      assertThat(square).as(tensor.name()).isCloseTo(1.0 / 3, within(0.12));
      assertThat(largest).as(tensor.name()).isBetween(0.9, 1.0);
    }
  }

  @Test
  void seedsAndTensorsDiffer() {
    float[] one = AdapterInit.values(toy.layout, 1);
    assertThat(one).isEqualTo(AdapterInit.values(toy.layout, 1));
    Set<Float> seen = new HashSet<>();
    int drawn = 0;
    for (long seed : new long[] {1, 2, -1, Long.MAX_VALUE}) {
      float[] values = AdapterInit.values(toy.layout, seed);
      for (AdapterLayout.Tensor tensor : toy.layout.tensors()) {
        if (tensor.isA()) {
          seen.add(values[tensor.offset()]);
          drawn++;
        }
      }
    }
    assertThat(seen).hasSize(drawn);
  }

  @Test
  void hashedNumbersAreUniformAndWithoutPattern() {
    int[] buckets = new int[16];
    int rising = 0;
    int n = 160_000;
    float before = 0;
    for (int i = 0; i < n; i++) {
      float value = CounterHash.uniform(7, 3, i);
      assertThat(value).isGreaterThanOrEqualTo(0f).isLessThan(1f);
      buckets[(int) (value * 16)]++;
      rising += value > before ? 1 : 0;
      before = value;
    }
    // 10,000 each, sigma 97; half of the steps rise, sigma of the count 115.
    for (int bucket : buckets) {
      assertThat(bucket).isBetween(9500, 10_500);
    }
    assertThat(rising).isBetween(n / 2 - 600, n / 2 + 600);
  }

  @Test
  void seedStreamAndIndexEachChangeHalfOfTheBits() {
    long base = CounterHash.bits(5, 6, 7);
    for (long other :
        List.of(
            CounterHash.bits(6, 6, 7),
            CounterHash.bits(5, 7, 7),
            CounterHash.bits(5, 6, 8),
            CounterHash.bits(5, 7, 6),
            CounterHash.bits(6, 5, 7),
            CounterHash.bits(7, 6, 5))) {
      assertThat(Long.bitCount(base ^ other)).isBetween(16, 48);
    }
  }

  /** A change would give every run other weights. */
  @Test
  void theFirstNumbersAreFixed() {
    assertThat(CounterHash.bits(0, 0, 0)).isEqualTo(6235967106033911276L);
    assertThat(CounterHash.bits(42, 1, 2)).isEqualTo(1533225871787718299L);
    assertThat(FastDigest.of(AdapterInit.values(toy.layout, 42)))
        .isEqualTo("625fc389478cef1f09b4e813cda09a1c");
  }
}
