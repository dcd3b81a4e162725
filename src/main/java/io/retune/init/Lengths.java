package io.retune.init;

import static java.util.stream.Collectors.toList;

import io.retune.config.InvalidInputException;
import io.retune.plan.Packing;
import io.retune.text.ChatRenderer;
import io.retune.text.Tokenizer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;

/**
 * How long a sample's examples are, as the model's own tokenizer counts.
 *
 * @param tokens of each example that could be rendered, ascending
 * @param refused examples that the model's template refused
 * @param reason why it refused the first of them; empty if it refused none
 */
record Lengths(int[] tokens, int refused, String reason) {

  /**
   * @throws InvalidInputException if none of the examples can be rendered
   */
  static Lengths of(Shape shape, List<Shape.Example> examples, Path model) {
    return shape.isDocuments() ? documents(examples, model) : chats(examples, model);
  }

  private static Lengths documents(List<Shape.Example> examples, Path model) {
    try (Tokenizer tokenizer = Tokenizer.open(model)) {
      return new Lengths(
          examples.stream()
              .mapToInt(example -> tokenizer.encodeDocument(example.text()).length)
              .sorted()
              .toArray(),
          0,
          "");
    }
  }

  private static Lengths chats(List<Shape.Example> examples, Path model) {
    List<Integer> tokens = new ArrayList<>();
    List<InvalidInputException> refused = new ArrayList<>();
    try (ChatRenderer renderer = ChatRenderer.open(model)) {
      for (Shape.Example example : examples) {
        try {
          tokens.add(renderer.render(example.chat()).inputIds().length);
        } catch (InvalidInputException e) {
          refused.add(e);
        }
      }
    }
    if (tokens.isEmpty()) {
      throw refused.get(0);
    }
    String reason = refused.isEmpty() ? "" : refused.get(0).problems().get(0).message();
    return new Lengths(
        tokens.stream().mapToInt(Integer::intValue).sorted().toArray(), refused.size(), reason);
  }

  int longest() {
    return tokens[tokens.length - 1];
  }

  /** The length that a share of the examples does not exceed. */
  int quantile(double share) {
    return tokens[(int) Math.min(tokens.length - 1L, (long) (share * tokens.length))];
  }

  /** Share of the examples that have at most so many tokens. */
  double shareUpTo(int most) {
    return (double) Arrays.stream(tokens).filter(t -> t <= most).count() / tokens.length;
  }

  /** Tokens that a plan of so many steps packs of those that fit, one pass after the other. */
  long packed(int tokensPerMicroBatch, int microBatches, int steps) {
    List<Integer> fitting =
        Arrays.stream(tokens).filter(t -> t <= tokensPerMicroBatch).boxed().collect(toList());
    Collections.shuffle(fitting, new Random(0));
    Packing<Integer> packing = new Packing<>(microBatches, tokensPerMicroBatch, true);
    long packed = 0;
    int full = 0;
    for (int i = 0; full < steps; i++) {
      int length = fitting.get(i % fitting.size());
      if (!packing.offer(length, length)) {
        full++;
        packed += packing.close().stream().flatMap(List::stream).mapToInt(t -> t).sum();
        packing.offer(length, length);
      }
    }
    return packed;
  }

  /** Mean of those that have at most so many tokens. */
  double meanUpTo(int most) {
    return Arrays.stream(tokens).filter(t -> t <= most).average().orElse(0);
  }
}
