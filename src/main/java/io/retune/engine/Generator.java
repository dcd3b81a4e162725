package io.retune.engine;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.jni.TorchScriptModule;
import com.fasterxml.jackson.annotation.JsonProperty;
import io.retune.model.ModelConfig;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * Continues prompts greedily, the likeliest token at a time, on one thread. The tokens of a prompt
 * depend on the prompt, the adapter and the numerics; not on the prompts that go with it.
 */
public final class Generator implements AutoCloseable {
  /**
   * Sequences that are continued side by side. Each product has as many rows, used or not, since
   * its height may decide how it rounds. With SmolLM2-135M a step of four rows takes 1.5 times the
   * CPU of one row, so four sequences take 0.4 of what they take one after the other; eight rows
   * twice that of one row, which is long for a single prompt.
   */
  static final int ROWS = 4;

  private final Decoder decoder;
  private final ModelConfig config;
  private final PtNDManager manager;
  private final TorchScriptModule kernels;
  private final AdapterVector parameters;

  Generator(Decoder decoder, PtNDManager manager) {
    TorchScriptModule.prepareThread();
    this.decoder = decoder;
    this.config = decoder.config();
    this.manager = manager;
    this.kernels = Kernels.compileWith(manager, Kernels.Products.ofThisMachine(), "generate.ts");
    this.parameters = new AdapterVector(manager, decoder.layout(), config.layers());
  }

  /** Why a continuation ended. */
  public enum Stop {
    /** The model gave one of the ids that end a turn. */
    @JsonProperty("end-of-turn")
    END_OF_TURN,
    /** It has as many tokens as were asked for. */
    @JsonProperty("limit")
    LIMIT,
    /** The model's context is full. */
    @JsonProperty("context")
    CONTEXT
  }

  /**
   * What was generated behind a prompt.
   *
   * @param ids new tokens, without the one that ended the turn
   */
  public record Continuation(int[] ids, Stop stopped) {}

  /**
   * Continues each prompt; of tokens that are equally likely the one with the smallest id.
   *
   * @param prompts token ids, at least one each; a prompt that fills the context is not continued
   * @param adapter float32, in the layout's order; where its B matrices are zero, this is the
   *     untouched model
   * @param limit of new tokens, at least 1
   * @param stopIds that end a continuation
   * @throws IllegalArgumentException if a prompt is empty or the limit is below 1
   * @throws IllegalStateException if the thread is interrupted, or the model gives no numbers
   */
  public List<Continuation> generate(
      List<int[]> prompts, float[] adapter, int limit, Set<Integer> stopIds) {
    if (limit < 1 || prompts.stream().anyMatch(prompt -> prompt.length == 0)) {
      throw new IllegalArgumentException("Nothing to continue, or not by " + limit + " tokens");
    }
    parameters.set(adapter);
    List<Continuation> continuations = new ArrayList<>();
    for (int first = 0; first < prompts.size(); first += ROWS) {
      List<Sequence> sequences =
          prompts.subList(first, Math.min(first + ROWS, prompts.size())).stream()
              .map(prompt -> new Sequence(prompt, limit, stopIds))
              .toList();
      try (PtNDManager scope = (PtNDManager) manager.newSubManager()) {
        new SideBySide(scope, sequences).run();
      }
      sequences.forEach(sequence -> continuations.add(sequence.continuation()));
    }
    return continuations;
  }

  /** A prompt and what has been generated behind it. */
  private final class Sequence {
    private final int[] prompt;
    private final int[] ids;
    private final int limit;
    private final Set<Integer> stopIds;
    private int generated;
    private Optional<Stop> stopped = Optional.empty();

    Sequence(int[] prompt, int limit, Set<Integer> stopIds) {
      this.prompt = prompt;
      this.ids = new int[Math.min(limit, Math.max(0, config.contextTokens() - prompt.length))];
      this.limit = limit;
      this.stopIds = stopIds;
      if (ids.length == 0) {
        stopped = Optional.of(Stop.CONTEXT);
      }
    }

    boolean goesOn() {
      return stopped.isEmpty();
    }

    void add(int id) {
      if (stopIds.contains(id)) {
        stopped = Optional.of(Stop.END_OF_TURN);
        return;
      }
      ids[generated++] = id;
      if (generated == ids.length) {
        stopped = Optional.of(generated == limit ? Stop.LIMIT : Stop.CONTEXT);
      }
    }

    int last() {
      return ids[generated - 1];
    }

    /** Position of the last token, and the number of those before it. */
    int at() {
      return prompt.length + generated - 1;
    }

    int mostTokens() {
      return prompt.length + ids.length;
    }

    Continuation continuation() {
      return new Continuation(Arrays.copyOf(ids, generated), stopped.orElseThrow());
    }
  }

  /** Up to {@link #ROWS} sequences with their cache, a row each. */
  private final class SideBySide {
    private final PtNDManager scope;
    private final List<Sequence> sequences;
    private final NDArray[] cache;

