package io.retune.dataset;

import static org.apache.spark.sql.functions.coalesce;
import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.struct;
import static org.apache.spark.sql.functions.transform;
import static org.apache.spark.sql.functions.udf;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.retune.config.DataSpec;
import io.retune.config.ErrorCode;
import io.retune.config.InvalidInputException;
import io.retune.config.Problem;
import io.retune.config.TransformSpec;
import io.retune.store.DamagedFileException;
import io.retune.store.Json;
import io.retune.store.Sha256;
import io.retune.store.Store;
import io.retune.text.ChatRenderer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.api.java.UDF1;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.storage.StorageLevel;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Datasets to {@link Snapshot}s: each dataset's own transforms, their rows put together, the
 * recipe's transforms, rendered examples. What decides (dedup, split, sample, order, root) is the
 * rows' content alone, so the same bytes give the same root in any store, for any partitioning.
 */
public final class Preparation {
  /**
   * Of what this package does to rows; a change of an example, or of what is beside it, raises it.
   */
  static final int VERSION = 4;

  /**
   * Column of a snapshot's examples that tells the evaluation apart, where a recipe asks for it.
   */
  public static final String GROUP = "group_value";

  private static final String DIGEST = "digest";

  /** A table of more verdicts is read by nobody, and a column with more values is no group. */
  private static final int MOST_GROUPS = 50;

  private static final Logger LOG = LoggerFactory.getLogger(Preparation.class);

  /** Below this a second renderer takes longer to open than it saves. */
  private static final int ROWS_PER_RENDERER = 500;

  private static final int EXAMPLES_PER_FILE = 100_000;

  private final SparkSession spark;
  private final Store store;

  public Preparation(SparkSession spark, Store store) {
    this.spark = spark;
    this.store = store;
  }

  /**
   * Prepares, or finds what was prepared before from the same inputs.
   *
   * @param versions which version of each of {@code data.datasets()} is prepared
   * @param modelDirectory whose tokenizer and template render; a local path
   * @param model its digest
   * @param beforeRendering what has to hold of the model where it is used; not asked where the
   *     snapshot is found
   * @throws InvalidInputException if a transform does not fit the rows, rows cannot be rendered
   *     (the first twenty, each with its reason), or a split is empty; nothing is written then
   */
  public Snapshot snapshotFor(
      DataSpec data,
      SortedMap<String, DatasetVersion> versions,
      Path modelDirectory,
      Sha256 model,
      Runnable beforeRendering) {
    if (!versions.keySet().equals(data.datasets().keySet())) {
      throw new IllegalArgumentException("One version for each dataset: " + versions.keySet());
    }
    String key = key(data, versions, model, ChatRenderer.version(modelDirectory));
    org.apache.hadoop.fs.Path manifest = store.path("snapshots", key, "snapshot.json");
    if (!store.exists(manifest)) {
      beforeRendering.run();
      new Pass(modelDirectory).prepare(data, versions, model, key);
    }
    return read(manifest);
  }

  private Snapshot read(org.apache.hadoop.fs.Path manifest) {
    try {
      return Json.read(store.read(manifest), Snapshot.class);
    } catch (IOException e) {
      throw new UncheckedIOException(manifest + " is damaged", e);
    }
  }

  /** The examples, with the columns that {@link Snapshot} lists. */
  public Dataset<Row> examples(Snapshot snapshot) {
    return examples(spark, store, snapshot);
  }

  /** As {@link #examples(Snapshot)}, for those who only read. */
  public static Dataset<Row> examples(SparkSession spark, Store store, Snapshot snapshot) {
    return withDatasetsOfSources(
        FrozenTable.read(spark, store.path("snapshots", snapshot.key(), "examples")));
  }

  /** SHA-256 of what is trained on, or scored: an example's {@code digest}. */
  private static Column contentDigest() {
    UDF1<Row, String> digest = RowContent::digest;
    return udf(digest, DataTypes.StringType)
        .apply(struct(col("split"), col("text"), col("input_ids"), col("trained")));
  }

  /**
   * Holds the examples against the snapshot's root.
   *
   * @throws DamagedFileException if they are not what was prepared
   */
  public static void requireUnchanged(SparkSession spark, Store store, Snapshot snapshot) {
    List<Row> found =
        examples(spark, store, snapshot).select(contentDigest(), col(DIGEST)).collectAsList();
    List<String> digests = found.stream().map(row -> row.getString(0)).toList();
    if (!digests.equals(found.stream().map(row -> row.getString(1)).toList())
        || !MerkleRoot.of(digests).root().equals(snapshot.root())) {
      String folder = Store.shown(store.path("snapshots", snapshot.key()));
      throw new DamagedFileException(
          folder,
          "was changed since it was prepared.",
          "Delete the folder; ./retune prepare CONF with the same configuration makes it again.");
    }
  }

