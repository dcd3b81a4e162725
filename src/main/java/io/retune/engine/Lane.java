package io.retune.engine;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.jni.TorchScriptModule;
import io.retune.model.AdapterLayout;
import io.retune.model.ModelConfig;
import io.retune.plan.MicroBatch;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.util.List;
import java.util.stream.LongStream;

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
  private final FloatBuffer parameterBuffer;
  private final FloatBuffer gradientBuffer;
  private final NDArray[][] parameters;
  private final NDArray[][] gradients;
  private final float[] zeros;

  Lane(Decoder decoder, PtNDManager manager) {
    TorchScriptModule.prepareThread();
    this.decoder = decoder;
    this.config = decoder.config();
    this.manager = manager;
    this.kernels = decoder.kernels();
    int size = decoder.layout().size();
    NDArray flatParameters = manager.zeros(new Shape(size));
    NDArray flatGradients = manager.zeros(new Shape(size));
    this.parameterBuffer = flatParameters.toByteBuffer(true).asFloatBuffer();
    this.gradientBuffer = flatGradients.toByteBuffer(true).asFloatBuffer();
    this.parameters = views(flatParameters);
    this.gradients = views(flatGradients);
    this.zeros = new float[size];
  }

  /**
   * By layer the P, or the G, of layer.ts as views of the flat vector: of each group of modules its
   * A matrices as one, then a B for each module; where there is no adapter, an empty one.
   */
  private NDArray[][] views(NDArray flat) {
    NDArray[][] views = new NDArray[config.layers()][];
    for (int layer = 0; layer < views.length; layer++) {
      int at = layer;
      List<AdapterLayout.Tensor> tensors =
          decoder.layout().tensors().stream().filter(t -> t.layer() == at).toList();
      views[layer] =
          AdapterLayout.groups().stream()
              .flatMap(
                  group ->
                      java.util.stream.Stream.concat(
                          java.util.stream.Stream.of(stacked(flat, tensors, group)),
                          group.stream().map(module -> outputs(flat, tensors, module))))
              .toArray(NDArray[]::new);
    }
    return views;
  }

  private NDArray stacked(NDArray flat, List<AdapterLayout.Tensor> tensors, List<String> group) {
    List<AdapterLayout.Tensor> matrices =
        tensors.stream().filter(t -> t.isA() && group.contains(t.module())).toList();
    if (matrices.isEmpty()) {
      return manager.create(new Shape(0));
    }
    int rows = matrices.stream().mapToInt(AdapterLayout.Tensor::rows).sum();
    return view(flat, matrices.get(0).offset(), rows, matrices.get(0).columns());
  }

  private NDArray outputs(NDArray flat, List<AdapterLayout.Tensor> tensors, String module) {
    return tensors.stream()
        .filter(t -> !t.isA() && t.module().equals(module))
        .map(t -> view(flat, t.offset(), t.rows(), t.columns()))
        .findFirst()
        .orElseGet(() -> manager.create(new Shape(0)));
  }

  private static NDArray view(NDArray flat, int offset, int rows, int columns) {
    return flat.get(new NDIndex(offset + ":" + (offset + rows * columns))).reshape(rows, columns);
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
    parameterBuffer.put(0, adapter);
    gradientBuffer.put(0, zeros);
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
      gradientBuffer.get(0, gradient);
      return sum(head[0].toFloatArray());
    }
  }

  /**
   * Per example of the micro-batch the sum of -log p over its targets, nats; 0 for one without
   * targets.
   */
  public double[] exampleLosses(MicroBatch batch, float[] adapter) {
    parameterBuffer.put(0, adapter);
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
    private final NDArray cos;
    private final NDArray sin;
    private final long[] bounds;

    Inputs(PtNDManager scope, MicroBatch batch) {
      this.scope = scope;
      this.ids = indices(LongStream.range(0, batch.tokens()).map(t -> batch.inputIds()[(int) t]));
      this.at =
          indices(
              LongStream.range(0, batch.tokens())
                  .filter(t -> batch.labels()[(int) t] != MicroBatch.NO_TARGET));
      this.targets =
          indices(
              java.util.Arrays.stream(batch.labels())
                  .filter(label -> label != MicroBatch.NO_TARGET)
                  .asLongStream());
      this.bounds = java.util.Arrays.stream(batch.boundaries()).asLongStream().toArray();
      this.cos = angles(batch, true);
      this.sin = angles(batch, false);
    }

    /** int64 [n]. */
    private NDArray indices(LongStream values) {
      long[] array = values.toArray();
      NDArray tensor = scope.create(new Shape(array.length), DataType.INT64);
      if (array.length > 0) {
        LongBuffer buffer = tensor.toByteBuffer(true).asLongBuffer();
        buffer.put(array);
      }
      return tensor;
    }

    /** float32 [tokens, 1, head width / 2]. */
    private NDArray angles(MicroBatch batch, boolean cosine) {
      float[] frequencies = config.rope().inverseFrequencies();
      float scale = config.rope().attentionScale();
      NDArray tensor =
          scope.create(new Shape(batch.tokens(), 1, frequencies.length), DataType.FLOAT32);
      ByteBuffer bytes = tensor.toByteBuffer(true);
      FloatBuffer out = bytes.asFloatBuffer();
      for (int position : batch.positions()) {
        for (float frequency : frequencies) {
          float angle = position * frequency;
          double value = cosine ? StrictMath.cos(angle) : StrictMath.sin(angle);
          out.put((float) value * scale);
        }
      }
      return tensor;
    }

    NDArray embedded() {
      return kernels.call(scope, "embed", ids, decoder.embedding())[0];
    }

    NDArray[] forward(int layer, NDArray x) {
      return kernels.call(
          scope,
          "layer",
          x,
          cos,
          sin,
          decoder.layer(layer),
          parameters[layer],
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
              cos,
              sin,
              decoder.layer(layer),
              parameters[layer],
              gradients[layer],
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
