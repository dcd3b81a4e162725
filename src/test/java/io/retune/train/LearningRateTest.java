package io.retune.train;

import static org.assertj.core.api.Assertions.assertThat;

import io.retune.config.TrainSpec.Schedule;
import io.retune.config.TrainSpec.Schedule.Shape;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** The tables are what transformers' get_scheduler gives, worked out in Python. */
class LearningRateTest {
  private static final double BASE = 5e-4;

  @Test
  void linearFallsToNothingBehindTheLastStep() {
    assertThat(rates(Shape.LINEAR, 0, 7))
        .containsExactly(
            0.0005,
            0.00042857142857142855,
            0.00035714285714285714,
            0.0002857142857142857,
            0.00021428571428571427,
            0.00014285714285714284,
            7.142857142857142e-05);
    assertThat(rates(Shape.LINEAR, 3, 10))
        .containsExactly(
            0.0,
            0.00016666666666666666,
            0.0003333333333333333,
            0.0005,
            0.00042857142857142855,
            0.00035714285714285714,
            0.0002857142857142857,
            0.00021428571428571427,
            0.00014285714285714284,
            7.142857142857142e-05);
  }

  @Test
  void cosineFallsAlongHalfAWave() {
    assertThat(rates(Shape.COSINE, 0, 7))
        .containsExactly(
            0.0005,
            0.00047524221697560476,
            0.0004058724504646834,
            0.0003056302334890786,
            0.00019436976651092142,
            9.412754953531663e-05,
            2.4757783024395242e-05);
    assertThat(rates(Shape.COSINE, 3, 10))
        .containsExactly(
            0.0,
            0.00016666666666666666,
            0.0003333333333333333,
            0.0005,
            0.00047524221697560476,
            0.0004058724504646834,
            0.0003056302334890786,
            0.00019436976651092142,
            9.412754953531663e-05,
            2.4757783024395242e-05);
  }

  @Test
  void constantStaysAfterTheWarmUp() {
    assertThat(rates(Shape.CONSTANT, 0, 3)).containsExactly(BASE, BASE, BASE);
    assertThat(rates(Shape.CONSTANT, 7, 10))
        .containsExactly(
            0.0,
            7.142857142857142e-05,
            0.00014285714285714284,
            0.00021428571428571427,
            0.0002857142857142857,
            0.00035714285714285714,
            0.00042857142857142855,
            0.0005,
            0.0005,
            0.0005);
  }

  @Test
  void aWarmUpAsLongAsTheRunOrLongerOnlyRises() {
    for (Shape shape : Shape.values()) {
      assertThat(rates(shape, 4, 4)).containsExactly(0.0, 0.000125, 0.00025, 0.000375);
      assertThat(rates(shape, 9, 3))
          .containsExactly(0.0, 5.555555555555555e-05, 0.0001111111111111111);
    }
  }

  private static double[] rates(Shape shape, int warmup, int steps) {
    LearningRate rate = new LearningRate(BASE, new Schedule(shape, warmup), steps);
    return IntStream.rangeClosed(1, steps).mapToDouble(rate::at).toArray();
  }
}