  /** Snapshots of before it was noted have row ids alone, as if all were of the example's. */
  private static Dataset<Row> withDatasetsOfSources(Dataset<Row> examples) {
    ArrayType sources = (ArrayType) examples.schema().apply("sources").dataType();
    return sources.elementType() instanceof StructType
        ? examples
        : examples.withColumn(
            "sources", transform(col("sources"), id -> struct(col("dataset"), id.as("row_id"))));
  }

  private static String key(
      DataSpec data, SortedMap<String, DatasetVersion> versions, Sha256 model, int renderer) {
    Map<String, Object> datasets = new TreeMap<>();
    versions.forEach(
        (name, version) ->
            datasets.put(
                name,
                Map.of(
                    "version", version.version(),
                    "root", version.root().hex(),
                    "prepare", described(data.datasets().get(name).prepare()))));
    Map<String, Object> inputs = new TreeMap<>();
    inputs.put("preparation", VERSION);
    inputs.put("model", model.hex());
    inputs.put("renderer", renderer);
    inputs.put("datasets", datasets);
    inputs.put("prepare", described(data.prepare()));
    data.groupBy().ifPresent(column -> inputs.put("group", column));
    return Sha256.of(Json.write(inputs)).hex();
  }

  private static List<String> described(List<TransformSpec> chain) {
    return chain.stream().map(t -> t.name() + " " + code(t)).toList();
  }

  /** SHA-256 of what a transform does, its name apart from it. */
  private static Sha256 code(TransformSpec transform) {
    Map<String, Object> what = new HashMap<>();
    what.put("preparation", VERSION);
    what.put("kind", kind(transform));
    what.put("transform", withoutName(transform));
    return Sha256.of(Json.write(what));
  }

  private static Object withoutName(TransformSpec transform) {
    try {
      JsonNode fields = Json.read(Json.write(transform).getBytes(StandardCharsets.UTF_8));
      ((ObjectNode) fields).remove("name");
      // A tree is written in the order it has: as text again, its keys are sorted.
      return Json.write(Json.read(fields.toString().getBytes(StandardCharsets.UTF_8), Map.class));
    } catch (IOException e) {
      throw new IllegalStateException("We wrote this JSON ourselves", e);
    }
  }

  private static String kind(TransformSpec transform) {
    return transform.getClass().getSimpleName().toLowerCase(Locale.ROOT);
  }

  /** One preparation: what it holds in memory on the way, and what it counts. */
  private final class Pass {
    private final Path modelDirectory;
    private final List<Snapshot.Count> counts = new ArrayList<>();
    private final List<Dataset<Row>> held = new ArrayList<>();
    private final Transforms transforms = new Transforms(spark);
    private long rows;

    Pass(Path modelDirectory) {
      this.modelDirectory = modelDirectory;
    }

    void prepare(
        DataSpec data, SortedMap<String, DatasetVersion> versions, Sha256 model, String key) {
      try {
        Frame prepared = chain("data.prepare", "", data.prepare(), together(data, versions));
        Dataset<Row> examples = hold(examples(prepared, data.groupBy()));
        Map<String, Long> splits = splits(examples);
        requireBothSplits(data, splits);
        requireFewGroups(data, examples);
        SortedMap<String, Integer> numbers = new TreeMap<>();
        versions.forEach((name, version) -> numbers.put(name, version.version()));
        MerkleRoot merkle = MerkleRoot.of(examples, DIGEST);
        publish(
            examples,
            merkle,
            new Snapshot(
                key,
                merkle.root(),
                model,
                numbers,
                counts,
                splits.get("train"),
                splits.get("evaluation")));
      } catch (Exception e) { // Spark declares none of what it throws.
        Optional<DataException> value = DataException.in(e);
        if (value.isPresent()) {
          throw failing(data, value.get());
        }
        throw e;
      } finally {
        held.forEach(Dataset::unpersist);
      }
    }

    private static InvalidInputException failing(DataSpec data, DataException value) {
      return InvalidInputException.of(
          ErrorCode.EXPRESSION_FAILS,
          place(data, value.expression()),
          value.toString(),
          "Say what is to become of such a row: try_cast, try_divide and the like give null, a where before it drops it.");
    }

