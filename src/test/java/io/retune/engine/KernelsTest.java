package io.retune.engine;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.jni.TorchScriptModule;
import io.retune.model.AdapterLayout;
import io.retune.model.ModelConfig;
import io.retune.plan.MicroBatch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Kernel by kernel, with the products of each library that this machine has. */
class KernelsTest {
  /** Of one kernel, relative to the tensor's largest element: see {@link LaneTest}. */
  private static final double ROUNDING = 2e-6;

  private static final ModelConfig CONFIG = Toy.CONFIG;
  private static final MicroBatch BATCH = Toy.batch(1, 7, 1, 15);

  private final Toy toy = new Toy(AdapterLayout.modules());

  static Stream<Kernels.Products> products() {
    return Stream.of(
            Kernels.Products.NATIVE, Kernels.Products.ANYWHERE, Kernels.Products.ofThisMachine())
        .distinct();
  }

  static Stream<Arguments> productsAndChunks() {
    // Of 13 targets: one at a time, with a rest of one and of more, all at once.
    return products().flatMap(p -> Stream.of(1, 3, 12, 13, 50).map(c -> Arguments.of(p, c)));
  }

  @ParameterizedTest
  @MethodSource("products")
  void aLayerAndItsBackwardAreThePlainLayerAndAutograd(Kernels.Products products) {
    float[] x = random(1, BATCH.tokens() * CONFIG.width());
    float[] dy = random(2, BATCH.tokens() * CONFIG.width());
    float[] adapter = toy.adapter(3);
    try (Reference reference = new Reference(toy, products)) {
      Kernel kernel = new Kernel(reference, adapter);
      NDArray xs = float32(reference, x, BATCH.tokens(), CONFIG.width());
      NDArray[] saved = kernel.forward(xs);
      NDArray dx =
          kernel.backward(float32(reference, dy, BATCH.tokens(), CONFIG.width()), xs, saved, true);

      TorchScriptModule.autograd(true);
      Reference.Adapter lora = reference.new Adapter(adapter);
      NDArray leaf = reference.leaf(x, 0, BATCH.tokens(), CONFIG.width());
      NDArray y = reference.layer(1, leaf, BATCH, lora.of(1));
      NDArray weights = reference.leaf(dy, 0, BATCH.tokens(), CONFIG.width());
      reference.backward(reference.module.call(reference.manager, "weighted", y, weights)[0], 1);
      TorchScriptModule.autograd(false);

      requireClose("output", saved[0].toFloatArray(), y.toDoubleArray());
      requireClose("gradient of the input", dx.toFloatArray(), leaf.getGradient().toDoubleArray());
      for (AdapterLayout.Tensor tensor : kernel.tensors()) {
        requireClose(tensor.name(), kernel.gradientOf(tensor), lora.gradientOf(tensor));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("products")
  void theFirstLayersAdaptersHaveTheSameGradientThoughItsInputHasNone(Kernels.Products products) {
    float[] x = random(1, BATCH.tokens() * CONFIG.width());
    float[] dy = random(2, BATCH.tokens() * CONFIG.width());
    try (Reference reference = new Reference(toy, products)) {
      List<List<float[]>> gradients = new ArrayList<>();
      for (boolean wanted : new boolean[] {true, false}) {
        Kernel kernel = new Kernel(reference, toy.adapter(3));
        NDArray xs = float32(reference, x, BATCH.tokens(), CONFIG.width());
        NDArray[] saved = kernel.forward(xs);
        kernel.backward(float32(reference, dy, BATCH.tokens(), CONFIG.width()), xs, saved, wanted);
        gradients.add(kernel.tensors().stream().map(kernel::gradientOf).toList());
      }
      for (int i = 0; i < gradients.get(0).size(); i++) {
        assertThat(gradients.get(1).get(i)).isEqualTo(gradients.get(0).get(i));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("products")
  void gradientsAreAddedToWhatIsThere(Kernels.Products products) {
    float[] x = random(1, BATCH.tokens() * CONFIG.width());
    try (Reference reference = new Reference(toy, products)) {
      Kernel kernel = new Kernel(reference, toy.adapter(3));
      NDArray xs = float32(reference, x, BATCH.tokens(), CONFIG.width());
      NDArray[] saved = kernel.forward(xs);
      kernel.backward(xs.duplicate(), xs, saved, true);
      List<float[]> once = kernel.tensors().stream().map(kernel::gradientOf).toList();
      kernel.backward(xs.duplicate(), xs, kernel.forward(xs), true);

      int at = 0;
      for (AdapterLayout.Tensor tensor : kernel.tensors()) {
        double[] twice = new double[tensor.size()];
        for (int i = 0; i < twice.length; i++) {
          twice[i] = 2.0 * once.get(at)[i];
        }
        requireClose(tensor.name(), kernel.gradientOf(tensor), twice);
        at++;
      }
    }
  }

  @ParameterizedTest
  @MethodSource("productsAndChunks")
  void theHeadAndItsBackwardAreThePlainHeadAndAutograd(Kernels.Products products, int chunk) {
    float[] x = random(4, BATCH.tokens() * CONFIG.width());
    double weight = 0.3;
    try (Reference reference = new Reference(toy, products)) {
      int[] at = Reference.targets(BATCH);
      assertThat(at).hasSize(13);
      Object[] arguments = {
        float32(reference, x, BATCH.tokens(), CONFIG.width()),
        reference.indices(at),
        reference.indices(Reference.labels(BATCH)),
        float32(reference, toy.weight("norm"), CONFIG.width()),
        float32(reference, toy.weight("head"), CONFIG.vocabulary(), CONFIG.width()),
        CONFIG.rmsEpsilon(),
        chunk
      };
      NDArray losses = reference.module.call(reference.manager, "head", arguments)[0];
      Object[] withWeight = Arrays.copyOf(arguments, arguments.length + 1);
      withWeight[arguments.length] = weight;
      NDArray[] back = reference.module.call(reference.manager, "head_back", withWeight);

      TorchScriptModule.autograd(true);
      NDArray leaf = reference.leaf(x, 0, BATCH.tokens(), CONFIG.width());
      NDArray expected =
          reference
              .module
              .call(
                  reference.manager,
                  "plain_head",
                  leaf,
                  reference.indices(at),
                  reference.indices(Reference.labels(BATCH)),
                  reference.vector("norm"),
                  reference.matrix("head", CONFIG.vocabulary()),
                  CONFIG.rmsEpsilon())[0];
      reference.backward(expected, weight);
      TorchScriptModule.autograd(false);

      requireClose("losses", losses.toFloatArray(), expected.toDoubleArray());
      assertThat(back[0].toFloatArray()).isEqualTo(losses.toFloatArray());
      requireClose("gradient", back[1].toFloatArray(), leaf.getGradient().toDoubleArray());
    }
  }

  /** Logits of 1e4 overflow exp in float32 unless their largest is taken off first. */
  @Test
  void lossesOfLargeLogitsAreFinite() {
    try (Reference reference = new Reference(toy)) {
      float[] x = random(4, CONFIG.width());
      float[] loud = toy.weight("head").clone();
      for (int i = 0; i < loud.length; i++) {
        loud[i] *= 1e4f;
      }
      NDArray[] back =
          reference.module.call(
              reference.manager,
              "head_back",
              float32(reference, x, 1, CONFIG.width()),
              reference.indices(new int[] {0}),
              reference.indices(new int[] {7}),
              float32(reference, toy.weight("norm"), CONFIG.width()),
              float32(reference, loud, CONFIG.vocabulary(), CONFIG.width()),
              CONFIG.rmsEpsilon(),
              128,
              1.0);
      assertThat(back[0].toFloatArray()[0]).isBetween(1e3f, 1e6f);
      for (float each : back[1].toFloatArray()) {
        assertThat(Float.isFinite(each)).isTrue();
      }
    }
  }

  @Test
  void embeddingTakesTheRowsOfTheIds() {
    try (Reference reference = new Reference(toy)) {
      NDArray rows =
          reference
              .module
              .call(
                  reference.manager,
                  "embed",
                  reference.indices(new int[] {299, 0, 299}),
                  float32(reference, toy.weight("embedding"), CONFIG.vocabulary(), CONFIG.width()))[
              0];

      float[] table = toy.weight("embedding");
      float[] last = Arrays.copyOfRange(table, 299 * CONFIG.width(), 300 * CONFIG.width());
      float[] expected = new float[3 * CONFIG.width()];
      System.arraycopy(last, 0, expected, 0, CONFIG.width());
      System.arraycopy(table, 0, expected, CONFIG.width(), CONFIG.width());
      System.arraycopy(last, 0, expected, 2 * CONFIG.width(), CONFIG.width());
      assertThat(rows.toFloatArray()).isEqualTo(expected);
    }
  }

  /** Layer 1's kernel arguments, each slot of P and G a tensor of its own. */
  private final class Kernel {
    private static final List<List<String>> GROUPS =
        List.of(
            List.of("q_proj", "k_proj", "v_proj"),
            List.of("o_proj"),
            List.of("gate_proj", "up_proj"),
            List.of("down_proj"));

    private final Reference reference;
    private final List<NDArray> parameters = new ArrayList<>();
    private final List<NDArray> gradients = new ArrayList<>();
    private final NDArray[] weights;
    private final NDArray cos;
    private final NDArray sin;

    Kernel(Reference reference, float[] adapter) {
      this.reference = reference;
      for (List<String> group : GROUPS) {
        List<AdapterLayout.Tensor> as =
            tensors().stream().filter(t -> t.isA() && group.contains(t.module())).toList();
        int rows = as.stream().mapToInt(AdapterLayout.Tensor::rows).sum();
        slot(adapter, as.get(0).offset(), rows, as.get(0).columns());
        for (String module : group) {
          AdapterLayout.Tensor b =
              tensors().stream()
                  .filter(t -> !t.isA() && t.module().equals(module))
                  .findFirst()
                  .orElseThrow();
          slot(adapter, b.offset(), b.rows(), b.columns());
        }
      }
      int attention = CONFIG.heads() * CONFIG.headWidth();
      int keyValue = CONFIG.keyValueHeads() * CONFIG.headWidth();
      this.weights =
          new NDArray[] {
            bytes("1.norm1").reshape(CONFIG.width()),
            bytes("1.q_proj", "1.k_proj", "1.v_proj")
                .reshape(attention + 2 * keyValue, CONFIG.width()),
            bytes("1.o_proj").reshape(CONFIG.width(), attention),
            bytes("1.norm2").reshape(CONFIG.width()),
            bytes("1.gate_proj", "1.up_proj").reshape(2L * CONFIG.feedForward(), CONFIG.width()),
            bytes("1.down_proj").reshape(CONFIG.width(), CONFIG.feedForward())
          };
      this.cos = angles(true);
      this.sin = angles(false);
    }

    private void slot(float[] adapter, int offset, int rows, int columns) {
      float[] part = Arrays.copyOfRange(adapter, offset, offset + rows * columns);
      parameters.add(float32(reference, part, rows, columns));
      gradients.add(float32(reference, new float[part.length], rows, columns));
    }

    private NDArray bytes(String... names) {
      java.nio.ByteBuffer bytes = toy.bytes(names);
      return reference.manager.create(bytes, new Shape(bytes.remaining() / 4), DataType.FLOAT32);
    }

    private NDArray angles(boolean cosine) {
      float[] frequencies = CONFIG.rope().inverseFrequencies();
      float[] values = new float[BATCH.tokens() * frequencies.length];
      for (int t = 0; t < BATCH.tokens(); t++) {
        for (int i = 0; i < frequencies.length; i++) {
          float angle = BATCH.positions()[t] * frequencies[i];
          values[t * frequencies.length + i] = (float) (cosine ? Math.cos(angle) : Math.sin(angle));
        }
      }
      return float32(reference, values, BATCH.tokens(), 1, frequencies.length);
    }

    NDArray[] forward(NDArray x) {
      return reference.module.call(
          reference.manager,
          "layer",
          x,
          cos,
          sin,
          weights,
          parameters.toArray(NDArray[]::new),
          bounds(),
          CONFIG.heads(),
          CONFIG.keyValueHeads(),
          CONFIG.headWidth(),
          toy.lora.scale(),
          CONFIG.rmsEpsilon());
    }

    NDArray backward(NDArray dy, NDArray x, NDArray[] saved, boolean wanted) {
      return reference
          .module
          .call(
              reference.manager,
              "layer_back",
              dy,
              x,
              saved,
              cos,
              sin,
              weights,
              parameters.toArray(NDArray[]::new),
              gradients.toArray(NDArray[]::new),
              bounds(),
              CONFIG.heads(),
              CONFIG.keyValueHeads(),
              CONFIG.headWidth(),
              toy.lora.scale(),
              wanted)[0];
    }

    private long[] bounds() {
      return Arrays.stream(BATCH.boundaries()).asLongStream().toArray();
    }

    List<AdapterLayout.Tensor> tensors() {
      return toy.layout.tensors().stream().filter(t -> t.layer() == 1).toList();
    }

    /** Slots lie in the order of the layout. */
    float[] gradientOf(AdapterLayout.Tensor tensor) {
      float[] all = new float[0];
      for (NDArray gradient : gradients) {
        float[] part = gradient.toFloatArray();
        all = Arrays.copyOf(all, all.length + part.length);
        System.arraycopy(part, 0, all, all.length - part.length, part.length);
      }
      int from = tensor.offset() - tensors().get(0).offset();
      return Arrays.copyOfRange(all, from, from + tensor.size());
    }
  }

  private static NDArray float32(Reference reference, float[] values, long... shape) {
    return reference.manager.create(values, new Shape(shape));
  }

  private static float[] random(int seed, int size) {
    Random random = new Random(seed);
    float[] values = new float[size];
    for (int i = 0; i < size; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  private static void requireClose(String what, float[] found, double[] expected) {
    assertThat(found).hasSameSizeAs(expected);
    double largest = 0;
    double difference = 0;
    for (int i = 0; i < expected.length; i++) {
      largest = Math.max(largest, Math.abs(expected[i]));
      double one = Math.abs(found[i] - expected[i]);
      difference = Double.isNaN(one) ? Double.NaN : Math.max(difference, one);
    }
    assertThat(largest).as(what).isGreaterThan(0);
    assertThat(difference / largest).as(what).isLessThan(ROUNDING);
  }
}
