package io.retune.init;

import static org.assertj.core.api.Assertions.assertThat;

import io.retune.config.DatasetSpec.Format;
import io.retune.model.ModelConfig;
import io.retune.train.Machine;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class FirstSizesTest {
  /** SmolLM2-135M. */
  private static final ModelConfig MODEL =
      new ModelConfig(
          49152, 576, 1536, 30, 9, 3, 64, 8192, 1e-5, new ModelConfig.Rope(new float[32], 1), true);

  private static FirstSizes sizes(long rows, int cores, int... lengths) {
    List<Shape.Example> examples =
        IntStream.range(0, (int) Math.min(rows, DataFile.SAMPLED))
            .mapToObj(i -> Shape.Example.document("text " + i))
            .toList();
    DataFile file =
        new DataFile(
            Path.of("a.jsonl"),
            Format.JSONL,
            rows,
            Map.of(),
            Collections.nCopies(
                examples.size(), com.fasterxml.jackson.databind.node.NullNode.instance));
    int[] sorted = lengths.clone();
    Arrays.sort(sorted);
    Machine machine = new Machine("host", "Linux", "amd64", "cpu", cores, 16L << 30, List.of());
    return FirstSizes.of(file, examples, new Lengths(sorted, 0, ""), MODEL, machine);
  }

  @Test
  void theModelHasAsManyParametersAsItsCardSays() {
    assertThat(MODEL.parameters()).isEqualTo(134_515_008);
  }

  @Test
  void threePassesOverADayOfData() {
    // 900 of 1,000 examples of 100 tokens, three times: 270,000 tokens, at most 1,945 a step. Two
    // examples fit a micro-batch, so it is 1,600 a step, and fewer passes.
    FirstSizes sizes = sizes(1000, 2, 100);
    assertThat(sizes.tokensPerMicroBatch()).isEqualTo(256);
    assertThat(sizes.microBatches()).isEqualTo(8);
    assertThat(sizes.steps()).isEqualTo(139);
    assertThat(sizes.rate()).isEqualTo("2e-4");
    assertThat(sizes.evaluation()).isEqualTo(0.1);
    assertThat(sizes.reasons().get("order.steps")).isEqualTo("about 2.5 passes over the data");
  }

  @Test
  void aStepIsMadeSmallerBeforeStepsAreMadeFew() {
    FirstSizes sizes = sizes(100, 2, 50);
    assertThat(sizes.microBatches()).isEqualTo(2);
    assertThat(sizes.steps()).isGreaterThan(20);
    assertThat(sizes.rate()).isEqualTo("5e-4");
    assertThat(sizes.evaluation()).isEqualTo(0.2);
  }

  @Test
  void ofVeryLittleDataMorePassesAreMade() {
    FirstSizes sizes = sizes(4, 2, 20);
    assertThat(sizes.microBatches()).isEqualTo(1);
    assertThat(sizes.steps()).isEqualTo(10);
  }

  @Test
  void aFirstRunOfMuchDataEndsInAboutAnHour() {
    FirstSizes sizes = sizes(1_000_000, 2, 200);
    // 7.2e14 operations are an hour of two cores; a step of 8 x 200 tokens takes 1.3e12.
    assertThat(sizes.steps()).isEqualTo(557);
    assertThat(sizes.evaluation()).isEqualTo(0.001);
    assertThat(sizes.reasons().get("order.steps")).contains("no more than about an hour");
  }

  @Test
  void aMicroBatchHoldsAllButTheLongest() {
    int[] lengths = IntStream.range(0, 1000).map(i -> i < 995 ? 100 + i / 5 : 5000).toArray();
    FirstSizes sizes = sizes(1000, 2, lengths);
    assertThat(sizes.tokensPerMicroBatch()).isEqualTo(512);
    assertThat(sizes.reasons().get("order.tokens-per-micro-batch"))
        .isEqualTo(
            "holds 99.5 % of 1,000 examples measured: half have at most 200 tokens, the longest 5000");
  }

  @Test
  void manyCoresAllHaveAMicroBatch() {
    assertThat(sizes(100_000, 12, 100).microBatches()).isEqualTo(12);
    assertThat(sizes(100_000, 3, 100).microBatches()).isEqualTo(9);
  }
}