    /**
     * The first transform that has the expression in it: Spark computes rows when they are needed.
     */
    private static String place(DataSpec data, String expression) {
      SortedMap<String, List<TransformSpec>> chains = new TreeMap<>();
      data.datasets()
          .forEach(
              (name, dataset) ->
                  chains.put("data.datasets." + name + ".prepare", dataset.prepare()));
      chains.put("data.prepare", data.prepare());
      String written = Json.write(expression);
      String inside = written.substring(1, written.length() - 1);
      return chains.entrySet().stream()
          .flatMap(
              chain ->
                  chain.getValue().stream()
                      .filter(transform -> Json.write(transform).contains(inside))
                      .map(transform -> chain.getKey() + "." + transform.name()))
          .findFirst()
          .orElse("data.prepare");
    }

    private Frame together(DataSpec data, SortedMap<String, DatasetVersion> versions) {
      Frame all = null;
      long total = 0;
      for (Map.Entry<String, DatasetVersion> entry : versions.entrySet()) {
        String name = entry.getKey();
        DatasetVersion version = entry.getValue();
        rows = version.rows();
        counts.add(new Snapshot.Count(name, "dataset", version.root().hex(), rows));
        Frame frame =
            chain(
                "data.datasets." + name + ".prepare",
                name + "/",
                data.datasets().get(name).prepare(),
                Frame.of(name, Datasets.rows(spark, store, version)));
        total += rows;
        all = all == null ? frame : all.union(name, frame);
      }
      rows = total;
      // Read more than once from here on: to be counted, and to be told apart.
      return new Frame(hold(all.rows()));
    }

    private Frame chain(String place, String prefix, List<TransformSpec> chain, Frame first) {
      Frame frame = first;
      for (TransformSpec transform : chain) {
        frame = step(place, transform, frame);
        counts.add(
            new Snapshot.Count(
                prefix + transform.name(), kind(transform), code(transform).hex(), rows));
      }
      return frame;
    }

    /** Applies it and sets {@link #rows} to what is left. */
    private Frame step(String place, TransformSpec transform, Frame frame) {
      if (place.equals("data.prepare")) {
        String here = place + "." + transform.name();
        if (transform instanceof TransformSpec.Render render) {
          return sound(here, Rendering.apply(here, render, frame, modelDirectory, renderers()));
        } else if (transform instanceof TransformSpec.Document document) {
          return sound(
              here, DocumentRendering.apply(here, document, frame, modelDirectory, renderers()));
        }
      }
      Frame next = transforms.apply(place, transform, frame);
      if (transform instanceof TransformSpec.Dedup || transform instanceof TransformSpec.Sample) {
        // Behind a shuffle: what follows, and each count, would do it again.
        next = new Frame(hold(next.rows()));
      }
      boolean sameCount =
          transform instanceof TransformSpec.Select || transform instanceof TransformSpec.Split;
      if (!sameCount) {
        rows = next.rows().count();
      }
      return next;
    }

    /** As many partitions as there are renderers worth opening. */
    private int renderers() {
      int cores = spark.sparkContext().defaultParallelism();
      int partitions = (int) Math.max(1, Math.min(cores, rows / ROWS_PER_RENDERER));
      if (rows > (long) cores * EXAMPLES_PER_FILE) {
        partitions = (int) (rows / EXAMPLES_PER_FILE);
      }
      return partitions;
    }

    /** Rendered rows, once none of them has a defect. */
    private Frame sound(String place, Frame rendered) {
      Dataset<Row> rows = hold(rendered.rows());
      requireNoDefects(place, rows);
      return new Frame(rows.drop(Rendering.DEFECT));
    }

    private void requireNoDefects(String place, Dataset<Row> rendered) {
      Dataset<Row> defects = rendered.filter(col(Rendering.DEFECT).isNotNull());
      List<Row> first =
          defects
              .orderBy(Frame.DATASET, Frame.ID)
              .select(Frame.DATASET, Frame.ID, Rendering.DEFECT)
              .limit(Problem.MOST_SHOWN)
              .collectAsList();
      if (first.isEmpty()) {
        return;
      }
      long count = first.size() < Problem.MOST_SHOWN ? first.size() : defects.count();
      String remedy =
          "%d %s cannot be rendered by %s. Drop such rows with a where before it, or mend the source."
              .formatted(count, count == 1 ? "row" : "rows", place);
      List<Problem> problems = new ArrayList<>();
      for (Row row : first) {
        problems.add(
            new Problem(
                ErrorCode.ROW_NOT_RENDERED,
                row.getString(0) + " row " + row.getString(1),
                row.getString(2),
                remedy));
      }
      throw new InvalidInputException(problems);
    }

