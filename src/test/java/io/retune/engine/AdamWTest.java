package io.retune.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.jni.TorchScriptModule;
import io.retune.config.TrainSpec;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class AdamWTest {
  private static final int SIZE = 1003;
  private static final int STEPS = 25;
  private static final double RATE = 3e-3;
  private static final TrainSpec.AdamW SPEC = new TrainSpec.AdamW(RATE, 0.9, 0.999, 1e-8, 0.01);

  @Test
  void everyStepIsThatOfTorchsOwnOperations() {
    float[] parameters = random(1, 1);
    AdamW optimizer = new AdamW(SPEC, SIZE);
    TorchScriptModule.prepareThread();
    try (PtNDManager manager = Kernels.newManager();
        TorchScriptModule torch = TorchScriptModule.compile(manager, Reference.text())) {
      NDArray p = manager.create(parameters.clone());
      NDArray m = manager.create(new float[SIZE]);
      NDArray v = manager.create(new float[SIZE]);
      for (int step = 1; step <= STEPS; step++) {
        float[] gradient = random(100 + step, 0.5);
        optimizer.step(parameters, gradient, RATE, step, 1);
        torch.call(
            manager,
            "adamw",
            p,
            manager.create(gradient),
            m,
            v,
            RATE,
            SPEC.weightDecay(),
            SPEC.beta1(),
            SPEC.beta2(),
            SPEC.eps(),
            1 - Math.pow(SPEC.beta1(), step),
            Math.sqrt(1 - Math.pow(SPEC.beta2(), step)));

        requireClose("mean", step, optimizer.mean(), m.toFloatArray());
        requireClose("square", step, optimizer.square(), v.toFloatArray());
        requireClose("parameters", step, parameters, p.toFloatArray());
      }
    }
  }

  /** Torch's vector code fuses multiplications with additions, which Java does not. */
  private static void requireClose(String what, int step, float[] found, float[] expected) {
    float largest = 0;
    for (float each : expected) {
      largest = Math.max(largest, Math.abs(each));
    }
    float lastPlaces = step * Math.ulp(largest);
    for (int i = 0; i < found.length; i++) {
      assertThat(found[i])
          .as("%s %d, step %d", what, i, step)
          .isCloseTo(expected[i], within(lastPlaces));
    }
  }

  @Test
  void theResultIsThatOfTheDefinitionInFloat64() {
    float[] parameters = random(1, 1);
    double[] p = new double[SIZE];
    double[] m = new double[SIZE];
    double[] v = new double[SIZE];
    for (int i = 0; i < SIZE; i++) {
      p[i] = parameters[i];
    }
    AdamW optimizer = new AdamW(SPEC, SIZE);
    for (int step = 1; step <= STEPS; step++) {
      float[] gradient = random(200 + step, 0.1);
      optimizer.step(parameters, gradient, RATE / step, step, 0.5f);
      for (int i = 0; i < SIZE; i++) {
        double g = 0.5 * gradient[i];
        m[i] = 0.9 * m[i] + 0.1 * g;
        v[i] = 0.999 * v[i] + 0.001 * g * g;
        double unbiased = m[i] / (1 - Math.pow(0.9, step));
        double root = Math.sqrt(v[i] / (1 - Math.pow(0.999, step)));
        p[i] -= RATE / step * (0.01 * p[i] + unbiased / (root + 1e-8));
      }
    }
    for (int i = 0; i < SIZE; i++) {
      // 25 steps, each rounding a value near 1 by 6e-8 at most a few times.
      assertThat((double) parameters[i]).isCloseTo(p[i], within(5e-6));
    }
  }

  @Test
  void anySlicingOfTheVectorGivesTheSameBits() {
    float[] whole = random(1, 1);
    float[] sliced = whole.clone();
    AdamW one = new AdamW(SPEC, SIZE);
    int[] borders = {0, 1, 17, 500, SIZE};
    AdamW[] slices = new AdamW[borders.length - 1];
    for (int step = 1; step <= 5; step++) {
      float[] gradient = random(300 + step, 1);
      one.step(whole, gradient, RATE, step, 0.7f);
      for (int s = 0; s < slices.length; s++) {
        slices[s] = slices[s] == null ? new AdamW(SPEC, borders[s + 1] - borders[s]) : slices[s];
        float[] part = Arrays.copyOfRange(sliced, borders[s], borders[s + 1]);
        slices[s].step(
            part, Arrays.copyOfRange(gradient, borders[s], borders[s + 1]), RATE, step, 0.7f);
        System.arraycopy(part, 0, sliced, borders[s], part.length);
      }
    }
    assertThat(sliced).isEqualTo(whole);
  }

  @Test
  void goingOnFromItsMomentsIsGoingOn() {
    float[] through = random(1, 1);
    float[] resumed = through.clone();
    AdamW one = new AdamW(SPEC, SIZE);
    AdamW two = new AdamW(SPEC, SIZE);
    for (int step = 1; step <= 6; step++) {
      float[] gradient = random(400 + step, 1);
      one.step(through, gradient, RATE, step, 1);
      two.step(resumed, gradient, RATE, step, 1);
      two = new AdamW(SPEC, two.mean().clone(), two.square().clone());
    }
    assertThat(resumed).isEqualTo(through);
  }

  @Test
  void momentsOfDifferentSizesAreRefused() {
    assertThatThrownBy(() -> new AdamW(SPEC, new float[2], new float[3]))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("The moments differ in size");
  }

  private static float[] random(int seed, double scale) {
    Random random = new Random(seed);
    float[] values = new float[SIZE];
    for (int i = 0; i < SIZE; i++) {
      values[i] = (float) (random.nextGaussian() * scale);
    }
    return values;
  }
}
