package io.retune.plan;

import static org.apache.spark.sql.functions.col;

import io.retune.config.ErrorCode;
import io.retune.config.InvalidInputException;
import io.retune.config.OrderSpec;
import io.retune.dataset.FrozenTable;
import io.retune.dataset.Preparation;
import io.retune.dataset.Snapshot;
import io.retune.store.Json;
import io.retune.store.Sha256;
import io.retune.store.Store;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Snapshots to {@link Plan}s: {@code plans/KEY/} with the packed parts, {@code plan.json} and the
 * Delta table {@code ledger}: which example is where. Its columns: {@code split} ({@code train},
 * {@code evaluation}), {@code epoch} and {@code step} (from 1; both 0 in the evaluation), {@code
 * micro_batch} (index in the plan, from 0), {@code slot} (place in the micro-batch, from 0), {@code
 * token_offset} (of its first token in the micro-batch), {@code tokens}, {@code target_tokens},
 * {@code example_id}.
 */
public final class Planner {
  /** Of order, packing and parts; a change that can change a plan raises it. */
  private static final int VERSION = 2;

  private static final Logger LOG = LoggerFactory.getLogger(Planner.class);

  private static final StructType LEDGER =
      new StructType()
          .add("split", DataTypes.StringType)
          .add("epoch", DataTypes.IntegerType)
          .add("step", DataTypes.IntegerType)
          .add("micro_batch", DataTypes.LongType)
          .add("slot", DataTypes.IntegerType)
          .add("token_offset", DataTypes.IntegerType)
          .add("tokens", DataTypes.IntegerType)
          .add("target_tokens", DataTypes.IntegerType)
          .add("example_id", DataTypes.StringType);

  /** Ledger rows that one partition of the join takes. */
  private static final int ROWS_PER_PARTITION = 50_000;

  private final SparkSession spark;
  private final Store store;

  public Planner(SparkSession spark, Store store) {
    this.spark = spark;
    this.store = store;
  }

  /**
   * Plans, or finds what was planned before from the same snapshot and order.
   *
   * @throws InvalidInputException if an example is longer than a micro-batch; nothing is written
   *     then
   * @throws io.retune.store.DamagedFileException if the snapshot, or what was planned before, was
   *     changed
   */
  public Plan planFor(Snapshot snapshot, OrderSpec order) {
    String key = key(snapshot, order);
    Path folder = store.path("plans", key);
    if (!store.exists(new Path(folder, PlanReader.MANIFEST))) {
      make(snapshot, order, key, folder);
    }
    return PlanReader.open(store, key).plan();
  }

  /** The plan's ledger, with the columns listed above. */
  public static Dataset<Row> ledger(SparkSession spark, Store store, Plan plan) {
    return FrozenTable.read(spark, store.path("plans", plan.key(), "ledger"));
  }

  private static String key(Snapshot snapshot, OrderSpec order) {
    return Sha256.of(
            Json.write(
                Map.of(
                    "planner", VERSION,
                    "snapshot", snapshot.key(),
                    "root", snapshot.root().hex(),
                    "seed", order.seed(),
                    "steps", order.steps().orElse(0),
                    "epochs", order.epochs().orElse(0),
                    "microBatches", order.microBatches(),
                    "accumulate", order.accumulate(),
                    "tokensPerMicroBatch", order.tokensPerMicroBatch(),
                    "pack", order.pack())))
        .hex();
  }

  private void make(Snapshot snapshot, OrderSpec order, String key, Path folder) {
    Preparation.requireUnchanged(spark, store, snapshot);
    Dataset<Row> examples = Preparation.examples(spark, store, snapshot);
    List<Example> training = new ArrayList<>();
    List<Example> evaluation = new ArrayList<>();
    for (Row row :
        examples
            .select("split", "example_id", "digest", "tokens", "target_tokens")
            .collectAsList()) {
      (row.getString(0).equals("train") ? training : evaluation)
          .add(new Example(row.getString(1), row.getString(2), row.getInt(3), row.getInt(4)));
    }
    requireFitting(training, evaluation, order.tokensPerMicroBatch());
    Layout trained = Layout.training(training, order);
    Layout evaluated = Layout.evaluation(evaluation, order);
    requireTargets(trained, evaluated);
    Path staged = store.stage(folder);
    try {
      Plan plan = write(snapshot, order, key, staged, examples, trained, evaluated);
      store.write(
          new Path(staged, PlanReader.MANIFEST),
          (Json.pretty(plan) + "\n").getBytes(StandardCharsets.UTF_8));
      store.publish(staged, folder);
      LOG.info(
          "event=plan-published key={} root={} steps={} micro_batches={}",
          key,
          plan.root(),
          plan.steps().size(),
          trained.places().size());
    } finally {
      store.delete(staged);
    }
  }

  private static void requireFitting(
      List<Example> training, List<Example> evaluation, int tokensPerMicroBatch) {
    List<Example> all = new ArrayList<>(training);
    all.addAll(evaluation);
    long tooLong = all.stream().filter(e -> e.tokens() > tokensPerMicroBatch).count();
    if (tooLong > 0) {
      int longest = all.stream().mapToInt(Example::tokens).max().orElseThrow();
      throw InvalidInputException.of(
          ErrorCode.EXAMPLE_TOO_LONG,
          "order.tokens-per-micro-batch",
          tooLong
              + (tooLong == 1 ? " example has" : " examples have")
              + " more than "
              + tokensPerMicroBatch
              + " tokens, the longest "
              + longest
              + ".",
          "Set it to at least "
              + longest
              + ", or drop long examples behind render with { name = short, length = { max = "
              + tokensPerMicroBatch
              + " } }.");
    }
  }

