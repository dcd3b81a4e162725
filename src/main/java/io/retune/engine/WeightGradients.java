package io.retune.engine;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.jni.TorchScriptModule;
import io.retune.model.AdapterLayout;
import io.retune.model.ModelConfig;
import io.retune.plan.MicroBatch;
import java.nio.FloatBuffer;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * The gradient of a model's own weights, summed over micro-batches: as many floats as the model
 * has. On one thread.
 */
public final class WeightGradients implements AutoCloseable {
  private final Decoder decoder;
  private final ModelConfig config;
  private final PtNDManager manager;
  private final TorchScriptModule kernels;
  private final AdapterVector untouched;
  private final NDArray embedding;
  private final NDArray head;
  private final NDArray norm;
  private final NDArray[][] layers;

  WeightGradients(Decoder decoder, PtNDManager manager) {
    TorchScriptModule.prepareThread();
    this.decoder = decoder;
    this.config = decoder.config();
    this.manager = manager;
    this.kernels = Kernels.compileWith(manager, Kernels.Products.ofThisMachine(), "weights.ts");
    this.untouched = new AdapterVector(manager, decoder.layout(), config.layers());
    this.embedding = zerosLike(decoder.embedding());
    this.head = config.tiedHead() ? embedding : zerosLike(decoder.head());
    this.norm = zerosLike(decoder.norm());
    this.layers = new NDArray[config.layers()][];
    for (int i = 0; i < layers.length; i++) {
      NDArray[] weights = decoder.layer(i);
      layers[i] = new NDArray[weights.length];
      for (int w = 0; w < weights.length; w++) {
        layers[i][w] = zerosLike(weights[w]);
      }
    }
  }

  private NDArray zerosLike(NDArray weight) {
    return manager.zeros(weight.getShape(), DataType.FLOAT32);
  }

  /**
   * Adds the gradient of {@code weight} times the sum of the micro-batch's target losses.
   *
   * @return the sum of the losses, -log p, nats, without {@code weight}
   */
  public double add(MicroBatch batch, double weight) {
    try (PtNDManager scope = (PtNDManager) manager.newSubManager()) {
      Pass pass = new Pass(decoder, kernels, untouched, scope, batch);
      Pass.Back weightGradients =
          new Pass.Back() {
            @Override
            public NDArray[] head(NDArray x) {
              return pass.headBackWeights(x, weight, norm, head);
            }

            @Override
            public NDArray layer(int layer, NDArray dy, NDArray x, NDArray[] saved) {
              return pass.backwardWeights(layer, dy, x, saved, layers[layer]);
            }
          };
      Pass.Returned returned = pass.thereAndBack(weightGradients);
      pass.embeddedBack(returned.dx(), embedding);
      return returned.loss();
    }
  }

  /** The L2 norm of each weight's gradient, by the weight's name in a Hugging Face directory. */
  public SortedMap<String, Double> norms() {
    SortedMap<String, Double> norms = new TreeMap<>();
    norms.put("model.embed_tokens.weight", norm(embedding, 0, config.vocabulary()));
    if (!config.tiedHead()) {
      norms.put("lm_head.weight", norm(head, 0, config.vocabulary()));
    }
    norms.put("model.norm.weight", norm(norm, 0, config.width()));
    for (int i = 0; i < layers.length; i++) {
      String layer = "model.layers." + i + ".";
      NDArray[] gradients = layers[i];
      norms.put(layer + "input_layernorm.weight", norm(gradients[0], 0, config.width()));
      norms.put(layer + "post_attention_layernorm.weight", norm(gradients[3], 0, config.width()));
      int[] fused = {1, 2, 4, 5};
      for (int group = 0; group < fused.length; group++) {
        modules(layer, gradients[fused[group]], AdapterLayout.groups().get(group), norms);
      }
    }
    return norms;
  }

  /** Modules whose weights stand one under the other in a fused one. */
  private void modules(
      String layer, NDArray fused, List<String> modules, SortedMap<String, Double> norms) {
    int row = 0;
    for (String module : modules) {
      int rows = AdapterLayout.outputs(config, module);
      norms.put(
          layer + AdapterLayout.block(module) + "." + module + ".weight", norm(fused, row, rows));
      row += rows;
    }
  }

  private static double norm(NDArray gradient, int row, int rows) {
    Shape shape = gradient.getShape();
    int columns = Math.toIntExact(shape.size() / shape.get(0));
    FloatBuffer values = gradient.toByteBuffer(true).asFloatBuffer();
    double squares = 0;
    for (int i = row * columns; i < (row + rows) * columns; i++) {
      squares += (double) values.get(i) * values.get(i);
    }
    return Math.sqrt(squares);
  }

  @Override
  public void close() {
    kernels.close();
    manager.close();
  }
}
