package io.retune.engine;

import io.retune.config.TrainSpec;

/**
 * AdamW (Loshchilov and Hutter 2019, arXiv:1711.05101) as torch.optim.AdamW works it out, but for
 * roundings in the last places; float32 and elementwise: any slice of the vector can be updated
 * anywhere with the same result.
 */
public final class AdamW {
  private final TrainSpec.AdamW spec;
  private final float[] mean;
  private final float[] square;

  /** Both moments zero. */
  public AdamW(TrainSpec.AdamW spec, int size) {
    this(spec, new float[size], new float[size]);
  }

  /** Goes on from these moments, which become its own. */
  public AdamW(TrainSpec.AdamW spec, float[] mean, float[] square) {
    if (mean.length != square.length) {
      throw new IllegalArgumentException("The moments differ in size");
    }
    this.spec = spec;
    this.mean = mean;
    this.square = square;
  }

  /** First moment, float32. */
  public float[] mean() {
    return mean;
  }

  /** Second moment, float32. */
  public float[] square() {
    return square;
  }

  /**
   * One step, in place.
   *
   * @param step from 1
   * @param gradientScale factor on the gradient: what clipping leaves of it
   */
  public void step(
      float[] parameters, float[] gradient, double learningRate, int step, float gradientScale) {
    float decay = (float) (1 - learningRate * spec.weightDecay());
    float beta2 = (float) spec.beta2();
    float weight1 = (float) (1 - spec.beta1());
    float weight2 = (float) (1 - spec.beta2());
    float eps = (float) spec.eps();
    float stepSize = (float) (learningRate / (1 - StrictMath.pow(spec.beta1(), step)));
    float correction2 = (float) StrictMath.sqrt(1 - StrictMath.pow(spec.beta2(), step));
    for (int i = 0; i < parameters.length; i++) {
      float g = gradient[i] * gradientScale;
      mean[i] += weight1 * (g - mean[i]);
      square[i] = square[i] * beta2 + weight2 * g * g;
      float denominator = (float) Math.sqrt(square[i]) / correction2 + eps;
      parameters[i] = parameters[i] * decay - stepSize * (mean[i] / denominator);
    }
  }
}
