package io.retune.config;

import io.retune.config.SuccessSpec.AtLeast;
import io.retune.config.TrainSpec.AdamW;
import io.retune.config.TrainSpec.Lora;
import io.retune.config.TrainSpec.Schedule;
import io.retune.config.TrainSpec.Schedule.Shape;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Pattern;

/** Binds a configuration's blocks to the recipe, in the order in which a reader meets them. */
final class RecipeBinder {
  static final Kind<Long> SEED = Kind.wholeNumber(0, CanonicalJson.LARGEST_WHOLE);
  static final Kind<Long> COUNT = Kind.wholeNumber(1, Integer.MAX_VALUE);

  /** Fewer hold no chat at all. */
  static final Kind<Long> TOKENS = Kind.wholeNumber(8, Integer.MAX_VALUE);

  private static final Kind<Long> FROM_ZERO = Kind.wholeNumber(0, Integer.MAX_VALUE);

  private static final Kind<String> NAME =
      Kind.text(
          ErrorCode.NOT_A_NAME,
          "Expected letters, digits, dots, - and _, such as gloss.",
          "is no name",
          Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,99}"));

  private static final Kind<String> SHA256 =
      Kind.text(
          ErrorCode.NOT_A_DIGEST,
          "Expected 64 lower-case hexadecimal digits; ./retune pin CONF writes it.",
          "is no SHA-256",
          SourceSpec.SHA256);

  private static final Kind<String> TEXT = Kind.text("Expected text.");

  private static final Kind<String> COLUMN =
      Kind.text(
          ErrorCode.NOT_A_NAME,
          "Expected the name of a column, such as pos.",
          "is no name",
          Pattern.compile("\\w+"));

  private static final Kind<List<String>> PROMPTS =
      Kind.names(
          ErrorCode.EMPTY_VALUE,
          "Expected a list of different messages such as [\"What is a harbor?\"].",
          Pattern.compile("(?s).*\\S.*"));

  private static final long DEFAULT_MAX_NEW_TOKENS = 48;

  /** What a configuration's file ends with, and no run. */
  private static final String CONFIGURATION = ".conf";

  private static final Kind<AtLeast> AT_LEAST = Kind.oneOf(List.of(AtLeast.values()));

  private static final Kind<String> LICENCE =
      Kind.text("Expected an SPDX identifier or a name, such as CC-BY-4.0.");

  /** In the model's order, as PEFT's all-linear takes them. */
  static final List<String> LINEAR_MODULES =
      List.of("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj");

  private static final long DEFAULT_SEED = 42;

  private final SortedMap<String, String> reasons = new TreeMap<>();
  private final TransformBinder transforms = new TransformBinder(reasons);

  /** Reasons that stand beside a list's element, by key. */
  SortedMap<String, String> reasons() {
    return reasons;
  }

  Recipe bind(Block root) {
    String name = root.requiredAside("name", NAME);
    String description = root.aside("description", TEXT).orElse("");
    Optional<String> parent = root.shown("extends", TEXT).map(named -> parent(root, named));
    SourceSpec model = source(root);
    Block measured = root.child("evaluation");
    DataSpec data = data(root, measured.shown("group-by", COLUMN));
    OrderSpec order = order(root);
    TrainSpec train = train(root, order);
    EvaluationSpec evaluation = evaluation(measured, data);
    root.attach("evaluation", measured, false);
    if (root.has("order")) {
      transforms.requireFit(order.tokensPerMicroBatch());
    }
    return new Recipe(name, description, parent, model, data, order, train, evaluation);
  }

  /** A configuration's path is as from the file that names it. */
  private static String parent(Block root, String named) {
    if (!named.endsWith(CONFIGURATION)) {
      return named;
    }
    Place place = root.place("extends");
    Path file = place.isOverride() ? Path.of(named) : Path.of(place.file()).resolveSibling(named);
    return file.normalize().toString();
  }

  private static SourceSpec source(Block root) {
    Block model = root.child("model");
    SourceSpec source = sourceIn(model, SourceForm.Use.MODEL);
    model.shown("licence", LICENCE);
    root.attach("model", model, false);
    return source;
  }

  private static SourceSpec sourceIn(Block block, SourceForm.Use use) {
    String source = block.required("source", SourceForm.kind(use));
    SourceForm.check(block, "source", source, use);
    return new SourceSpec(source, block.required("sha256", SHA256));
  }

