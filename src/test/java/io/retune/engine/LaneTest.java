package io.retune.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.retune.model.AdapterLayout;
import io.retune.plan.MicroBatch;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LaneTest {
  /**
   * Largest difference to the float64 reference, relative to the largest element of the same
   * tensor: three layers there and back in float32, whose own step is 6e-8, came to 3e-6.
   */
  private static final double ROUNDING = 1e-5;

  @ParameterizedTest
  @ValueSource(
      strings = {
        "q_proj,k_proj,v_proj,o_proj,gate_proj,up_proj,down_proj",
        "q_proj",
        "k_proj,up_proj",
        "q_proj,v_proj",
        "v_proj,o_proj",
        "gate_proj,down_proj",
        "down_proj"
      })
  void theGradientIsAutogradsForAnySubsetOfModules(String targets) throws IOException {
    requireEqual(new Toy(List.of(targets.split(","))), Toy.batch(1, 7, 1, 15));
  }

  @Test
  void theGradientIsAutogradsWithATiedHead() throws IOException {
    requireEqual(new Toy(Toy.tied(), AdapterLayout.modules()), Toy.batch(2, 9, 4));
  }

  /** The head works on 128 targets at a time. */
  @Test
  void theGradientIsAutogradsOverManyChunksOfTheHead() throws IOException {
    requireEqual(new Toy(AdapterLayout.modules()), Toy.batch(3, 60, 50, 64, 64, 64, 64));
  }

  private static void requireEqual(Toy toy, MicroBatch batch) throws IOException {
    float[] adapter = toy.adapter(5);
    double weight = 1.0 / 7;
    float[] found = new float[toy.layout.size()];
    Arrays.fill(found, Float.NaN);
    double loss;
    double[] losses;
    try (Decoder decoder = toy.decoder();
        Lane lane = decoder.lane()) {
      loss = lane.gradient(batch, adapter, weight, found);
      losses = lane.exampleLosses(batch, adapter);
    }
    try (Reference reference = new Reference(toy)) {
      Reference.Result expected = reference.gradient(batch, adapter, weight);

      double sum = Arrays.stream(expected.losses()).sum();
      assertThat(loss).isCloseTo(sum, within(sum * 1e-6));
      assertThat(losses).hasSize(batch.boundaries().length - 1);
      assertThat(Arrays.stream(losses).sum()).isCloseTo(sum, within(sum * 1e-6));
      for (AdapterLayout.Tensor tensor : toy.layout.tensors()) {
        requireClose(tensor, found, expected.gradient());
      }
    }
  }

  private static void requireClose(AdapterLayout.Tensor tensor, float[] found, double[] expected) {
    double largest = 0;
    double difference = 0;
    for (int i = tensor.offset(); i < tensor.offset() + tensor.size(); i++) {
      largest = Math.max(largest, Math.abs(expected[i]));
      double one = Math.abs(found[i] - expected[i]);
      difference = Double.isNaN(one) ? Double.NaN : Math.max(difference, one);
    }
    assertThat(largest).as(tensor.name()).isGreaterThan(0);
    assertThat(difference / largest).as(tensor.name()).isLessThan(ROUNDING);
  }

  @Test
  void lossesAreGivenByExampleAndAreThoseOfTheExampleAlone() throws IOException {
    Toy toy = new Toy(AdapterLayout.modules());
    float[] adapter = toy.adapter(1);
    MicroBatch packed = Toy.batch(4, 6, 1, 11);
    int[] bounds = packed.boundaries();
    assertThat(bounds).containsExactly(0, 6, 7, 18);
    try (Decoder decoder = toy.decoder();
        Lane lane = decoder.lane()) {
      double[] losses = lane.exampleLosses(packed, adapter);
      for (int example = 0; example < 3; example++) {
        MicroBatch alone =
            new MicroBatch(
                Arrays.copyOfRange(packed.inputIds(), bounds[example], bounds[example + 1]),
                Arrays.copyOfRange(packed.positions(), bounds[example], bounds[example + 1]),
                Arrays.copyOfRange(packed.labels(), bounds[example], bounds[example + 1]));
        double expected = lane.exampleLosses(alone, adapter)[0];
        // Products of another height may round otherwise.
        assertThat(losses[example]).isCloseTo(expected, within(expected * 1e-6));
      }
      // A single token predicts nothing.
      assertThat(losses[1]).isEqualTo(0.0);
    }
  }

  @Test
  void aMicroBatchWithoutTargetsHasNoLossAndNoGradient() throws IOException {
    Toy toy = new Toy(AdapterLayout.modules());
    MicroBatch batch = Toy.batch(1, 1, 1, 1);
    float[] gradient = new float[toy.layout.size()];
    Arrays.fill(gradient, 3);
    try (Decoder decoder = toy.decoder();
        Lane lane = decoder.lane()) {
      assertThat(lane.gradient(batch, toy.adapter(1), 1, gradient)).isEqualTo(0.0);
      assertThat(lane.exampleLosses(batch, toy.adapter(1))).containsExactly(0.0, 0.0, 0.0);
    }
    assertThat(gradient).containsOnly(0f);
  }

  @Test
  void aLaneLeavesTheAdapterAsItIs() throws IOException {
    Toy toy = new Toy(AdapterLayout.modules());
    float[] adapter = toy.adapter(1);
    try (Decoder decoder = toy.decoder();
        Lane lane = decoder.lane()) {
      lane.gradient(Toy.batch(1, 9), adapter, 1, new float[toy.layout.size()]);
    }
    assertThat(adapter).isEqualTo(toy.adapter(1));
  }

  /** Each micro-batch has its own digest, and it is the same wherever and whenever computed. */
  @Test
  void theBitsOfAMicroBatchDependOnNothingElse() throws Exception {
    Toy toy = new Toy(AdapterLayout.modules());
    float[] adapter = toy.adapter(2);
    List<MicroBatch> batches =
        List.of(
            Toy.batch(1, 7, 1, 15),
            Toy.batch(2, 40),
            Toy.batch(3, 3, 3, 3, 3),
            Toy.batch(4, 61, 64, 64, 64, 3));
    List<String> expected = new ArrayList<>();
    for (MicroBatch batch : batches) {
      try (Decoder decoder = toy.decoder();
          Lane lane = decoder.lane()) {
        expected.add(bits(lane, batch, adapter, toy));
      }
    }
    assertThat(expected).doesNotHaveDuplicates();

    ExecutorService threads = Executors.newFixedThreadPool(4);
    try (Decoder decoder = toy.decoder()) {
      List<Future<?>> lanes = new ArrayList<>();
      for (int thread = 0; thread < 4; thread++) {
        int start = thread;
        lanes.add(
            threads.submit(
                () -> {
                  try (Lane lane = decoder.lane()) {
                    for (int round = 0; round < 24; round++) {
                      int which = (start + round * 3) % batches.size();
                      assertThat(bits(lane, batches.get(which), adapter, toy))
                          .isEqualTo(expected.get(which));
                      lane.exampleLosses(batches.get((which + 1) % 4), toy.adapter(round));
                    }
                  }
                  return null;
                }));
      }
      for (Future<?> lane : lanes) {
        lane.get();
      }
    } finally {
      threads.shutdownNow();
    }
  }

  private static String bits(Lane lane, MicroBatch batch, float[] adapter, Toy toy) {
    float[] gradient = new float[toy.layout.size()];
    double loss = lane.gradient(batch, adapter, 0.25, gradient);
    return FastDigest.of(gradient) + " " + Double.doubleToRawLongBits(loss);
  }

  @Test
  void manyMicroBatchesTakeNoMoreMemoryThanFew() throws IOException {
    Toy toy = new Toy(AdapterLayout.modules());
    float[] adapter = toy.adapter(2);
    float[] gradient = new float[toy.layout.size()];
    MicroBatch batch = Toy.batch(4, 61, 64, 64, 64, 3);
    try (Decoder decoder = toy.decoder();
        Lane lane = decoder.lane()) {
      IntStream.range(0, 100).forEach(i -> lane.gradient(batch, adapter, 1, gradient));
      long before = residentBytes();
      IntStream.range(0, 400).forEach(i -> lane.gradient(batch, adapter, 1, gradient));
      // A micro-batch's activations are about 3 MB: 400 kept ones would be 1.2 GB.
      assertThat(residentBytes() - before).isLessThan(200L << 20);
    }
  }

  private static long residentBytes() throws IOException {
    java.nio.file.Path status = java.nio.file.Path.of("/proc/self/statm");
    org.junit.jupiter.api.Assumptions.assumeTrue(java.nio.file.Files.exists(status));
    return Long.parseLong(java.nio.file.Files.readString(status).split(" ")[1]) * 4096;
  }
}
