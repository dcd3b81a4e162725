package io.retune.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class ThinningTest {
  @Test
  void fewPointsAreKeptAsTheyAre() {
    assertThat(Thinning.of(new double[] {3, 1, 2}, 300)).containsExactly(0, 1, 2);
    assertThat(Thinning.of(new double[0], 300)).isEmpty();
  }

  @Test
  void ofManyTheExtremesStayAndTheEnds() {
    double[] ys = new Random(1).doubles(10_000).toArray();
    ys[4321] = -5;
    ys[8765] = 9;
    int[] kept = Thinning.of(ys, 300);
    assertThat(kept).hasSizeLessThanOrEqualTo(300).isSorted().contains(0, 4321, 8765, 9999);
    assertThat(Arrays.stream(kept).distinct().count()).isEqualTo(kept.length);
  }
}
