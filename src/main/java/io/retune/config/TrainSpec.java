package io.retune.config;

import java.io.Serializable;
import java.util.List;

/**
 * How the weights change.
 *
 * @param seed of the adapter's initialisation
 * @param clipNorm largest L2 norm of a step's gradient
 * @param evaluateEvery steps between evaluations (one before the first and one after the last step
 *     take place anyway); 0: none between
 * @param checkpointEvery steps between checkpoints (the last step has one anyway)
 */
public record TrainSpec(
    long seed,
    Lora lora,
    AdamW optimizer,
    Schedule schedule,
    double clipNorm,
    int evaluateEvery,
    int checkpointEvery)
    implements Serializable {

  /**
   * Low-rank adapters: W x + (alpha / rank) B A x (Hu et al. 2021, arXiv:2106.09685), with the
   * semantics of PEFT.
   *
   * @param targets names of linear modules, in the model's order: {@code q_proj} ... {@code
   *     down_proj}
   */
  public record Lora(int rank, double alpha, List<String> targets) implements Serializable {
    /** Factor on B A x. */
    public double scale() {
      return alpha / rank;
    }
  }

  /** Loshchilov and Hutter 2019, arXiv:1711.05101, as torch.optim.AdamW computes it. */
  public record AdamW(double lr, double beta1, double beta2, double eps, double weightDecay)
      implements Serializable {}

  /**
   * Warm-up from 0 over the first {@code warmupSteps} steps, then the shape: as transformers'
   * get_scheduler does.
   */
  public record Schedule(Shape shape, int warmupSteps) implements Serializable {
    /** Constant; linear, or half a cosine, to what would be 0 at the step behind the last. */
    public enum Shape {
      CONSTANT,
      LINEAR,
      COSINE
    }
  }
}
