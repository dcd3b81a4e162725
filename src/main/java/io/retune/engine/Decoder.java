package io.retune.engine;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.jni.TorchScriptModule;
import io.retune.model.AdapterLayout;
import io.retune.model.ImportedModel;
import io.retune.model.ModelConfig;
import io.retune.store.SafeTensors;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;

/** A model's frozen weights, mapped once per process and shared by its lanes. */
public final class Decoder implements AutoCloseable {
  /**
   * Where the fused, float32, little-endian tensors come from: {@code embedding}, {@code norm},
   * {@code 0.qkv}, ...
   */
  interface Tensors {
    ByteBuffer bytes(String name) throws IOException;
  }

  private final PtNDManager manager;
  private final TorchScriptModule kernels;
  private final ModelConfig config;
  private final AdapterLayout layout;
  private final double loraScale;
  private final NDArray embedding;
  private final NDArray head;
  private final NDArray norm;
  private final NDArray[][] layers;

  private Decoder(ModelConfig config, AdapterLayout layout, double loraScale, Tensors tensors)
      throws IOException {
    this.config = config;
    this.layout = layout;
    this.loraScale = loraScale;
    TorchScriptModule.prepareThread();
    this.manager = Kernels.newManager();
    this.kernels = Kernels.compile(manager, Kernels.Products.ofThisMachine());
    int width = config.width();
    int attention = config.heads() * config.headWidth();
    int keyValue = config.keyValueHeads() * config.headWidth();
    this.embedding = tensor(tensors, "embedding", config.vocabulary(), width);
    this.head = config.tiedHead() ? embedding : tensor(tensors, "head", config.vocabulary(), width);
    this.norm = tensor(tensors, "norm", width);
    this.layers = new NDArray[config.layers()][];
    for (int i = 0; i < layers.length; i++) {
      layers[i] =
          new NDArray[] {
            tensor(tensors, i + ".norm1", width),
            tensor(tensors, i + ".qkv", attention + 2L * keyValue, width),
            tensor(tensors, i + ".o", width, attention),
            tensor(tensors, i + ".norm2", width),
            tensor(tensors, i + ".gate-up", 2L * config.feedForward(), width),
            tensor(tensors, i + ".down", width, config.feedForward())
          };
    }
  }

  /**
   * @param cache local directory in which prepared weights are kept
   * @param loraScale alpha / rank
   */
  public static Decoder load(
      ImportedModel model, Path cache, AdapterLayout layout, double loraScale) throws IOException {
    SafeTensors.Mapped prepared = PreparedWeights.open(model, cache);
    return new Decoder(model.config(), layout, loraScale, prepared::bytes);
  }

  /** With weights from elsewhere: tests and the numerics probe. */
  static Decoder of(ModelConfig config, AdapterLayout layout, double loraScale, Tensors tensors)
      throws IOException {
    return new Decoder(config, layout, loraScale, tensors);
  }

  /** A view of the mapped bytes where they are direct; they stay mapped as long as this decoder. */
  private NDArray tensor(Tensors tensors, String name, long... shape) throws IOException {
    return manager.create(tensors.bytes(name), new Shape(shape), DataType.FLOAT32);
  }

  /** A lane of its own; to be used and closed on the thread that asks for it. */
  public Lane lane() {
    return new Lane(this, (PtNDManager) manager.newSubManager());
  }

  /** A generator of its own; to be used and closed on the thread that asks for it. */
  public Generator generator() {
    return new Generator(this, (PtNDManager) manager.newSubManager());
  }

  /**
   * Gradients of the model's own weights; to be used and closed on the thread that asks for it.
   *
   * @throws IllegalStateException if the decoder has an adapter
   */
  public WeightGradients weightGradients() {
    if (layout.size() > 0) {
      throw new IllegalStateException("The gradients of weights are those without an adapter");
    }
    return new WeightGradients(this, (PtNDManager) manager.newSubManager());
  }

  TorchScriptModule kernels() {
    return kernels;
  }

  ModelConfig config() {
    return config;
  }

  AdapterLayout layout() {
    return layout;
  }

  double loraScale() {
    return loraScale;
  }

  /** float32 [vocabulary, width]. */
  NDArray embedding() {
    return embedding;
  }

  /** float32 [vocabulary, width]. */
  NDArray head() {
    return head;
  }

  /** float32 [width]. */
  NDArray norm() {
    return norm;
  }

  /** The W of layer.ts. */
  NDArray[] layer(int i) {
    return layers[i];
  }

  @Override
  public void close() {
    kernels.close();
    manager.close();
  }
}