    SideBySide(PtNDManager scope, List<Sequence> sequences) {
      this.scope = scope;
      this.sequences = sequences;
      int most =
          sequences.stream()
              .filter(Sequence::goesOn)
              .mapToInt(Sequence::mostTokens)
              .max()
              .orElse(0);
      // [rows, keys and values, key/value heads, tokens, head width], a layer each.
      Shape shape =
          new Shape(sequences.size(), 2, config.keyValueHeads(), most, config.headWidth());
      this.cache =
          IntStream.range(0, config.layers())
              .mapToObj(layer -> scope.create(shape, DataType.FLOAT32))
              .toArray(NDArray[]::new);
    }

    void run() {
      NDArray x = behindPrompts();
      while (choose(x)) {
        if (Thread.currentThread().isInterrupted()) {
          throw new IllegalStateException("Interrupted");
        }
        x.close();
        x = behindTokens();
      }
    }

    /** Hidden states behind each prompt's last token: float32 [ROWS, width]. */
    private NDArray behindPrompts() {
      NDArray last = scope.zeros(new Shape(ROWS, config.width()));
      FloatBuffer rows = last.toByteBuffer(true).asFloatBuffer();
      for (int row = 0; row < sequences.size(); row++) {
        if (sequences.get(row).goesOn()) {
          int[] prompt = sequences.get(row).prompt;
          try (NDArray x = behindPrompt(prompt, row)) {
            FloatBuffer all = x.toByteBuffer(true).asFloatBuffer();
            int width = config.width();
            rows.put(row * width, all, (prompt.length - 1) * width, width);
          }
        }
      }
      return last;
    }

    /** float32 [tokens, width]. */
    private NDArray behindPrompt(int[] prompt, int row) {
      return layers(
          prompt,
          IntStream.range(0, prompt.length).toArray(),
          (layer, x, angles) -> layer("prompt_layer", layer, x, angles, row));
    }

    /** Hidden states behind each sequence's last token: float32 [ROWS, width]. */
    private NDArray behindTokens() {
      int[] ids = new int[ROWS];
      int[] positions = new int[ROWS];
      long[] at = new long[ROWS];
      Arrays.fill(at, -1);
      for (int row = 0; row < sequences.size(); row++) {
        Sequence sequence = sequences.get(row);
        if (sequence.goesOn()) {
          ids[row] = sequence.last();
          positions[row] = sequence.at();
          at[row] = sequence.at();
        }
      }
      return layers(
          ids, positions, (layer, x, angles) -> layer("token_layer", layer, x, angles, at));
    }

    private NDArray layers(int[] ids, int[] positions, OneLayer one) {
      try (PtNDManager inputs = (PtNDManager) scope.newSubManager()) {
        Angles angles = Angles.of(inputs, config.rope(), positions);
        NDArray indices = Kernels.indices(inputs, ids);
        NDArray x = kernels.call(scope, "embed", indices, decoder.embedding())[0];
        for (int layer = 0; layer < config.layers(); layer++) {
          NDArray y = one.of(layer, x, angles);
          x.close();
          x = y;
        }
        return x;
      }
    }

    private NDArray layer(String kernel, int layer, NDArray x, Angles angles, Object rows) {
      return kernels
          .call(
              scope,
              kernel,
              x,
              angles.cos(),
              angles.sin(),
              decoder.layer(layer),
              parameters.layer(layer),
              cache[layer],
              rows,
              config.heads(),
              config.keyValueHeads(),
              config.headWidth(),
              decoder.loraScale(),
              config.rmsEpsilon())[0];
    }

    /** Adds a token to each sequence that goes on; false when none goes on any more. */
    private boolean choose(NDArray x) {
      if (sequences.stream().noneMatch(Sequence::goesOn)) {
        return false;
      }
      try (NDArray logits =
          kernels
              .call(scope, "logits", x, decoder.norm(), decoder.head(), config.rmsEpsilon())[0]) {
        FloatBuffer all = logits.toByteBuffer(true).asFloatBuffer();
        float[] own = new float[config.vocabulary()];
        for (int row = 0; row < sequences.size(); row++) {
          if (sequences.get(row).goesOn()) {
            all.get(row * own.length, own);
            sequences.get(row).add(largest(own));
          }
        }
      }
      return sequences.stream().anyMatch(Sequence::goesOn);
    }
  }

  /** A layer's hidden states from those below it. */
  private interface OneLayer {
    NDArray of(int layer, NDArray x, Angles angles);
  }

  /** The first of the largest. */
  private static int largest(float[] logits) {
    int largest = 0;
    for (int id = 0; id < logits.length; id++) {
      if (Float.isNaN(logits[id])) {
        throw new IllegalStateException("The logit of token " + id + " is not a number");
      }
      if (logits[id] > logits[largest]) {
        largest = id;
      }
    }
    return largest;
  }

  @Override
  public void close() {
    kernels.close();
    manager.close();
  }
}
