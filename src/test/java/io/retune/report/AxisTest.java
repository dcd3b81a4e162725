package io.retune.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.Random;
import java.util.stream.DoubleStream;
import org.junit.jupiter.api.Test;

class AxisTest {
  private static Axis around(double... values) {
    return Axis.around(DoubleStream.of(values), 5, 0, 100);
  }

  @Test
  void ticksAreRoundNumbersAroundTheValues() {
    assertThat(around(2.7, 4.87).ticks()).containsExactly(2.5, 3.0, 3.5, 4.0, 4.5, 5.0);
    assertThat(around(0, 0.3).ticks()).containsExactly(0.0, 0.1, 0.2, 0.3);
    assertThat(around(-1.8, 0).ticks()).containsExactly(-2.0, -1.5, -1.0, -0.5, 0.0);
    assertThat(around(0, 3e9).ticks()).containsExactly(0.0, 1e9, 2e9, 3e9);
  }

  @Test
  void oneValueHasRoomAroundIt() {
    for (double value : new double[] {0, 2, -3, 1e-9, 5e15}) {
      Axis axis = around(value, value);
      assertThat(axis.low()).isLessThanOrEqualTo(value);
      assertThat(axis.high()).isGreaterThan(value);
      assertThat(axis.at(value)).isBetween(0.0, 100.0);
    }
    assertThat(around().ticks()).isNotEmpty();
    assertThat(around(Double.NaN, 1, Double.POSITIVE_INFINITY).high()).isBetween(1.0, 2.0);
  }

  @Test
  void stepsAreWholeNumbers() {
    assertThat(Axis.counting(0, 16, 12, 0, 1).ticks())
        .containsExactly(0.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 14.0, 16.0);
    assertThat(Axis.counting(1, 3, 12, 0, 1).ticks()).containsExactly(1.0, 2.0, 3.0);
    assertThat(Axis.counting(1, 1, 12, 0, 1).ticks()).containsExactly(1.0);
  }

  @Test
  void anyValuesLieBetweenTheEnds() {
    Random random = new Random(7);
    for (int i = 0; i < 1000; i++) {
      double size = Math.pow(10, random.nextInt(24) - 12);
      double[] values = random.doubles(3, -size, size).toArray();
      Axis axis = around(values);
      assertThat(Arrays.stream(values).map(axis::at).boxed())
          .allMatch(at -> at >= -1e-6 && at <= 100 + 1e-6);
      assertThat(axis.ticks().size()).isBetween(2, 8);
      assertThat(axis.at(axis.ticks().get(0))).isCloseTo(0, within(1e-6));
    }
  }
}
