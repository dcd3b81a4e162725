package io.retune.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.retune.model.AdapterLayout;
import io.retune.model.ModelConfig;
import io.retune.plan.MicroBatch;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class WeightGradientsTest {
  private static final double WEIGHT = 1.0 / 7;

  @Test
  void normsAreAutogradsOfEveryWeight() throws IOException {
    requireEqual(Toy.CONFIG, Toy.batch(1, 7, 1, 15));
  }

  /** Embedding and output projection are one weight, whose gradient is that of both its uses. */
  @Test
  void aTiedHeadsGradientIsTheEmbeddingsToo() throws IOException {
    requireEqual(Toy.tied(), Toy.batch(2, 60, 50, 64, 64, 64));
  }

  private static void requireEqual(ModelConfig config, MicroBatch batch) throws IOException {
    Toy toy = new Toy(config, List.of());
    double loss;
    SortedMap<String, Double> found;
    try (Decoder decoder = toy.decoder();
        WeightGradients gradients = decoder.weightGradients()) {
      loss = gradients.add(batch, WEIGHT / 2);
      gradients.add(batch, WEIGHT / 2);
      found = gradients.norms();
    }
    Toy adapted = new Toy(config, AdapterLayout.modules());
    try (Reference reference = new Reference(adapted)) {
      double expected =
          Arrays.stream(
                  reference.gradient(batch, new float[adapted.layout.size()], WEIGHT).losses())
              .sum();
      assertThat(loss).isCloseTo(expected, within(expected * 1e-6));
    }
    try (Reference reference = new Reference(adapted)) {
      SortedMap<String, Double> expected = new TreeMap<>();
      for (Map.Entry<String, Double> norm :
          reference.weightGradientNorms(batch, WEIGHT).entrySet()) {
        expected.put(huggingFace(norm.getKey()), norm.getValue());
      }
      assertThat(found.keySet()).isEqualTo(expected.keySet());
      expected.forEach(
          (name, norm) ->
              assertThat(found.get(name))
                  .as(name)
                  .isPositive()
                  .isCloseTo(norm, within(norm * 1e-5)));
    }
  }

  private static String huggingFace(String name) {
    return switch (name) {
      case "embedding" -> "model.embed_tokens.weight";
      case "head" -> "lm_head.weight";
      case "norm" -> "model.norm.weight";
      default -> {
        String layer = "model.layers." + name.replaceFirst("[.].*", ".");
        String module = name.replaceFirst(".*[.]", "");
        yield switch (module) {
          case "norm1" -> layer + "input_layernorm.weight";
          case "norm2" -> layer + "post_attention_layernorm.weight";
          default -> layer + AdapterLayout.block(module) + "." + module + ".weight";
        };
      }
    };
  }

  @Test
  void weightsAreNotTrainedBesideAnAdapter() throws IOException {
    try (Decoder decoder = new Toy(AdapterLayout.modules()).decoder()) {
      assertThatThrownBy(decoder::weightGradients).isInstanceOf(IllegalStateException.class);
    }
  }
}