  private DataSpec data(Block root, Optional<String> groupBy) {
    Block data = root.child("data");
    Block named = data.child("datasets");
    SortedMap<String, DatasetSpec> datasets = new TreeMap<>();
    for (Map.Entry<String, Block> entry : named.named().entrySet()) {
      if (!entry.getKey().matches("[a-z0-9][a-z0-9_-]{0,63}")) {
        named.problem(
            ErrorCode.NOT_A_NAME,
            entry.getKey(),
            "is no dataset's name.",
            "Expected lower-case letters, digits, - and _, such as wordnet.");
      }
      datasets.put(entry.getKey(), dataset(entry.getValue()));
      named.attach(entry.getKey(), entry.getValue(), false);
    }
    if (datasets.isEmpty()) {
      data.missing("datasets", "Expected datasets.NAME { source = ..., sha256 = ... }.");
    }
    data.attach("datasets", named, false);
    List<TransformSpec> prepare = transforms.bind(data, "prepare");
    if (data.has("prepare")) {
      transforms.requireSplitAndRender(data, "prepare", prepare);
    } else {
      data.missing("prepare", "Expected a list of transforms with a split and a render.");
    }
    root.attach("data", data, false);
    return new DataSpec(datasets, prepare, groupBy);
  }

  private DatasetSpec dataset(Block block) {
    SourceSpec origin = sourceIn(block, SourceForm.Use.DATASET);
    DatasetSpec.Format format = format(block, origin);
    Optional<Integer> version = block.optional("version", COUNT).map(Long::intValue);
    List<String> key =
        block.withDefault(
            "key",
            Kind.names(
                ErrorCode.NOT_A_NAME,
                "Expected a list of columns such as [id].",
                Pattern.compile("\\w+")),
            List.of());
    String licence = block.required("licence", LICENCE);
    String privacy =
        block.required(
            "privacy",
            Kind.text(
                "Expected a word such as public or personal; of what is not public no text is shown."));
    block.shown("show-texts", Kind.flag(), false);
    List<TransformSpec> prepare = transforms.bind(block, "prepare");
    transforms.refuseCommonParts(block, "prepare", prepare);
    return new DatasetSpec(origin, format, version, key, licence, privacy, prepare);
  }

  private static DatasetSpec.Format format(Block block, SourceSpec origin) {
    if (TableSource.parse(origin.source()).isEmpty()) {
      return block.required("format", Kind.oneOf(DatasetSpec.Format.OF_FILES));
    }
    if (block.take("format").isPresent()) {
      block.problem(
          ErrorCode.KEYS_CONFLICT,
          "format",
          "is given for a table.",
          "Leave it out: a table has its own columns.");
    }
    return DatasetSpec.Format.TABLE;
  }

  private static OrderSpec order(Block root) {
    Block order = root.child("order");
    long seed = order.withDefault("seed", SEED, DEFAULT_SEED);
    Optional<Integer> steps = order.optional("steps", COUNT).map(Long::intValue);
    Optional<Integer> epochs = order.optional("epochs", COUNT).map(Long::intValue);
    if (steps.isPresent() && epochs.isPresent()) {
      order.problem(
          ErrorCode.KEYS_CONFLICT,
          "epochs",
          "is given beside order.steps.",
          "Keep one of them; order.steps = null drops it.");
    } else if (steps.isEmpty() && epochs.isEmpty()) {
      order.missing("steps", "Expected steps = N, or epochs = N in its place.");
    }
    int microBatches = order.required("micro-batches", COUNT).intValue();
    int accumulate = order.withDefault("accumulate", COUNT, 1L).intValue();
    if (microBatches % accumulate != 0) {
      order.problem(
          ErrorCode.VALUES_CONTRADICT,
          "accumulate",
          "does not divide order.micro-batches = " + microBatches + ".",
          "Expected a divisor of it: each leaf of a step adds as many micro-batches.");
    }
    int tokens = order.required("tokens-per-micro-batch", TOKENS).intValue();
    boolean pack = order.withDefault("pack", Kind.flag(), true);
    root.attach("order", order, false);
    return new OrderSpec(seed, steps, epochs, microBatches, accumulate, tokens, pack);
  }

  private static TrainSpec train(Block root, OrderSpec order) {
    Block train = root.child("train");
    TrainSpec spec =
        new TrainSpec(
            train.withDefault("seed", SEED, DEFAULT_SEED),
            lora(train),
            adamW(train),
            schedule(train, order),
            train.withDefault("clip-norm", Kind.positive("1.0"), 1.0),
            train.withDefault("evaluate-every", Kind.steps(0), 0L).intValue(),
            train.withDefault("checkpoint-every", Kind.steps(1), 100L).intValue());
    train.withDefault("precision", Kind.oneOf(List.of("float32")), "float32");
    root.attach("train", train, false);
    return spec;
  }

