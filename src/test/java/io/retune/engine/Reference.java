package io.retune.engine;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.jni.TorchScriptModule;
import io.retune.model.AdapterLayout;
import io.retune.model.ModelConfig;
import io.retune.plan.MicroBatch;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The same model in plain operations and float64, differentiated by autograd: what is left between
 * it and the kernels is the kernels' own float32 rounding.
 */
final class Reference implements AutoCloseable {
  final PtNDManager manager;
  final TorchScriptModule module;
  private final Toy toy;
  private final ModelConfig config;
  private final Map<String, NDArray> weights = new TreeMap<>();
  private boolean weightsAreTrained;

  Reference(Toy toy) {
    this(toy, Kernels.Products.ofThisMachine());
  }

  Reference(Toy toy, Kernels.Products products) {
    TorchScriptModule.prepareThread();
    this.toy = toy;
    this.config = toy.config;
    this.manager = Kernels.newManager();
    this.module = TorchScriptModule.compile(manager, Kernels.source(products) + text());
  }

  static String text() {
    try (InputStream in = Reference.class.getResourceAsStream("reference.ts")) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** What the whole model gives for a micro-batch. */
  record Result(double[] losses, double[] gradient) {}

  /** Losses of each target, and the gradient of {@code weight} times their sum. */
  Result gradient(MicroBatch batch, float[] adapter, double weight) {
    TorchScriptModule.autograd(true);
    try {
      Adapter lora = new Adapter(adapter);
      NDArray x =
          module
              .call(
                  manager,
                  "embed",
                  indices(batch.inputIds()),
                  matrix("embedding", config.vocabulary()))[0];
      for (int layer = 0; layer < config.layers(); layer++) {
        x = layer(layer, x, batch, lora.of(layer));
      }
      String head = config.tiedHead() ? "embedding" : "head";
      NDArray losses =
          module
              .call(
                  manager,
                  "plain_head",
                  x,
                  indices(targets(batch)),
                  indices(labels(batch)),
                  vector("norm"),
                  matrix(head, config.vocabulary()),
                  config.rmsEpsilon())[0];
      backward(losses, weight);
      return new Result(losses.toDoubleArray(), lora.gradient());
    } finally {
      TorchScriptModule.autograd(false);
    }
  }

  /** Of every token, -log p behind {@code ids}: [vocabulary]. */
  double[] nextLosses(int[] ids, float[] adapter) {
    int[] positions = java.util.stream.IntStream.range(0, ids.length).toArray();
    MicroBatch batch = new MicroBatch(ids, positions, ids);
    Adapter lora = new Adapter(adapter);
    NDArray x =
        module.call(manager, "embed", indices(ids), matrix("embedding", config.vocabulary()))[0];
    for (int layer = 0; layer < config.layers(); layer++) {
      x = layer(layer, x, batch, lora.of(layer));
    }
    int[] last = new int[config.vocabulary()];
    Arrays.fill(last, ids.length - 1);
    return module
        .call(
            manager,
            "plain_head",
            x,
            indices(last),
            indices(java.util.stream.IntStream.range(0, config.vocabulary()).toArray()),
            vector("norm"),
            matrix(config.tiedHead() ? "embedding" : "head", config.vocabulary()),
            config.rmsEpsilon())[0]
        .toDoubleArray();
  }

  /** Back-propagates {@code weight} times the sum of {@code x}. */
  void backward(NDArray x, double weight) {
    NDArray total = module.call(manager, "total", x)[0];
    TorchScriptModule.backward(total, manager.create(weight));
  }

  /** A leaf of autograd: float64. */
  NDArray leaf(float[] values, int offset, int rows, int columns) {
    double[] part = new double[rows * columns];
    for (int i = 0; i < part.length; i++) {
      part[i] = values[offset + i];
    }
    NDArray leaf = manager.create(part, new Shape(rows, columns));
    leaf.setRequiresGradient(true);
    return leaf;
  }

  /** One layer, of whatever tensors autograd follows. */
  NDArray layer(int layer, NDArray x, MicroBatch batch, NDArray[] lora) {
    return module
        .call(
            manager,
            "plain_layer",
            x,
            angles(batch, true),
            angles(batch, false),
            mask(batch),
            weightsOf(layer),
            lora,
            config.heads(),
            config.keyValueHeads(),
            config.headWidth(),
            toy.lora.scale(),
            config.rmsEpsilon())[0];
  }

  private NDArray[] weightsOf(int layer) {
    List<NDArray> weights = new ArrayList<>();
    String prefix = layer + ".";
    weights.add(vector(prefix + "norm1"));
    for (String module : List.of("q_proj", "k_proj", "v_proj", "o_proj")) {
      weights.add(matrix(prefix + module, AdapterLayout.outputs(config, module)));
    }
    weights.add(vector(prefix + "norm2"));
    for (String module : List.of("gate_proj", "up_proj", "down_proj")) {
      weights.add(matrix(prefix + module, AdapterLayout.outputs(config, module)));
    }
    return weights.toArray(NDArray[]::new);
  }

  NDArray vector(String name) {
    return weights.computeIfAbsent(name, n -> weight(n, new Shape(toy.weight(n).length)));
  }

  NDArray matrix(String name, int rows) {
    return weights.computeIfAbsent(
        name, n -> weight(n, new Shape(rows, toy.weight(n).length / rows)));
  }

  private NDArray weight(String name, Shape shape) {
    float[] values = toy.weight(name);
    double[] wide = new double[values.length];
    for (int i = 0; i < wide.length; i++) {
      wide[i] = values[i];
    }
    NDArray weight = manager.create(wide, shape);
    if (weightsAreTrained) {
      weight.setRequiresGradient(true);
    }
    return weight;
  }

  /**
   * The L2 norm of each weight's gradient of {@code weight} times the sum of the losses, by the
   * toy's names; the adapter does nothing.
   */
  Map<String, Double> weightGradientNorms(MicroBatch batch, double weight) {
    weightsAreTrained = true;
    gradient(batch, new float[toy.layout.size()], weight);
    Map<String, Double> norms = new TreeMap<>();
    weights.forEach(
        (name, leaf) -> {
          double squares = 0;
          for (double g : leaf.getGradient().toDoubleArray()) {
            squares += g * g;
          }
          norms.put(name, Math.sqrt(squares));
        });
    return norms;
  }

  /** float64 [tokens, 1, head width]. */
  private NDArray angles(MicroBatch batch, boolean cosine) {
    float[] frequencies = config.rope().inverseFrequencies();
    int half = frequencies.length;
    double[] values = new double[batch.tokens() * 2 * half];
    for (int t = 0; t < batch.tokens(); t++) {
      for (int i = 0; i < 2 * half; i++) {
        // As transformers: the angle is worked out in float32.
        float angle = batch.positions()[t] * frequencies[i % half];
        values[t * 2 * half + i] =
            (cosine ? Math.cos(angle) : Math.sin(angle)) * config.rope().attentionScale();
      }
    }
    return manager.create(values, new Shape(batch.tokens(), 1, 2L * half));
  }

  /** Each token sees the tokens of its own example up to itself: float64 [tokens, tokens]. */
  private NDArray mask(MicroBatch batch) {
    int tokens = batch.tokens();
    double[] values = new double[tokens * tokens];
    for (int t = 0; t < tokens; t++) {
      for (int seen = 0; seen < tokens; seen++) {
        boolean visible = seen <= t && seen >= t - batch.positions()[t];
        values[t * tokens + seen] = visible ? 0 : Double.NEGATIVE_INFINITY;
      }
    }
    return manager.create(values, new Shape(tokens, tokens));
  }

  NDArray indices(int[] values) {
    return manager.create(Arrays.stream(values).asLongStream().toArray());
  }

  static int[] targets(MicroBatch batch) {
    return java.util.stream.IntStream.range(0, batch.tokens())
        .filter(t -> batch.labels()[t] != MicroBatch.NO_TARGET)
        .toArray();
  }

  static int[] labels(MicroBatch batch) {
    return Arrays.stream(batch.labels()).filter(l -> l != MicroBatch.NO_TARGET).toArray();
  }

  /** A and B of every module as leaves of autograd. */
  final class Adapter {
    private final NDArray[] leaves;

    Adapter(float[] values) {
      this.leaves = new NDArray[toy.layout.tensors().size()];
      for (int i = 0; i < leaves.length; i++) {
        AdapterLayout.Tensor t = toy.layout.tensors().get(i);
        leaves[i] = leaf(values, t.offset(), t.rows(), t.columns());
      }
    }

    /** The L of the layer: A and B by module, without elements where there is no adapter. */
    NDArray[] of(int layer) {
      List<NDArray> pairs = new ArrayList<>();
      for (String module : AdapterLayout.modules()) {
        pairs.add(find(layer, module, true));
        pairs.add(find(layer, module, false));
      }
      return pairs.toArray(NDArray[]::new);
    }

    private NDArray find(int layer, String module, boolean isA) {
      for (int i = 0; i < leaves.length; i++) {
        AdapterLayout.Tensor t = toy.layout.tensors().get(i);
        if (t.layer() == layer && t.module().equals(module) && t.isA() == isA) {
          return leaves[i];
        }
      }
      return manager.create(new Shape(0), DataType.FLOAT64);
    }

    double[] gradientOf(AdapterLayout.Tensor tensor) {
      return leaves[toy.layout.tensors().indexOf(tensor)].getGradient().toDoubleArray();
    }

    double[] gradient() {
      double[] gradient = new double[toy.layout.size()];
      for (int i = 0; i < leaves.length; i++) {
        double[] part = leaves[i].getGradient().toDoubleArray();
        System.arraycopy(part, 0, gradient, toy.layout.tensors().get(i).offset(), part.length);
      }
      return gradient;
    }
  }

  @Override
  public void close() {
    module.close();
    manager.close();
  }
}
