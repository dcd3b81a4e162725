package io.retune.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.jni.TorchScriptModule;
import io.retune.engine.Generator.Continuation;
import io.retune.engine.Generator.Stop;
import io.retune.model.AdapterLayout;
import io.retune.model.ModelConfig;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

class GeneratorTest {
  /** As in LaneTest: three layers in float32 against the same in float64. */
  private static final double ROUNDING = 1e-5;

  private static final int LIMIT = 20;

  static List<Toy> toys() {
    ModelConfig c = Toy.CONFIG;
    ModelConfig ownKeys =
        new ModelConfig(
            c.vocabulary(),
            c.width(),
            c.feedForward(),
            c.layers(),
            c.heads(),
            c.heads(),
            c.headWidth(),
            c.contextTokens(),
            c.rmsEpsilon(),
            c.rope(),
            true);
    ModelConfig oneKeyScaled =
        new ModelConfig(
            c.vocabulary(),
            c.width(),
            c.feedForward(),
            c.layers(),
            c.heads(),
            1,
            c.headWidth(),
            c.contextTokens(),
            c.rmsEpsilon(),
            new ModelConfig.Rope(c.rope().inverseFrequencies(), 1.2f),
            false);
    return List.of(
        new Toy(AdapterLayout.modules()),
        new Toy(Toy.tied(), List.of("k_proj", "up_proj")),
        new Toy(ownKeys, List.of("v_proj", "o_proj", "down_proj")),
        new Toy(oneKeyScaled, List.of("q_proj", "gate_proj")));
  }

  @ParameterizedTest
  @MethodSource("toys")
  void eachTokenIsTheLikeliestBehindTheWholeSequenceComputedAgain(Toy toy) throws IOException {
    float[] adapter = toy.adapter(5);
    List<int[]> prompts = prompts(toy, 3, 1, 9);
    try (Reference reference = new Reference(toy)) {
      List<Continuation> found = generate(toy, prompts, adapter, LIMIT);
      for (int i = 0; i < prompts.size(); i++) {
        assertThat(found.get(i).ids()).hasSize(LIMIT);
        int[] sequence = prompts.get(i);
        for (int id : found.get(i).ids()) {
          double[] losses = reference.nextLosses(sequence, adapter);
          double least = Arrays.stream(losses).min().orElseThrow();
          assertThat(id).isEqualTo(Arrays.stream(losses).boxed().toList().indexOf(least));
          sequence = Arrays.copyOf(sequence, sequence.length + 1);
          sequence[sequence.length - 1] = id;
        }
      }
    }
  }

  @Test
  void theAdapterIsApplied() throws IOException {
    Toy toy = new Toy(AdapterLayout.modules());
    List<int[]> prompts = prompts(toy, 12);
    float[] untouched = AdapterInit.values(toy.layout, 1);
    int[] before = generate(toy, prompts, untouched, LIMIT).get(0).ids();
    assertThat(generate(toy, prompts, new float[toy.layout.size()], LIMIT).get(0).ids())
        .isEqualTo(before);
    assertThat(generate(toy, prompts, toy.adapter(5), LIMIT).get(0).ids()).isNotEqualTo(before);
  }

  @Test
  void aPromptHasTheSameTokensAloneAndInAnyCompany() throws IOException {
    Toy toy = new Toy(AdapterLayout.modules());
    float[] adapter = toy.adapter(2);
    List<int[]> prompts = new ArrayList<>(prompts(toy, 1, 2, 3, 5, 8, 13, 21, 34, 4, 4, 17));
    List<int[]> expected = new ArrayList<>();
    try (Decoder decoder = toy.decoder();
        Generator generator = decoder.generator()) {
      for (int[] prompt : prompts) {
        expected.add(generator.generate(List.of(prompt), adapter, 30, Set.of()).get(0).ids());
      }
      for (int round = 0; round < 5; round++) {
        List<Integer> order = new ArrayList<>(IntStream.range(0, prompts.size()).boxed().toList());
        Collections.shuffle(order, new Random(round));
        List<Continuation> together =
            generator.generate(order.stream().map(prompts::get).toList(), adapter, 30, Set.of());
        for (int i = 0; i < order.size(); i++) {
          assertThat(together.get(i).ids()).isEqualTo(expected.get(order.get(i)));
        }
      }
    }
  }