  private static Lora lora(Block train) {
    Block method = train.child("method");
    method.choice(List.of("lora"), Optional.of("lora"), "");
    Block lora = method.child("lora");
    Lora spec =
        new Lora(
            lora.withDefault("rank", COUNT, 16L).intValue(),
            lora.withDefault("alpha", Kind.positive("32"), 32.0),
            lora.withDefault("targets", Kind.targets(LINEAR_MODULES), LINEAR_MODULES));
    method.attach("lora", lora, false);
    train.attach("method", method, false);
    return spec;
  }

  private static AdamW adamW(Block train) {
    Block optimizer = train.child("optimizer");
    optimizer.choice(List.of("adamw"), Optional.of("adamw"), "");
    Block adamw = optimizer.child("adamw");
    double lr = adamw.withDefault("lr", Kind.positive("2e-4"), 2e-4);
    List<Double> betas = adamw.withDefault("betas", Kind.betas(), List.of(0.9, 0.999));
    double eps = adamw.withDefault("eps", Kind.positive("1e-8"), 1e-8);
    Kind<Double> decay = Kind.number("a decimal of at least 0", "0.01", 0.0, d -> d >= 0);
    double weightDecay = adamw.withDefault("weight-decay", decay, 0.0);
    optimizer.attach("adamw", adamw, false);
    train.attach("optimizer", optimizer, false);
    return new AdamW(lr, betas.get(0), betas.get(1), eps, weightDecay);
  }

  private static Schedule schedule(Block train, OrderSpec order) {
    Block schedule = train.child("schedule");
    List<String> shapes = new ArrayList<>();
    for (Shape shape : Shape.values()) {
      shapes.add(Kind.word(shape));
    }
    String chosen = schedule.choice(shapes, Optional.of("constant"), "");
    Block shape = schedule.child(chosen);
    int warmupSteps = shape.withDefault("warmup-steps", FROM_ZERO, 0L).intValue();
    if (order.steps().isPresent() && warmupSteps > order.steps().get()) {
      shape.problem(
          ErrorCode.VALUES_CONTRADICT,
          "warmup-steps",
          "is more than order.steps = " + order.steps().get() + ".",
          "Expected at most as many steps as are trained.");
    }
    schedule.attach(chosen, shape, !chosen.equals("constant"));
    train.attach("schedule", schedule, false);
    return new Schedule(Shape.valueOf(chosen.toUpperCase(Locale.ROOT)), warmupSteps);
  }

  private static EvaluationSpec evaluation(Block evaluation, DataSpec data) {
    evaluation.aside("split", TEXT).ifPresent(split -> checkSplit(evaluation, split, data));
    Block bootstrap = evaluation.child("bootstrap");
    Kind<Long> resamples = Kind.wholeNumber(100, Integer.MAX_VALUE);
    Kind<Double> confidence =
        Kind.number("a fraction between 0 and 1", "0.95", 0.95, c -> c > 0 && c < 1);
    EvaluationSpec spec =
        new EvaluationSpec(
            bootstrap.withDefault("resamples", resamples, 1000L).intValue(),
            bootstrap.withDefault("seed", SEED, 1L),
            bootstrap.withDefault("confidence", confidence, 0.95),
            evaluation.shown("prompts", PROMPTS).orElse(List.of()),
            evaluation.shown("max-new-tokens", COUNT, DEFAULT_MAX_NEW_TOKENS).intValue(),
            success(evaluation, data));
    evaluation.attach("bootstrap", bootstrap, false);
    return spec;
  }

  private static SuccessSpec success(Block evaluation, DataSpec data) {
    Block success = evaluation.child("success");
    SuccessSpec spec =
        new SuccessSpec(
            success.optional("verdict", AT_LEAST),
            success.optional("loss-at-most", Kind.positive("3.2")),
            success.optional("each-group", AT_LEAST));
    if (spec.eachGroup().isPresent() && data.groupBy().isEmpty()) {
      success.problem(
          ErrorCode.VALUES_CONTRADICT,
          "each-group",
          "is said, and there are no groups.",
          "Name their column under evaluation.group-by, or leave it out.");
    }
    if (!spec.isEmpty()) {
      evaluation.attach("success", success, false);
    }
    return spec;
  }

  private static void checkSplit(Block evaluation, String split, DataSpec data) {
    List<String> splits =
        data.prepare().stream()
            .filter(TransformSpec.Split.class::isInstance)
            .map(TransformSpec::name)
            .toList();
    if (!splits.isEmpty() && !splits.contains(split)) {
      evaluation.problem(
          ErrorCode.VALUES_CONTRADICT,
          "split",
          "is no split of data.prepare.",
          "Expected " + String.join(" or ", splits) + ".");
    }
  }
}
