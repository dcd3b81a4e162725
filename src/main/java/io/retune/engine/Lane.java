package io.retune.engine;

import ai.djl.ndarray.NDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.jni.TorchScriptModule;
import io.retune.model.ModelConfig;
import io.retune.plan.MicroBatch;

/**
 * One micro-batch at a time on one thread: the unit of computation. Its bits depend on the
 * micro-batch, the adapter and the numerics, and on nothing else.
 */
public final class Lane implements AutoCloseable {
  private final Decoder decoder;
  private final PtNDManager manager;
  private final TorchScriptModule kernels;
  private final AdapterVector parameters;
  private final AdapterVector gradients;
  private final float[] zeros;

  Lane(Decoder decoder, PtNDManager manager) {
    TorchScriptModule.prepareThread();
    this.decoder = decoder;
    ModelConfig config = decoder.config();
    this.manager = manager;
    this.kernels = decoder.kernels();
    this.parameters = new AdapterVector(manager, decoder.layout(), config.layers());
    this.gradients = new AdapterVector(manager, decoder.layout(), config.layers());
    this.zeros = new float[decoder.layout().size()];
  }

  /**
   * Overwrites {@code gradient} with the gradient of {@code weight} times the sum of the
   * micro-batch's target losses with respect to the adapter.
   *
   * @param adapter float32, in the layout's order
   * @param gradient float32, in the layout's order
   * @return the sum of the losses, -log p, nats, without {@code weight}
   */
  public double gradient(MicroBatch batch, float[] adapter, double weight, float[] gradient) {
    parameters.set(adapter);
    gradients.set(zeros);
    try (PtNDManager scope = (PtNDManager) manager.newSubManager()) {
      Pass pass = new Pass(decoder, kernels, parameters, scope, batch);
      Pass.Back adapterGradient =
          new Pass.Back() {
            @Override
            public NDArray[] head(NDArray x) {
              return pass.headBack(x, weight);
            }

            @Override
            public NDArray layer(int layer, NDArray dy, NDArray x, NDArray[] saved) {
              return pass.backward(layer, dy, x, saved, gradients);
            }
          };
      double loss = pass.thereAndBack(adapterGradient).loss();
      gradients.get(gradient);
      return loss;
    }
  }

  /**
   * Per example of the micro-batch the sum of -log p over its targets, nats; 0 for one without
   * targets.
   */
  public double[] exampleLosses(MicroBatch batch, float[] adapter) {
    parameters.set(adapter);
    try (PtNDManager scope = (PtNDManager) manager.newSubManager()) {
      Pass pass = new Pass(decoder, kernels, parameters, scope, batch);
      return byExample(batch, pass.losses().toFloatArray());
    }
  }

  private static double[] byExample(MicroBatch batch, float[] losses) {
    int[] bounds = batch.boundaries();
    double[] sums = new double[bounds.length - 1];
    int target = 0;
    for (int example = 0; example < sums.length; example++) {
      for (int t = bounds[example]; t < bounds[example + 1]; t++) {
        if (batch.labels()[t] != MicroBatch.NO_TARGET) {
          sums[example] += losses[target++];
        }
      }
    }
    return sums;
  }

  @Override
  public void close() {
    manager.close();
  }
}