    private Dataset<Row> examples(Frame prepared, Optional<String> groupBy) {
      List<Column> columns =
          new ArrayList<>(
              List.of(
                  col(Frame.ID).as("example_id"),
                  col(Frame.DATASET).as("dataset"),
                  col(Frame.SOURCES).as("sources"),
                  col(Frame.SPLIT).as("split"),
                  col(Rendering.TEXT).as("text"),
                  col(Rendering.INPUT_IDS).as("input_ids"),
                  col(Rendering.TRAINED).as("trained"),
                  col(Rendering.TOKENS).as("tokens"),
                  col(Rendering.TARGET_TOKENS).as("target_tokens")));
      groupBy.ifPresent(column -> columns.add(group(prepared, column)));
      return prepared
          .rows()
          .select(columns.toArray(Column[]::new))
          .withColumn(DIGEST, contentDigest());
    }

    private static Column group(Frame prepared, String column) {
      List<String> known = List.of(prepared.schema().fieldNames());
      if (!known.contains(column)) {
        throw Expressions.noColumn("evaluation.group-by", column, known);
      }
      return coalesce(Frame.column(column).cast(DataTypes.StringType), lit("")).as(GROUP);
    }

    private static void requireFewGroups(DataSpec data, Dataset<Row> examples) {
      if (data.groupBy().isEmpty()) {
        return;
      }
      long groups = examples.select(GROUP).distinct().count();
      if (groups > MOST_GROUPS) {
        throw InvalidInputException.of(
            ErrorCode.TOO_MANY_GROUPS,
            "evaluation.group-by",
            "the column \"" + data.groupBy().get() + "\" has " + groups + " values.",
            "Name a column with at most " + MOST_GROUPS + ", such as a topic or a source.");
      }
    }

    private Map<String, Long> splits(Dataset<Row> examples) {
      Map<String, Long> splits = new HashMap<>(Map.of("train", 0L, "evaluation", 0L));
      for (Row row : examples.groupBy("split").count().collectAsList()) {
        splits.put(row.getString(0), row.getLong(1));
      }
      return splits;
    }

    private void requireBothSplits(DataSpec data, Map<String, Long> splits) {
      List<Problem> problems = new ArrayList<>();
      for (String split : List.of("train", "evaluation")) {
        if (splits.get(split) == 0) {
          String way =
              counts.stream()
                  .map(c -> c.transform() + " " + c.rows())
                  .reduce((a, b) -> a + ", " + b)
                  .orElse("");
          boolean noSplit =
              data.prepare().stream().noneMatch(TransformSpec.Split.class::isInstance);
          problems.add(
              new Problem(
                  ErrorCode.EMPTY_SPLIT,
                  "data.prepare",
                  "the split \"" + split + "\" is empty. Rows on the way: " + way + ".",
                  noSplit
                      ? "Add { name = held-out, split = { evaluation = 0.1, by = COLUMN, seed = 7 } }."
                      : "Keep more rows, or change the split's fraction or seed."));
        }
      }
      if (!problems.isEmpty()) {
        throw new InvalidInputException(problems);
      }
    }

    private void publish(Dataset<Row> examples, MerkleRoot merkle, Snapshot snapshot) {
      org.apache.hadoop.fs.Path folder = store.path("snapshots", snapshot.key());
      org.apache.hadoop.fs.Path staged = store.stage(folder);
      try {
        int files =
            (int)
                (1
                    + (snapshot.trainExamples() + snapshot.evaluationExamples())
                        / EXAMPLES_PER_FILE);
        examples
            .coalesce(files)
            .write()
            .format("delta")
            .option("delta.enableDeletionVectors", "false")
            .save(new org.apache.hadoop.fs.Path(staged, "examples").toString());
        store.write(
            new org.apache.hadoop.fs.Path(staged, "merkle.json"),
            (Json.write(merkle.leaves().stream().map(Sha256::hex).toList()) + "\n")
                .getBytes(StandardCharsets.UTF_8));
        store.write(
            new org.apache.hadoop.fs.Path(staged, "snapshot.json"),
            (Json.pretty(snapshot) + "\n").getBytes(StandardCharsets.UTF_8));
        store.publish(staged, folder);
      } finally {
        store.delete(staged);
      }
      LOG.info(
          "event=snapshot-published key={} root={} train={} evaluation={}",
          snapshot.key(),
          snapshot.root(),
          snapshot.trainExamples(),
          snapshot.evaluationExamples());
    }

    private Dataset<Row> hold(Dataset<Row> rows) {
      Dataset<Row> persisted = rows.persist(StorageLevel.MEMORY_AND_DISK());
      held.add(persisted);
      return persisted;
    }
  }
}
