package io.retune.plan;

import io.retune.config.OrderSpec;
import java.util.ArrayList;
import java.util.List;

/**
 * Which example lies where: micro-batches in the plan's order, and the steps over them.
 *
 * @param places of the micro-batch's examples, in the order of their slots
 */
record Layout(List<Plan.Step> steps, List<List<Place>> places) {
  /** An example in an epoch (from 1; 0 in the evaluation). */
  record Place(int epoch, Example example) {}

  /** Epoch after epoch, each permuted, until the order's steps are full or its epochs done. */
  static Layout training(List<Example> examples, OrderSpec order) {
    Builder builder = new Builder(order, order.microBatches());
    int epochs = order.epochs().orElse(Integer.MAX_VALUE);
    int steps = order.steps().orElse(Integer.MAX_VALUE);
    for (int epoch = 1; epoch <= epochs; epoch++) {
      for (Example example : Example.permuted(examples, order.seed(), epoch)) {
        builder.add(new Place(epoch, example));
        if (builder.steps.size() == steps) {
          return builder.layout();
        }
      }
    }
    builder.close();
    return builder.layout();
  }

  /** In the order of content, micro-batch after micro-batch; a step is one micro-batch. */
  static Layout evaluation(List<Example> examples, OrderSpec order) {
    Builder builder = new Builder(order, 1);
    examples.stream()
        .sorted(Example.BY_CONTENT)
        .forEach(example -> builder.add(new Place(0, example)));
    builder.close();
    return builder.layout();
  }

  private static final class Builder {
    private final int accumulate;
    private final Packing<Place> packing;
    private final List<Plan.Step> steps = new ArrayList<>();
    private final List<List<Place>> places = new ArrayList<>();

    Builder(OrderSpec order, int microBatches) {
      this.accumulate = order.accumulate();
      this.packing = new Packing<>(microBatches, order.tokensPerMicroBatch(), order.pack());
    }

    void add(Place place) {
      int tokens = place.example().tokens();
      if (!packing.offer(place, tokens)) {
        close();
        packing.offer(place, tokens);
      }
    }

    void close() {
      List<List<Place>> step = packing.close();
      if (step.isEmpty()) {
        return;
      }
      int tokens = 0;
      int targets = 0;
      for (List<Place> microBatch : step) {
        tokens += microBatch.stream().mapToInt(p -> p.example().tokens()).sum();
        targets += microBatch.stream().mapToInt(p -> p.example().targetTokens()).sum();
      }
      steps.add(new Plan.Step(places.size(), step.size(), accumulate, tokens, targets));
      places.addAll(step);
    }

    Layout layout() {
      return new Layout(List.copyOf(steps), List.copyOf(places));
    }
  }
}
