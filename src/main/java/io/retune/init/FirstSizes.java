package io.retune.init;

import io.retune.config.ErrorCode;
import io.retune.config.InvalidInputException;
import io.retune.dataset.Transforms;
import io.retune.model.ModelConfig;
import io.retune.train.Machine;
import java.util.List;
import java.util.Locale;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * How much of a user's data a first run sees, and in what portions.
 *
 * @param reasons by configuration key
 */
record FirstSizes(
    int tokensPerMicroBatch,
    int microBatches,
    int steps,
    double learningRate,
    double evaluation,
    long splitSeed,
    SortedMap<String, String> reasons) {
  /** Passes over the data after which small adapters have mostly learnt what they will. */
  private static final int EPOCHS = 3;

  /** Fewer updates than this, and the first of them still decide. */
  private static final int LEAST_STEPS = 10;

  /** A first run is to be looked at, then to be made longer. */
  private static final int MOST_STEPS = 1000;

  /** With fewer steps than this a step is to be made smaller before it is made rarer. */
  private static final int GOOD_STEPS = 20;

  private static final int USUAL_MICRO_BATCHES = 8;
  private static final int MOST_MICRO_BATCHES = 64;

  /** Below it the work of a micro-batch is lost beside its overhead. */
  private static final int LEAST_TOKENS = 256;

  private static final int MOST_TOKENS = 4096;

  /** Of training, forward and backward: half of what the quickstart reaches on a server's core. */
  private static final double FLOPS_PER_CORE = 1e11;

  private static final int SECONDS = 3600;

  /** Held-out examples beyond this make the verdict hardly sharper. */
  private static final int HELD_OUT = 1000;

  private static final int FIRST_SEED = 7;
  private static final int SEEDS = 10_000;

  FirstSizes {
    reasons = new TreeMap<>(reasons);
  }

  static FirstSizes of(
      DataFile file,
      List<Shape.Example> examples,
      Lengths lengths,
      ModelConfig model,
      Machine machine) {
    SortedMap<String, String> reasons = new TreeMap<>();
    long usable =
        Math.max(1, Math.round((double) file.rows() * examples.size() / file.sample().size()));
    int tokens = tokensPerMicroBatch(file, lengths, model, machine, reasons);
    double evaluation = evaluation(usable, reasons);
    double trained =
        usable * (1 - evaluation) * lengths.shareUpTo(tokens) * lengths.meanUpTo(tokens);
    double perMicroBatch = filled(tokens, lengths.meanUpTo(tokens));
    int microBatches = microBatches(trained, perMicroBatch, machine, reasons);
    long wanted = Math.round(EPOCHS * trained / (microBatches * perMicroBatch));
    long most = mostSteps(microBatches * perMicroBatch, model, machine);
    int steps = (int) Math.max(LEAST_STEPS, Math.min(wanted, most));
    long splitSeed = splitSeed(file, examples, evaluation);
    double perPass =
        trained / (1 - evaluation) * trainedShare(file, examples, evaluation, splitSeed);
    double perStep = lengths.packed(tokens, microBatches, steps) / (double) steps;
    reasons.put("order.steps", reason(wanted, most, steps, perPass / perStep));
    return new FirstSizes(
        tokens, microBatches, steps, learningRate(steps, reasons), evaluation, splitSeed, reasons);
  }

  private static int tokensPerMicroBatch(
      DataFile file,
      Lengths lengths,
      ModelConfig model,
      Machine machine,
      SortedMap<String, String> reasons) {
    int most = Math.min(MOST_TOKENS, Integer.highestOneBit(model.contextTokens()));
    while (most > LEAST_TOKENS
        && 2 * activationBytes(model) * most * machine.cores() > machine.memoryBytes()) {
      most /= 2;
    }
    int whole = powerAtLeast(lengths.longest());
    int nearlyAll = powerAtLeast(lengths.quantile(0.99));
    int wanted = whole <= 2 * nearlyAll ? whole : nearlyAll;
    int tokens = Math.min(most, Math.max(wanted, Math.min(LEAST_TOKENS, most)));
    double share = lengths.shareUpTo(tokens);
    if (share == 0) {
      throw InvalidInputException.of(
          ErrorCode.EXAMPLE_TOO_LONG,
          "--data " + file.path(),
          "has no example of at most %d tokens, the most for this model on this machine; the shortest of %d has %d."
              .formatted(tokens, lengths.tokens().length, lengths.tokens()[0]),
          "Cut the texts into shorter rows.");
    }
    reasons.put(
        "order.tokens-per-micro-batch",
        "holds %s of %,d examples measured: half have at most %d tokens, the longest %d"
            .formatted(
                share == 1 ? "each" : "%.1f %%".formatted(100 * share),
                lengths.tokens().length,
                lengths.quantile(0.5),
                lengths.longest()));
    return tokens;
  }

  private static int powerAtLeast(int tokens) {
    return tokens <= 1 ? 1 : Integer.highestOneBit(tokens - 1) << 1;
  }

  /** Of one token, kept from the way forward for the way back: a rough measure. */
  private static double activationBytes(ModelConfig model) {
    return 4.0 * model.layers() * (8.0 * model.width() + 4.0 * model.feedForward());
  }

  /** Tokens that packing puts into a micro-batch at most, of examples of some length. */
  private static double filled(int tokens, double mean) {
    return mean > tokens / 2.0 ? mean : tokens * 0.95;
  }

  private static double evaluation(long examples, SortedMap<String, String> reasons) {
    double share = examples < 200 ? 0.2 : 0.1;
    if (examples * share > HELD_OUT) {
      share = Math.max(0.001, Math.round(1000.0 * HELD_OUT / examples) / 1000.0);
    }
    reasons.put(
        "held-out",
        "about %,d of %,d examples".formatted(Math.max(1, Math.round(examples * share)), examples));
    return share;
  }

  private static int microBatches(
      double tokens, double perMicroBatch, Machine machine, SortedMap<String, String> reasons) {
    int cores = machine.cores();
    int usual = Math.min(MOST_MICRO_BATCHES, (USUAL_MICRO_BATCHES + cores - 1) / cores * cores);
    double inAll = EPOCHS * tokens / perMicroBatch;
    int most = (int) Math.min(usual, inAll / GOOD_STEPS);
    if (most < cores && inAll >= (double) cores * LEAST_STEPS) {
      most = cores;
    }
    if (most < usual) {
      reasons.put(
          "order.micro-batches",
          "fewer than usual, since there is little data: more steps are better than larger ones");
      return Math.max(1, most >= cores ? most / cores * cores : most);
    }
    reasons.put(
        "order.micro-batches",
        usual % cores == 0
            ? "a multiple of the %d cores here, so that no lane idles".formatted(cores)
            : "enough for a steady gradient");
    return usual;
  }

  private static long mostSteps(double perStep, ModelConfig model, Machine machine) {
    double secondsPerStep = perStep * 6.0 * model.parameters() / (machine.cores() * FLOPS_PER_CORE);
    return Math.min(MOST_STEPS, Math.max(LEAST_STEPS, (long) (SECONDS / secondsPerStep)));
  }

  private static String reason(long wanted, long most, int steps, double stepsPerPass) {
    String sees = "about %.1f passes over the data".formatted(steps / stepsPerPass);
    return wanted > most
        ? sees
            + ", so that a first run takes no more than about an hour; %d passes are %,d steps"
                .formatted(EPOCHS, Math.round(EPOCHS * stepsPerPass))
        : sees + (wanted < LEAST_STEPS ? ": fewer steps would hardly change the model" : "");
  }

  /** Of the examples; known where all of them were looked at. */
  private static double trainedShare(
      DataFile file, List<Shape.Example> examples, double evaluation, long seed) {
    if (file.isLongerThanSample()) {
      return 1 - evaluation;
    }
    long held =
        examples.stream().filter(e -> Transforms.isHeldOut(evaluation, seed, e.by())).count();
    return 1 - (double) held / examples.size();
  }

  private static double learningRate(int steps, SortedMap<String, String> reasons) {
    double rate = steps < 50 ? 5e-4 : 2e-4;
    reasons.put(
        "train.optimizer.adamw.lr",
        steps < 50
            ? "higher than the usual 2e-4, since there are few steps"
            : "the usual rate for adapters of this rank");
    return rate;
  }

  /** The first that leaves both parts of a small file filled; of a large one any does. */
  private static long splitSeed(DataFile file, List<Shape.Example> examples, double evaluation) {
    if (file.isLongerThanSample()) {
      return FIRST_SEED;
    }
    List<String> by = examples.stream().map(Shape.Example::by).distinct().toList();
    long least = Math.max(1, (long) (by.size() * evaluation / 2));
    long most = Math.max(1, (long) Math.ceil(by.size() * evaluation * 1.5));
    for (long seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
      long at = seed;
      long held = by.stream().filter(b -> Transforms.isHeldOut(evaluation, at, b)).count();
      if (held >= least && held <= most && held < by.size()) {
        return seed;
      }
    }
    throw InvalidInputException.of(
        ErrorCode.NO_ROWS,
        "--data " + file.path(),
        by.size() == 1 ? "has one example, or the same question in each." : "has too few examples.",
        "Give at least two different ones: one to train on, one to hold out.");
  }

  /** As a recipe writes it. */
  String rate() {
    return learningRate == 5e-4
        ? "5e-4"
        : String.format(Locale.ROOT, "%.0e", learningRate).replace("e-0", "e-");
  }
}
