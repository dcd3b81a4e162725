package io.retune.init;

import io.retune.config.ErrorCode;
import io.retune.config.InvalidInputException;
import io.retune.config.SourceSpec;
import io.retune.model.ModelConfig;
import io.retune.store.Json;
import io.retune.store.Sha256;
import io.retune.store.Unpacked;
import io.retune.train.Machine;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Supplier;
import org.apache.spark.sql.SparkSession;

/**
 * A first configuration for a user's own file: what the file is, how its rows become examples, and
 * sizes that fit it and this machine, each with its reason.
 */
public final class FirstConfiguration {
  /** Between two checkpoints. */
  private static final int MOST_STEPS_LOST = 100;

  private final String name;
  private final DataFile file;
  private final Shape shape;
  private final Lengths lengths;
  private final FirstSizes sizes;
  private final int usable;

  private FirstConfiguration(
      String name, DataFile file, Shape shape, Lengths lengths, FirstSizes sizes, int usable) {
    this.name = name;
    this.file = file;
    this.shape = shape;
    this.lengths = lengths;
    this.sizes = sizes;
    this.usable = usable;
  }

  /**
   * Looks at the whole file, and at a sample of it with the model's tokenizer.
   *
   * @param spark asked for where the file is Parquet
   * @param modelDirectory configuration, tokenizer and template of the model; no weights
   * @throws InvalidInputException if the file is of no shape that is understood, none of its rows
   *     can be rendered, or they are too few
   */
  public static FirstConfiguration of(
      Path data, Supplier<SparkSession> spark, Path modelDirectory, Machine machine) {
    DataFile file = DataFile.read(data, spark);
    Shape shape = Shapes.of(file);
    List<Shape.Example> examples =
        file.sample().stream().map(shape.reader()::read).flatMap(Optional::stream).toList();
    if (examples.isEmpty()) {
      throw InvalidInputException.of(
          ErrorCode.NOTHING_TO_LEARN,
          "--data " + data,
          "is taken for " + shape.title() + ", but has no row with something to train on.",
          "Check that these columns are filled.");
    }
    Lengths lengths = Lengths.of(shape, examples, modelDirectory);
    try {
      ModelConfig model = ModelConfig.read(modelDirectory.resolve("config.json"));
      FirstSizes sizes = FirstSizes.of(file, examples, lengths, model, machine);
      return new FirstConfiguration(nameOf(data), file, shape, lengths, sizes, examples.size());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Of the recipe and its dataset: the file's, in letters that both may have. */
  static String nameOf(Path data) {
    String stem =
        Unpacked.uncompressed(data.getFileName().toString().toLowerCase(Locale.ROOT))
            .replaceFirst("\\.[^.]*$", "");
    String name = stem.replaceAll("[^a-z0-9_-]+", "-").replaceAll("^[^a-z0-9]+|-+$", "");
    return name.isEmpty() ? "data" : name.substring(0, Math.min(60, name.length()));
  }

  public String name() {
    return name;
  }

  /** For people: what the file was taken for. */
  public String taken() {
    return "%s: %s, %,d rows".formatted(file.path().getFileName(), shape.title(), file.rows());
  }

  /** For programs: what was seen and chosen. */
  public Map<String, Object> facts() {
    Map<String, Object> facts = new TreeMap<>();
    facts.put("name", name);
    facts.put("shape", shape.title());
    facts.put("rows", file.rows());
    facts.put("longest_tokens", lengths.longest());
    facts.put("steps", sizes.steps());
    facts.put("micro_batches", sizes.microBatches());
    facts.put("tokens_per_micro_batch", sizes.tokensPerMicroBatch());
    return facts;
  }

  /** What the user should know before going on. */
  public List<String> warnings() {
    List<String> warnings = new ArrayList<>(shape.notes());
    int dropped = file.sample().size() - usable;
    if (dropped > 0) {
      warnings.add(
          "%,d of %,d rows looked at have nothing to train on; the transform usable drops such rows."
              .formatted(dropped, file.sample().size()));
    }
    if (lengths.refused() > 0) {
      warnings.add(
          "%,d of %,d rows looked at cannot be rendered, the first because it %s Drop such rows with a where before chat, or check will refuse them."
              .formatted(lengths.refused(), usable, lengths.reason()));
    }
    return warnings;
  }

  /**
   * The configuration's text.
   *
   * @param model with its digest
   * @param licence of the model; empty: not known
   */
  public String text(SourceSpec model, Optional<String> licence, Sha256 data) {
    StringBuilder out = new StringBuilder();
    out.append(head());
    out.append(model(model, licence));
    out.append(data(data));
    out.append(training());
    out.append(why());
    return out.toString();
  }

  private String head() {
    return """
    # Made by retune init. Everything here can change a weight; name, description, prompts and reasons do not.
    # conf/reference.conf of Retune explains every key.
    name = %s
    description = "A first run on %s"

    """
        .formatted(
            name.matches("true|false|null") ? Json.write(name) : name,
            text(file.path().getFileName().toString()));
  }

  private static String model(SourceSpec model, Optional<String> licence) {
    return """
    model {
      source = %s
      sha256 = %s
      %s
    }

    """
        .formatted(
            Json.write(model.source()),
            model.sha256(),
            licence
                .map(id -> "licence = " + Json.write(id))
                .orElse(
                    "# licence = Apache-2.0     # for the card of what is exported: say which it is"));
  }

  private String data(Sha256 sha256) {
    return """
    data {
      datasets.%s {
        source  = %s
        sha256  = %s
        format  = %s
        licence = unknown      # say which: an SPDX identifier such as CC-BY-4.0, or a name
        privacy = personal     # no text of a row is shown on a page or sent anywhere; public: it may be
      }

      prepare = [              # %s
    %s  ]
    }

    """
        .formatted(
            name,
            Json.write("file:" + file.path().toAbsolutePath().normalize()),
            sha256.hex(),
            file.format().name().toLowerCase(Locale.ROOT),
            shape.title(),
            prepare());
  }

  private String prepare() {
    StringBuilder out = new StringBuilder();
    shape.notes().forEach(note -> out.append("    # ").append(note).append('\n'));
    if (!shape.select().isEmpty()) {
      out.append("    { name = columns, select {\n");
      shape
          .select()
          .forEach(
              (column, sql) ->
                  out.append("        ")
                      .append(column)
                      .append(" = ")
                      .append(Json.write(sql))
                      .append('\n'));
      out.append("    } }\n");
    }
    transform(out, "usable", "where = " + Json.write(shape.where()), "");
    transform(out, "unique", "dedup = [" + String.join(", ", shape.unique()) + "]", "");
    transform(
        out,
        "held-out",
        "split = { evaluation = %s, by = %s, seed = %d }"
            .formatted(sizes.evaluation(), Json.write(shape.by()), sizes.splitSeed()),
        sizes.reasons().get("held-out"));
    transform(out, shape.isDocuments() ? "document" : "chat", "render = " + shape.render(), "");
    transform(
        out,
        "fits",
        "length = { max = " + sizes.tokensPerMicroBatch() + " }",
        "the longest that one micro-batch holds");
    return out.toString();
  }

  private static void transform(StringBuilder out, String name, String what, String why) {
    out.append("    { name = ").append(name).append(", ").append(what);
    out.append(why.isEmpty() ? "" : ", why = " + Json.write(why));
    out.append(" }\n");
  }

  private String training() {
    int steps = sizes.steps();
    boolean isLong = steps >= 50;
    return """
    order { seed = 42, steps = %d, micro-batches = %d, tokens-per-micro-batch = %d }     # or epochs = 3 in place of steps

    train {
      seed      = 42                                       # of the adapter's initialisation
      method    = { lora { rank = 16, alpha = 32, targets = all-linear } }
      optimizer = { adamw { lr = %s } }
      schedule  = %s
      evaluate-every   = %d steps
      checkpoint-every = %d steps
    }

    evaluation {
      split     = held-out
      bootstrap = { resamples = 1000, seed = 1 }
      %s
    }

    """
        .formatted(
            steps,
            sizes.microBatches(),
            sizes.tokensPerMicroBatch(),
            sizes.rate(),
            isLong ? "{ linear { warmup-steps = " + steps / 20 + " } }" : "{ constant {} }",
            Math.max(1, steps / 4),
            Math.max(1, Math.min(MOST_STEPS_LOST, steps / 4)),
            shape.isDocuments()
                ? "# prompts = [...]       # for models that know chats: messages to answer before and after"
                : "# prompts = [\"...\"]     # messages that are answered before and after training, to be read");
  }

  private String why() {
    SortedMap<String, String> reasons = new TreeMap<>(sizes.reasons());
    reasons.remove("held-out");
    reasons.put("train.evaluate-every", "shows the way down in quarters");
    reasons.put(
        "train.checkpoint-every",
        "what an interrupted run loses at most; each checkpoint takes room");
    if (sizes.steps() >= 50) {
      reasons.put("train.schedule", "the rate goes down before the run ends");
    }
    reasons.put("data.datasets." + name + ".privacy", "the careful choice until somebody looked");
    StringBuilder out = new StringBuilder("why {      # reasons for values set in this file\n");
    reasons.forEach(
        (key, why) ->
            out.append("  ")
                .append(Json.write(key))
                .append(" = ")
                .append(Json.write(why))
                .append('\n'));
    return out.append("}\n").toString();
  }

  /** Inside quotes. */
  private static String text(String text) {
    String quoted = Json.write(text);
    return quoted.substring(1, quoted.length() - 1);
  }
}