  private static void requireTargets(Layout training, Layout evaluation) {
    if (evaluation.steps().stream().allMatch(step -> step.targetTokens() == 0)) {
      throw InvalidInputException.of(
          ErrorCode.NOTHING_TO_LEARN,
          "order",
          "the evaluation has no trained token, so nothing of it can be scored.",
          "Train at least one message of each chat, with train = true.");
    }

    for (int step = 0; step < training.steps().size(); step++) {
      if (training.steps().get(step).targetTokens() == 0) {
        throw InvalidInputException.of(
            ErrorCode.NOTHING_TO_LEARN,
            "order",
            "step " + (step + 1) + " has no trained token.",
            "Train at least one message of each chat, with train = true.");
      }
    }
  }

  private Plan write(
      Snapshot snapshot,
      OrderSpec order,
      String key,
      Path staged,
      Dataset<Row> examples,
      Layout trained,
      Layout evaluated) {
    List<Row> trainingRows = ledger("train", trained);
    List<Row> evaluationRows = ledger("evaluation", evaluated);
    List<Row> all = new ArrayList<>(trainingRows);
    all.addAll(evaluationRows);
    spark
        .createDataFrame(all, LEDGER)
        .coalesce(1)
        .write()
        .format("delta")
        .option("delta.enableDeletionVectors", "false")
        .save(new Path(staged, "ledger").toString());
    int tokens = order.tokensPerMicroBatch();
    List<Plan.Part> training = parts("training", staged, examples, trained, trainingRows, tokens);
    List<Plan.Part> evaluation =
        parts("evaluation", staged, examples, evaluated, evaluationRows, tokens);
    List<Example> scored =
        evaluated.places().stream().flatMap(List::stream).map(Layout.Place::example).toList();
    return new Plan(
            key,
            root(trained.steps(), training, evaluation),
            snapshot.root(),
            tokens,
            trained.steps(),
            training,
            evaluation,
            scored.stream().map(Example::id).toList(),
            scored.stream().mapToInt(Example::targetTokens).toArray(),
            groups(examples, scored),
            scored(scored),
            "")
        .sealed();
  }

  private static String scored(List<Example> examples) {
    return Sha256.of(
            examples.stream()
                .map(Example::digest)
                .sorted()
                .collect(Collectors.joining("\n", "", "\n")))
        .hex();
  }

  /** Of the evaluated examples, in their order; none when the snapshot has no groups. */
  private static List<String> groups(Dataset<Row> examples, List<Example> scored) {
    if (!List.of(examples.columns()).contains(Preparation.GROUP)) {
      return List.of();
    }
    Map<String, String> groups = new HashMap<>();
    examples
        .filter(col("split").equalTo("evaluation"))
        .select("example_id", Preparation.GROUP)
        .collectAsList()
        .forEach(row -> groups.put(row.getString(0), row.getString(1)));
    return scored.stream().map(example -> groups.get(example.id())).toList();
  }

  /** Of what a run computes with, and not of the store's own ids: the same in every store. */
  static Sha256 root(List<Plan.Step> steps, List<Plan.Part> training, List<Plan.Part> evaluation) {
    return Sha256.of(
        Json.write(Map.of("steps", steps, "training", training, "evaluation", evaluation)));
  }

  private static List<Row> ledger(String split, Layout layout) {
    List<Row> rows = new ArrayList<>();
    int step = 0;
    for (int microBatch = 0; microBatch < layout.places().size(); microBatch++) {
      while (step + 1 < layout.steps().size()
          && layout.steps().get(step + 1).first() <= microBatch) {
        step++;
      }
      int slot = 0;
      int offset = 0;
      for (Layout.Place place : layout.places().get(microBatch)) {
        Example example = place.example();
        rows.add(
            RowFactory.create(
                split,
                place.epoch(),
                split.equals("train") ? step + 1 : 0,
                (long) microBatch,
                slot++,
                offset,
                example.tokens(),
                example.targetTokens(),
                example.id()));
        offset += example.tokens();
      }
    }
    return rows;
  }

  /**
   * Streams the examples' tokens in the ledger's order; the tokens of one part are in memory at a
   * time.
   */
  private List<Plan.Part> parts(
      String prefix,
      Path staged,
      Dataset<Row> examples,
      Layout layout,
      List<Row> ledger,
      int tokens) {
    Iterator<Row> rows =
        spark
            .createDataFrame(ledger, LEDGER)
            .join(examples.select("example_id", "input_ids", "trained"), "example_id")
            .repartitionByRange(1 + ledger.size() / ROWS_PER_PARTITION, col("micro_batch"))
            .sortWithinPartitions("micro_batch", "slot")
            .select("example_id", "input_ids", "trained")
            .toLocalIterator();
    PartWriter writer = new PartWriter(store, staged, prefix, tokens, layout.places().size());
    for (List<Layout.Place> microBatch : layout.places()) {
      writer.next();
      for (Layout.Place place : microBatch) {
        Row row = rows.next();
        if (!row.getString(0).equals(place.example().id())) {
          throw new IllegalStateException("The ledger and the examples are not in the same order");
        }
        writer.append(row.getList(1), row.getList(2));
      }
    }
    if (rows.hasNext()) {
      throw new IllegalStateException("The ledger has more examples than the plan");
    }
    return writer.finish();
  }
}
