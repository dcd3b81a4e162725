package io.retune.train;

import io.retune.config.TrainSpec;

/**
 * Learning rate by step, as transformers' get_scheduler gives it (optimization.py): step {@code t}
 * uses what the scheduler says after t - 1 steps.
 */
public record LearningRate(double base, TrainSpec.Schedule schedule, int steps) {
  /**
   * @param step from 1
   */
  public double at(int step) {
    int done = step - 1;
    int warmup = schedule.warmupSteps();
    if (done < warmup) {
      return base * ((double) done / Math.max(1, warmup));
    }
    double progress = (double) (done - warmup) / Math.max(1, steps - warmup);
    return switch (schedule.shape()) {
      case CONSTANT -> base;
      case LINEAR -> base * Math.max(0, (double) (steps - done) / Math.max(1, steps - warmup));
      case COSINE -> base * Math.max(0, 0.5 * (1 + StrictMath.cos(Math.PI * progress)));
    };
  }
}
