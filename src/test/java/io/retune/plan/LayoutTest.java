package io.retune.plan;

import static org.assertj.core.api.Assertions.assertThat;

import io.retune.config.OrderSpec;
import io.retune.store.Sha256;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LayoutTest {
  private static final int TOKENS = 64;

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 5, 6, 7, 8})
  void everyExampleIsSeenOnceAnEpochWholeAndInItsOrder(int seed) {
    Random random = new Random(seed);
    List<Example> examples = examples(1 + random.nextInt(100), random);
    int microBatches = 1 + random.nextInt(6);
    boolean pack = seed % 4 != 0;
    OrderSpec order =
        new OrderSpec(seed, Optional.empty(), Optional.of(3), microBatches, 1, TOKENS, pack);

    Layout layout = Layout.training(examples, order);

    List<Layout.Place> all = layout.places().stream().flatMap(List::stream).toList();
    for (int e = 1; e <= 3; e++) {
      int epoch = e;
      assertThat(all.stream().filter(p -> p.epoch() == epoch).map(Layout.Place::example))
          .containsExactlyInAnyOrderElementsOf(examples);
    }
    assertThat(all).hasSize(3 * examples.size());
    assertThat(layout.places())
        .allSatisfy(
            microBatch -> {
              assertThat(microBatch).isNotEmpty();
              assertThat(pack ? 1 : microBatch.size()).isEqualTo(1);
              assertThat(microBatch.stream().mapToInt(p -> p.example().tokens()).sum())
                  .isLessThanOrEqualTo(TOKENS);
            });
    requireStepsInOrder(layout, order, examples);
  }

  /** No example moves past a step border: what a step holds is a stretch of the sequence. */
  private static void requireStepsInOrder(Layout layout, OrderSpec order, List<Example> examples) {
    List<Layout.Place> sequence = new ArrayList<>();
    for (int epoch = 1; epoch <= order.epochs().orElseThrow(); epoch++) {
      for (Example example : Example.permuted(examples, order.seed(), epoch)) {
        sequence.add(new Layout.Place(epoch, example));
      }
    }
    int cursor = 0;
    long first = 0;
    for (int i = 0; i < layout.steps().size(); i++) {
      Plan.Step step = layout.steps().get(i);
      assertThat(step.first()).isEqualTo(first);
      List<Layout.Place> held =
          layout.places().subList((int) first, (int) first + step.microBatches()).stream()
              .flatMap(List::stream)
              .toList();
      assertThat(held)
          .containsExactlyInAnyOrderElementsOf(sequence.subList(cursor, cursor + held.size()));
      assertThat(step.tokens()).isEqualTo(held.stream().mapToInt(p -> p.example().tokens()).sum());
      assertThat(step.targetTokens())
          .isEqualTo(held.stream().mapToInt(p -> p.example().targetTokens()).sum());
      if (i + 1 < layout.steps().size()) {
        assertThat(step.microBatches()).isEqualTo(order.microBatches());
      }
      cursor += held.size();
      first += step.microBatches();
    }
    assertThat(cursor).isEqualTo(sequence.size());
    assertThat(first).isEqualTo(layout.places().size());
  }

  @Test
  void theOrderDependsOnContentAndNotOnHowExamplesArriveOrAreCalled() {
    List<Example> examples = examples(50, new Random(1));
    List<Example> renamed =
        new ArrayList<>(
            examples.stream()
                .map(e -> new Example("other-" + e.id(), e.digest(), e.tokens(), e.targetTokens()))
                .toList());
    Collections.shuffle(renamed, new Random(2));

    assertThat(Example.permuted(renamed, 42, 1).stream().map(Example::digest))
        .containsExactlyElementsOf(
            Example.permuted(examples, 42, 1).stream().map(Example::digest).toList());
    assertThat(Example.permuted(examples, 42, 2)).isNotEqualTo(Example.permuted(examples, 42, 1));
    assertThat(Example.permuted(examples, 43, 1)).isNotEqualTo(Example.permuted(examples, 42, 1));
  }

  @Test
  void moreStepsContinueFewerOnes() {
    List<Example> examples = examples(10, new Random(1));
    Layout few = Layout.training(examples, steps(5));
    Layout many = Layout.training(examples, steps(20));

    assertThat(few.steps()).hasSize(5);
    assertThat(many.steps()).hasSize(20);
    assertThat(many.steps().subList(0, 5)).isEqualTo(few.steps());
    assertThat(many.places().subList(0, few.places().size())).isEqualTo(few.places());
  }

  @Test
  void theFirstMicroBatchWithRoomTakesAnExampleAndAFullStepOpensTheNext() {
    Packing<String> packing = new Packing<>(2, 10, true);

    assertThat(packing.offer("a", 6)).isTrue();
    assertThat(packing.offer("b", 6)).isTrue();
    assertThat(packing.offer("c", 4)).isTrue();
    assertThat(packing.offer("d", 5)).isFalse();
    assertThat(packing.close()).containsExactly(List.of("a", "c"), List.of("b"));
    assertThat(packing.offer("d", 5)).isTrue();
    assertThat(packing.close()).containsExactly(List.of("d"));
    assertThat(packing.close()).isEmpty();
  }

  private static OrderSpec steps(int steps) {
    return new OrderSpec(42, Optional.of(steps), Optional.empty(), 3, 1, TOKENS, true);
  }

  private static List<Example> examples(int count, Random random) {
    return IntStream.range(0, count)
        .mapToObj(
            i -> {
              int tokens = 2 + random.nextInt(TOKENS - 1);
              return new Example(
                  "id" + i,
                  Sha256.of("example " + i).hex(),
                  tokens,
                  1 + random.nextInt(tokens - 1));
            })
        .toList();
  }
}
