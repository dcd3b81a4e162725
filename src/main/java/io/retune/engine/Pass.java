package io.retune.engine;

import ai.djl.ndarray.NDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.jni.TorchScriptModule;
import io.retune.model.ModelConfig;
import io.retune.plan.MicroBatch;
import java.util.Arrays;
import java.util.stream.IntStream;

/** A micro-batch on its way through the model: its tensors, and the kernels called with them. */
final class Pass {
  /** Targets whose logits are held at a time: 128 x 49,152 floats are 25 MB. */
  private static final int HEAD_CHUNK = 128;

  private final Decoder decoder;
  private final ModelConfig config;
  private final TorchScriptModule kernels;
  private final AdapterVector parameters;
  private final PtNDManager scope;
  private final NDArray ids;
  private final NDArray at;
  private final NDArray targets;
  private final Angles angles;
  private final long[] bounds;

  /**
   * @param scope owner of every tensor that is made on the way
   */
  Pass(
      Decoder decoder,
      TorchScriptModule kernels,
      AdapterVector parameters,
      PtNDManager scope,
      MicroBatch batch) {
    this.decoder = decoder;
    this.config = decoder.config();
    this.kernels = kernels;
    this.parameters = parameters;
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
            Arrays.stream(batch.labels()).filter(label -> label != MicroBatch.NO_TARGET).toArray());
    this.bounds = Arrays.stream(batch.boundaries()).asLongStream().toArray();
    this.angles = Angles.of(scope, config.rope(), batch.positions());
  }

  /** What a way back through the model works out. */
  interface Back {
    /** Losses float32 [targets], and the gradient of {@code x}. */
    NDArray[] head(NDArray x);

    /** The gradient of {@code x}. */
    NDArray layer(int layer, NDArray dy, NDArray x, NDArray[] saved);
  }

  /**
   * What came of it.
   *
   * @param loss sum of the targets' losses
   * @param dx what the way back through the first layer gave
   */
  record Returned(double loss, NDArray dx) {}

  /** Forward through all layers, and back; what is not needed any more is freed on the way. */
  Returned thereAndBack(Back back) {
    NDArray[] inputs = new NDArray[config.layers()];
    NDArray[][] saved = new NDArray[config.layers()][];
    NDArray x = embedded();
    for (int i = 0; i < config.layers(); i++) {
      inputs[i] = x;
      saved[i] = forward(i, x);
      x = saved[i][0];
    }
    NDArray[] head = back.head(x);
    x.close();
    NDArray dx = head[1];
    for (int i = config.layers() - 1; i >= 0; i--) {
      // Its output was the next layer's input, or the head's, and is closed by now.
      saved[i][0] = saved[i][1];
      NDArray before = back.layer(i, dx, inputs[i], saved[i]);
      dx.close();
      dx = before;
      inputs[i].close();
      close(saved[i]);
    }
    return new Returned(sum(head[0].toFloatArray()), dx);
  }

  private static double sum(float[] losses) {
    double sum = 0;
    for (float loss : losses) {
      sum += loss;
    }
    return sum;
  }

  /** Losses float32 [targets], forward alone. */
  NDArray losses() {
    NDArray x = embedded();
    for (int i = 0; i < config.layers(); i++) {
      NDArray[] saved = forward(i, x);
      x.close();
      x = saved[0];
      close(Arrays.copyOfRange(saved, 1, saved.length));
    }
    return head(x);
  }

  private static void close(NDArray[] tensors) {
    for (NDArray tensor : tensors) {
      tensor.close();
    }
  }

  /** float32 [tokens, width]. */
  private NDArray embedded() {
    return kernels.call(scope, "embed", ids, decoder.embedding())[0];
  }

  /** The layer's output, and behind it what its backward pass needs. */
  private NDArray[] forward(int layer, NDArray x) {
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

  /** The gradient of {@code x}; that of the adapter is added to {@code gradients}. */
  NDArray backward(int layer, NDArray dy, NDArray x, NDArray[] saved, AdapterVector gradients) {
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

  /** The gradient of {@code x}; that of the layer's weights is added to {@code gradients}. */
  NDArray backwardWeights(int layer, NDArray dy, NDArray x, NDArray[] saved, NDArray[] gradients) {
    return kernels
        .call(
            scope,
            "layer_back_weights",
            dy,
            x,
            saved,
            angles.cos(),
            angles.sin(),
            decoder.layer(layer),
            gradients,
            bounds,
            config.heads(),
            config.keyValueHeads(),
            config.headWidth())[0];
  }

  /** Losses float32 [targets]. */
  private NDArray head(NDArray x) {
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

  /** The same; the gradients of the norm and of the output projection are added to theirs. */
  NDArray[] headBackWeights(NDArray x, double weight, NDArray norm, NDArray head) {
    return kernels.call(
        scope,
        "head_back_weights",
        x,
        at,
        targets,
        decoder.norm(),
        decoder.head(),
        norm,
        head,
        config.rmsEpsilon(),
        HEAD_CHUNK,
        weight);
  }

  /** Adds the gradient of the embedding, given that of its result. */
  void embeddedBack(NDArray dx, NDArray embedding) {
    kernels.call(scope, "embed_back", ids, dx, embedding);
  }
}
