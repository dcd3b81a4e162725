package io.retune.engine;

import io.retune.config.TrainSpec;
import io.retune.model.AdapterLayout;
import io.retune.model.ModelConfig;
import io.retune.plan.MicroBatch;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/**
 * A random model in which no two dimensions are equal by chance: queries are wider than the model,
 * two query heads share a key.
 */
final class Toy {
  static final ModelConfig CONFIG =
      new ModelConfig(
          300, 48, 80, 3, 4, 2, 16, 64, 1e-5, new ModelConfig.Rope(frequencies(), 1f), false);
  static final int RANK = 3;

  final ModelConfig config;
  final TrainSpec.Lora lora;
  final AdapterLayout layout;
  private final Map<String, float[]> weights = new HashMap<>();

  Toy(List<String> targets) {
    this(CONFIG, targets);
  }

  Toy(ModelConfig config, List<String> targets) {
    this.config = config;
    this.lora = new TrainSpec.Lora(RANK, 5, targets);
    this.layout = AdapterLayout.of(config, lora);
    Random random = new Random(17);
    int width = config.width();
    add("embedding", random, config.vocabulary(), width);
    add("head", random, config.vocabulary(), width);
    norm("norm", random);
    for (int layer = 0; layer < config.layers(); layer++) {
      norm(layer + ".norm1", random);
      norm(layer + ".norm2", random);
      for (String module : AdapterLayout.modules()) {
        add(
            layer + "." + module,
            random,
            AdapterLayout.outputs(config, module),
            AdapterLayout.inputs(config, module));
      }
    }
  }

  static ModelConfig tied() {
    return new ModelConfig(
        CONFIG.vocabulary(),
        CONFIG.width(),
        CONFIG.feedForward(),
        CONFIG.layers(),
        CONFIG.heads(),
        CONFIG.keyValueHeads(),
        CONFIG.headWidth(),
        CONFIG.contextTokens(),
        CONFIG.rmsEpsilon(),
        CONFIG.rope(),
        true);
  }

  private static float[] frequencies() {
    float[] frequencies = new float[8];
    for (int i = 0; i < frequencies.length; i++) {
      frequencies[i] = (float) Math.pow(100, -i / 8.0);
    }
    return frequencies;
  }

  private void add(String name, Random random, int rows, int columns) {
    float[] values = new float[rows * columns];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (random.nextGaussian() / Math.sqrt(columns));
    }
    weights.put(name, values);
  }

  private void norm(String name, Random random) {
    float[] values = new float[config.width()];
    for (int i = 0; i < values.length; i++) {
      values[i] = 0.5f + random.nextFloat();
    }
    weights.put(name, values);
  }

  float[] weight(String name) {
    return weights.get(name);
  }

  Decoder decoder() throws IOException {
    return Decoder.of(config, layout, lora.scale(), this::fused);
  }

  private ByteBuffer fused(String name) {
    String layer = name.substring(0, name.indexOf('.') + 1);
    return switch (name.substring(layer.length())) {
      case "qkv" -> bytes(layer + "q_proj", layer + "k_proj", layer + "v_proj");
      case "o" -> bytes(layer + "o_proj");
      case "gate-up" -> bytes(layer + "gate_proj", layer + "up_proj");
      case "down" -> bytes(layer + "down_proj");
      default -> bytes(name);
    };
  }

  ByteBuffer bytes(String... names) {
    int size = 0;
    for (String name : names) {
      size += weight(name).length;
    }
    ByteBuffer bytes = ByteBuffer.allocateDirect(size * 4).order(ByteOrder.LITTLE_ENDIAN);
    for (String name : names) {
      for (float value : weight(name)) {
        bytes.putFloat(value);
      }
    }
    return bytes.flip();
  }

  /** An adapter whose B is not zero: with B zero every gradient of A would be. */
  float[] adapter(int seed) {
    Random random = new Random(seed);
    float[] values = new float[layout.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (random.nextGaussian() * 0.2);
    }
    return values;
  }

  /**
   * Examples of these lengths, packed; every third token and every example's last has no target.
   */
  static MicroBatch batch(int seed, int... lengths) {
    Random random = new Random(seed);
    int tokens = java.util.Arrays.stream(lengths).sum();
    int[] ids = new int[tokens];
    int[] positions = new int[tokens];
    int[] labels = new int[tokens];
    int at = 0;
    for (int length : lengths) {
      for (int i = 0; i < length; i++, at++) {
        ids[at] = random.nextInt(CONFIG.vocabulary());
        positions[at] = i;
        boolean target = i + 1 < length && i % 3 != 0;
        labels[at] = target ? random.nextInt(CONFIG.vocabulary()) : MicroBatch.NO_TARGET;
      }
    }
    return new MicroBatch(ids, positions, labels);
  }
}
