package io.retune.engine;

import ai.djl.ndarray.NDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.jni.TorchScriptModule;
import io.retune.model.ModelConfig;
import io.retune.plan.MicroBatch;
import java.util.stream.IntStream;

/**
 * One micro-batch at a time on one thread: the unit of computation. Its bits depend on the
 * micro-batch, the adapter and the numerics, and on nothing else.
 */
public final class Lane implements AutoCloseable {
  /** Targets whose logits are held at a time: 128 x 49,152 floats are 25 MB. */
  private static final int HEAD_CHUNK = 128;

  private final Decoder decoder;
  private final ModelConfig config;
  private final PtNDManager manager;
  private final TorchScriptModule kernels;
  private final AdapterVector parameters;
  private final AdapterVector gradients;
  private final float[] zeros;

  Lane(Decoder decoder, PtNDManager manager) {
    TorchScriptModule.prepareThread();
    this.decoder = decoder;
    this.config = decoder.config();
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
      Inputs in = new Inputs(scope, batch);
      NDArray[] inputs = new NDArray[config.layers()];
      NDArray[][] saved = new NDArray[config.layers()][];
      NDArray x = in.embedded();
      for (int i = 0; i < config.layers(); i++) {
        inputs[i] = x;
        saved[i] = in.forward(i, x);
        x = saved[i][0];
      }
      NDArray[] head = in.headBack(x, weight);
      x.close();
      NDArray dx = head[1];
      for (int i = config.layers() - 1; i >= 0; i--) {
        // Its output was the next layer's input, or the head's, and is closed by now.
        saved[i][0] = saved[i][1];
        NDArray before = in.backward(i, dx, inputs[i], saved[i]);
        dx.close();
        dx = before;
        inputs[i].close();
        close(saved[i]);
      }
      gradients.get(gradient);
      return sum(head[0].toFloatArray());
    }
  }

  /**
   * Per example of the micro-batch the sum of -log p over its targets, nats; 0 for one without
   * targets.
   */
  public double[] exampleLosses(MicroBatch batch, float[] adapter) {
    parameters.set(adapter);
    try (PtNDManager scope = (PtNDManager) manager.newSubManager()) {
      Inputs in = new Inputs(scope, batch);
      NDArray x = in.embedded();
      for (int i = 0; i < config.layers(); i++) {
        NDArray[] saved = in.forward(i, x);
        x.close();
        x = saved[0];
        close(java.util.Arrays.copyOfRange(saved, 1, saved.length));
      }
      return byExample(batch, in.head(x).toFloatArray());
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

  private static double sum(float[] losses) {
    double sum = 0;
    for (float loss : losses) {
      sum += loss;
    }
    return sum;
  }

  private static void close(NDArray[] tensors) {
    for (NDArray tensor : tensors) {
      tensor.close();
    }
  }

  /** A micro-batch as tensors, and the kernels called with them. */
  private final class Inputs {
    private final PtNDManager scope;
    private final NDArray ids;
    private final NDArray at;
    private final NDArray targets;
    private final Angles angles;
    private final long[] bounds;

    Inputs(PtNDManager scope, MicroBatch batch) {
      this.scope = scope;
      this.ids = Kernels.indices(scope, batch.inputIds());
      this.at =
          Kernels.indices(
              scope,
              IntStream.range(0, batch.tokens())
                  .filter(t -> batch.labels()[t] != MicroBatch.NO_TARGET)
                  .toArray());
      this.targets =
          Kernels.indices(
              scope,
              java.util.Arrays.stream(batch.labels())
                  .filter(label -> label != MicroBatch.NO_TARGET)
                  .toArray());
      this.bounds = java.util.Arrays.stream(batch.boundaries()).asLongStream().toArray();
      this.angles = Angles.of(scope, config.rope(), batch.positions());
    }

    NDArray embedded() {
      return kernels.call(scope, "embed", ids, decoder.embedding())[0];
    }

    NDArray[] forward(int layer, NDArray x) {
      return kernels.call(
          scope,
          "layer",
          x,
          angles.cos(),
          angles.sin(),
          decoder.layer(layer),
          parameters.layer(layer),
          bounds,
          config.heads(),
          config.keyValueHeads(),
          config.headWidth(),
          decoder.loraScale(),
          config.rmsEpsilon());
    }

    NDArray backward(int layer, NDArray dy, NDArray x, NDArray[] saved) {
      return kernels
          .call(
              scope,
              "layer_back",
              dy,
              x,
              saved,
              angles.cos(),
              angles.sin(),
              decoder.layer(layer),
              parameters.layer(layer),
              gradients.layer(layer),
              bounds,
              config.heads(),
              config.keyValueHeads(),
              config.headWidth(),
              decoder.loraScale(),
              layer > 0)[0];
    }

    /** Losses float32 [targets]. */
    NDArray head(NDArray x) {
      return kernels
          .call(
              scope,
              "head",
              x,
              at,
              targets,
              decoder.norm(),
              decoder.head(),
              config.rmsEpsilon(),
              HEAD_CHUNK)[0];
    }

    /** Losses float32 [targets], and the gradient of x. */
    NDArray[] headBack(NDArray x, double weight) {
      return kernels.call(
          scope,
          "head_back",
          x,
          at,
          targets,
          decoder.norm(),
          decoder.head(),
          config.rmsEpsilon(),
          HEAD_CHUNK,
          weight);
    }
  }

  @Override
  public void close() {
    manager.close();
  }
}