  /** Heights, widths and depths of SmolLM2-135M's products, and some that divide by nothing. */
  @ParameterizedTest
  @EnumSource(Kernels.Products.class)
  void aRowOfAProductHasTheSameBitsInAnyPlaceAndCompany(Kernels.Products products) {
    TorchScriptModule.prepareThread();
    try (PtNDManager manager = Kernels.newManager();
        TorchScriptModule kernels = Kernels.compileWith(manager, products, "generate.ts")) {
      for (int[] shape :
          new int[][] {{576, 960}, {576, 576}, {576, 3072}, {1536, 576}, {576, 4099}, {77, 131}}) {
        int in = shape[0];
        NDArray weights = manager.create(random(1, in * shape[1]), new Shape(shape[1], in));
        float[] row = random(2, in);
        List<float[]> found = new ArrayList<>();
        for (int place = 0; place < Generator.ROWS; place++) {
          float[] rows = random(3 + place, Generator.ROWS * in);
          System.arraycopy(row, 0, rows, place * in, in);
          NDArray x = manager.create(rows, new Shape(Generator.ROWS, in));
          float[] y = kernels.call(manager, "project", x, weights)[0].toFloatArray();
          found.add(Arrays.copyOfRange(y, place * shape[1], (place + 1) * shape[1]));
        }
        for (float[] other : found) {
          assertThat(Arrays.equals(other, found.get(0))).as(Arrays.toString(shape)).isTrue();
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource(Kernels.Products.class)
  void tokenByTokenALayerGivesWhatItGivesOfTheWhole(Kernels.Products products) throws IOException {
    Toy toy = new Toy(AdapterLayout.modules());
    int tokens = 12;
    int prompt = 7;
    int width = Toy.CONFIG.width();
    float[] x = random(4, tokens * width);
    try (Decoder decoder = toy.decoder();
        PtNDManager manager = Kernels.newManager();
        TorchScriptModule kernels = Kernels.compileWith(manager, products, "generate.ts")) {
      AdapterVector adapter = new AdapterVector(manager, toy.layout, Toy.CONFIG.layers());
      adapter.set(toy.adapter(3));
      Calls calls = new Calls(kernels, manager, decoder, adapter);
      float[] whole = calls.layer("layer", x, 0, new long[] {0, tokens});
      calls.layer("prompt_layer", Arrays.copyOf(x, prompt * width), 0, 2);
      for (int t = prompt; t < tokens; t++) {
        float[] rows = random(t, 4 * width);
        System.arraycopy(x, t * width, rows, 2 * width, width);
        float[] y = calls.layer("token_layer", rows, t, new long[] {-1, -1, t, -1});
        for (int i = 0; i < width; i++) {
          double expected = whole[t * width + i];
          assertThat(Math.abs(y[2 * width + i] - expected)).isLessThan(ROUNDING);
        }
      }
    }
  }

  /** Layer 1 with a cache of four rows. */
  private record Calls(
      TorchScriptModule kernels,
      PtNDManager manager,
      Decoder decoder,
      AdapterVector adapter,
      NDArray cache) {
    Calls(TorchScriptModule kernels, PtNDManager manager, Decoder decoder, AdapterVector adapter) {
      this(
          kernels,
          manager,
          decoder,
          adapter,
          manager.zeros(new Shape(4, 2, Toy.CONFIG.keyValueHeads(), 16, Toy.CONFIG.headWidth())));
    }

    /**
     * @param position of all rows, or with a whole prompt of the first
     * @param which the rows' bounds, the row, or their tokens
     */
    float[] layer(String kernel, float[] x, int position, Object which) {
      ModelConfig c = Toy.CONFIG;
      int rows = x.length / c.width();
      boolean whole = !kernel.equals("token_layer");
      int[] positions = IntStream.range(0, rows).map(i -> whole ? i : position).toArray();
      Angles angles = Angles.of(manager, c.rope(), positions);
      List<Object> arguments =
          new ArrayList<>(
              List.of(
                  manager.create(x, new Shape(rows, c.width())),
                  angles.cos(),
                  angles.sin(),
                  decoder.layer(1),
                  adapter.layer(1)));
      if (!kernel.equals("layer")) {
        arguments.add(cache);
      }
      arguments.addAll(
          List.of(
              which,
              c.heads(),
              c.keyValueHeads(),
              c.headWidth(),
              decoder.loraScale(),
              c.rmsEpsilon()));
      return kernels.call(manager, kernel, arguments.toArray())[0].toFloatArray();
    }
  }

  @Test
  void anIdThatEndsTheTurnStopsItAndIsNotGiven() throws IOException {
    Toy toy = new Toy(AdapterLayout.modules());
    List<int[]> prompts = prompts(toy, 5, 9);
    List<Continuation> all = generate(toy, prompts, toy.adapter(5), LIMIT);
    int end = all.get(0).ids()[6];
    int before = firstIndex(all.get(0).ids(), end);
    assertThat(Arrays.stream(all.get(1).ids())).doesNotContain(end);
    try (Decoder decoder = toy.decoder();
        Generator generator = decoder.generator()) {
      List<Continuation> stopped =
          generator.generate(prompts, toy.adapter(5), LIMIT, Set.of(end, -1));
      assertThat(stopped.get(0).ids()).isEqualTo(Arrays.copyOf(all.get(0).ids(), before));
      assertThat(stopped.get(0).stopped()).isEqualTo(Stop.END_OF_TURN);
      // The other goes on as if nothing had happened.
      assertThat(stopped.get(1).ids()).isEqualTo(all.get(1).ids());
      assertThat(stopped.get(1).stopped()).isEqualTo(Stop.LIMIT);
    }
  }

  @Test
  void aTurnMayEndAtOnce() throws IOException {
    Toy toy = new Toy(AdapterLayout.modules());
    List<int[]> prompts = prompts(toy, 5);
    int first = generate(toy, prompts, toy.adapter(5), 1).get(0).ids()[0];
    try (Decoder decoder = toy.decoder();
        Generator generator = decoder.generator()) {
      Continuation none = generator.generate(prompts, toy.adapter(5), LIMIT, Set.of(first)).get(0);
      assertThat(none.ids()).isEmpty();
      assertThat(none.stopped()).isEqualTo(Stop.END_OF_TURN);
    }
  }

  @Test
  void asManyTokensAsAskedForOrAsTheContextHolds() throws IOException {
    Toy toy = new Toy(AdapterLayout.modules());
    int context = Toy.CONFIG.contextTokens();
    List<int[]> prompts =
        prompts(toy, 4, context - 5, context - 1, context, context + 3, context - 20);
    List<Continuation> found = generate(toy, prompts, toy.adapter(5), LIMIT);
    assertThat(found.stream().map(c -> c.ids().length).toList())
        .containsExactly(LIMIT, 5, 1, 0, 0, LIMIT);
    assertThat(found.stream().map(Continuation::stopped).toList())
        .containsExactly(
            Stop.LIMIT, Stop.CONTEXT, Stop.CONTEXT, Stop.CONTEXT, Stop.CONTEXT, Stop.LIMIT);
    assertThat(generate(toy, prompts.subList(3, 5), toy.adapter(5), LIMIT))
        .allMatch(c -> c.ids().length == 0 && c.stopped() == Stop.CONTEXT);
    assertThat(generate(toy, List.of(), toy.adapter(5), LIMIT)).isEmpty();
  }

  @Test
  void ofEquallyLikelyTokensTheOneWithTheSmallestIdIsTaken() throws IOException {
    Toy toy = new Toy(AdapterLayout.modules());
    List<int[]> prompts = prompts(toy, 5);
    int first = generate(toy, prompts, toy.adapter(5), 1).get(0).ids()[0];
    assertThat(first).isGreaterThan(3);
    float[] head = toy.weight("head");
    for (int twin : new int[] {3, Toy.CONFIG.vocabulary() - 1}) {
      int width = Toy.CONFIG.width();
      System.arraycopy(head, first * width, head, twin * width, width);
    }
    assertThat(generate(toy, prompts, toy.adapter(5), 1).get(0).ids()).containsExactly(3);
  }

  @Test
  void nothingToContinueAndNoTokensAreRefused() throws IOException {
    Toy toy = new Toy(AdapterLayout.modules());
    assertThatThrownBy(() -> generate(toy, List.of(new int[0]), toy.adapter(5), LIMIT))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> generate(toy, prompts(toy, 3), toy.adapter(5), 0))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void anAdapterThatIsNotFiniteIsNoAnswer() throws IOException {
    Toy toy = new Toy(AdapterLayout.modules());
    float[] adapter = toy.adapter(5);
    adapter[7] = Float.NaN;
    assertThatThrownBy(() -> generate(toy, prompts(toy, 3), adapter, LIMIT))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("The logit of token 0 is not a number");
  }

  private static List<Continuation> generate(
      Toy toy, List<int[]> prompts, float[] adapter, int limit) throws IOException {
    try (Decoder decoder = toy.decoder();
        Generator generator = decoder.generator()) {
      return generator.generate(prompts, adapter, limit, Set.of());
    }
  }

  private static List<int[]> prompts(Toy toy, int... lengths) {
    Random random = new Random(11);
    return Arrays.stream(lengths)
        .mapToObj(n -> random.ints(n, 0, toy.config.vocabulary()).toArray())
        .toList();
  }

  private static int firstIndex(int[] ids, int id) {
    return IntStream.range(0, ids.length).filter(i -> ids[i] == id).findFirst().orElseThrow();
  }

  private static float[] random(int seed, int size) {
    Random random = new Random(seed);
    float[] values = new float[size];
    for (int i = 0; i < size; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }
}
