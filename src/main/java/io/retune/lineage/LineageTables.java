package io.retune.lineage;

import static java.util.stream.Collectors.partitioningBy;
import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.explode;
import static org.apache.spark.sql.functions.lit;

import io.delta.exceptions.ConcurrentTransactionException;
import io.delta.tables.DeltaTable;
import io.retune.config.SourceSpec;
import io.retune.dataset.DatasetVersion;
import io.retune.dataset.Preparation;
import io.retune.dataset.Snapshot;
import io.retune.lineage.JournalEntry.Asked;
import io.retune.model.ImportedModel;
import io.retune.plan.Plan;
import io.retune.plan.Planner;
import io.retune.store.Json;
import io.retune.store.Store;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.StructType;

/**
 * The Delta tables under {@code STORE/lineage}, made by the files in {@code lineage/tables}. Rows
 * are only ever added, and each is added once however often it is offered: every write carries
 * Delta's transaction identifier.
 */
public final class LineageTables {
  /** About half a million examples. */
  private static final int LEDGER_MICRO_BATCHES_PER_FILE = 100_000;

  private final SparkSession spark;
  private final Store store;
  private final RowAppender appender;

  /** Locations of tables that are known to be there. */
  private final Map<String, String> made = new ConcurrentHashMap<>();

  public LineageTables(SparkSession spark, Store store) {
    this.spark = spark;
    this.store = store;
    this.appender = new RowAppender(spark.sparkContext().hadoopConfiguration());
  }

  /** A table's rows; none when nothing has been recorded yet. */
  Dataset<Row> read(String table) {
    return spark.read().format("delta").load(made(table));
  }

  /** Its location, after it was made if it was not there. */
  private String made(String table) {
    return made.computeIfAbsent(table, this::make);
  }

  private String make(String table) {
    String location = store.path("lineage", table).toString();
    if (!DeltaTable.isDeltaTable(spark, location)) {
      try {
        spark.sql(SqlFiles.text("tables", table).replace("${location}", location));
      } catch (Exception e) { // Spark declares none of what it throws.
        // Another driver may have made it in this moment.
        if (!DeltaTable.isDeltaTable(spark, location)) {
          throw new IllegalStateException("Cannot make the table " + location, e);
        }
      }
    }
    return location;
  }

  /** Writes down a dataset's version. */
  public void add(DatasetVersion version) {
    Map<String, Object> row = new LinkedHashMap<>();
    row.put("name", version.name());
    row.put("version", version.version());
    row.put("delta_version", version.deltaVersion());
    row.put("root", version.root().hex());
    row.put("rows", version.rows());
    row.put("source", version.source());
    row.put("source_sha256", version.sourceSha256());
    row.put("licence", version.licence());
    row.put("privacy", version.privacy());
    row.put("message", version.message());
    append("datasets", version.name() + "/" + version.version(), List.of(row));
  }

  /** Writes down a base model. */
  public void add(ImportedModel model, SourceSpec source) {
    Map<String, Object> row = new LinkedHashMap<>();
    row.put("model_sha256", model.sha256().hex());
    row.put("source", source.source());
    row.put("source_sha256", source.sha256());
    row.put("layers", model.config().layers());
    row.put("width", model.config().width());
    row.put("vocabulary", model.config().vocabulary());
    row.put("context_tokens", model.config().contextTokens());
    append("models", model.sha256().hex(), List.of(row));
  }

  /** Writes down a snapshot, what it was prepared from, and what each transform left. */
  public void add(Snapshot snapshot) {
    Map<String, Object> row = new LinkedHashMap<>();
    row.put("snapshot_key", snapshot.key());
    row.put("snapshot_sha256", snapshot.root().hex());
    row.put("model_sha256", snapshot.model().hex());
    row.put("train_examples", snapshot.trainExamples());
    row.put("evaluation_examples", snapshot.evaluationExamples());
    append("snapshots", snapshot.key(), List.of(row));
    List<Map<String, Object>> datasets = new ArrayList<>();
    snapshot
        .datasets()
        .forEach(
            (dataset, version) ->
                datasets.add(
                    Map.of(
                        "snapshot_key", snapshot.key(), "dataset", dataset, "version", version)));
    append("snapshot_datasets", snapshot.key(), datasets);
    List<Map<String, Object>> transforms = new ArrayList<>();
    for (Snapshot.Count count : snapshot.counts()) {
      Map<String, Object> transform = new LinkedHashMap<>();
      transform.put("snapshot_key", snapshot.key());
      transform.put("position", transforms.size());
      transform.put("name", count.transform());
      transform.put("kind", count.kind());
      transform.put("code_sha256", count.codeSha256());
      transform.put("rows", count.rows());
      transforms.add(transform);
    }
    append("transforms", snapshot.key(), transforms);
  }

  /** Writes down which example is where, and which rows it came from: by place, and by row. */
  public void add(Plan plan, Snapshot snapshot) {
    if (written("ledger", plan.key()) > 0 && written("ledger_by_row", plan.key()) > 0) {
      return;
    }
    Dataset<Row> examples =
        Preparation.examples(spark, store, snapshot)
            .select(col("example_id"), col("dataset"), col("sources").as("row_ids"));
    int microBatches = plan.steps().stream().mapToInt(Plan.Step::microBatches).sum();
    int files = 1 + microBatches / LEDGER_MICRO_BATCHES_PER_FILE;
    Dataset<Row> ledger =
        Planner.ledger(spark, store, plan)
            .join(examples, "example_id")
            .withColumn("plan_key", lit(plan.key()));
    append(
        "ledger",
        plan.key(),
        ledger
            .repartitionByRange(files, col("split"), col("micro_batch"))
            .sortWithinPartitions("split", "micro_batch", "slot"));
    append(
        "ledger_by_row",
        plan.key(),
        ledger
            .withColumn("row_id", explode(col("row_ids")))
            .drop("row_ids")
            .repartitionByRange(files, col("row_id"))
            .sortWithinPartitions("row_id", "split", "micro_batch", "slot"));
  }

  /** Writes down a configuration with its reasons. */
  public void add(Asked asked) {
    Map<String, Object> row = new LinkedHashMap<>();
    row.put("experiment", asked.experiment());
    row.put("name", asked.name());
    row.put("description", asked.description());
    row.put("configuration", asked.configuration());
    row.put("reasons", asked.reasons());
    row.put("unexplained", asked.unexplained());
    append("experiments", asked.experiment(), List.of(row));
    append(
        "settings",
        asked.experiment(),
        Setting.of(asked).stream()
            .map(
                setting -> {
                  Map<String, Object> one = new LinkedHashMap<>();
                  one.put("experiment", asked.experiment());
                  one.put("key", setting.key());
                  one.put("value", setting.value());
                  one.put("reason", setting.reason().orElse(null));
                  return one;
                })
            .toList());
  }

  /** Brings the run's tables up to its journal; for the holder of the run's lease alone. */
  public void load(RunHistory history, Plan plan) {
    String run = history.run();
    RunRows rows = new RunRows(history, plan);
    long last = history.entries().size();
    for (String table : RunRows.TABLES) {
      List<Map<String, Object>> missing = rows.behind(written(table, run), table);
      if (!missing.isEmpty()) {
        append(table, run, last, missing);
      }
    }
  }

  /**
   * A run's rows of a table, held against its journal.
   *
   * @param journalRows that the journal makes
   * @param tableRows that were there before
   * @param added because they were missing
   * @param strange rows that the journal does not make
   */
  public record Comparison(
      String table, long journalRows, long tableRows, long added, long strange) {
    public boolean isEqual() {
      return strange == 0 && tableRows + added == journalRows;
    }
  }

  /** Brings the run's tables to what its journal says, as far as rows can be added. */
  public List<Comparison> rebuild(RunHistory history, Plan plan) {
    RunRows rows = new RunRows(history, plan);
    List<Comparison> compared = new ArrayList<>();
    for (String table : RunRows.TABLES) {
      List<Map<String, Object>> all = rows.of(table);
      List<String> expected = dataset(table, all).toJSON().collectAsList();
      List<String> strange = new ArrayList<>(rowsOf(table, history.run()));
      long there = strange.size();
      List<Map<String, Object>> missing = new ArrayList<>();
      for (int i = 0; i < all.size(); i++) {
        if (!strange.remove(expected.get(i))) {
          missing.add(all.get(i));
        }
      }
      add(table, history, missing);
      compared.add(new Comparison(table, all.size(), there, missing.size(), strange.size()));
    }
    return compared;
  }

  /** Rows of entries that were loaded before, and lost, apart from those that are still to come. */
  private void add(String table, RunHistory history, List<Map<String, Object>> missing) {
    long loaded = written(table, history.run());
    Map<Boolean, List<Map<String, Object>>> byNews =
        missing.stream().collect(partitioningBy(row -> (Long) row.get("entry") > loaded));
    if (!byNews.get(true).isEmpty()) {
      append(table, history.run(), history.entries().size(), byNews.get(true));
    }
    if (!byNews.get(false).isEmpty()) {
      String repair = history.run() + ".repair";
      append(table, repair, written(table, repair) + 1, byNews.get(false));
    }
  }

  /** Whether a table is not there, or never was: then what was recorded once is not any more. */
  public static boolean isAnyLost(Store store) {
    return SqlFiles.names("tables").stream()
        .anyMatch(table -> !store.exists(store.path("lineage", table, "_delta_log")));
  }

  private List<String> rowsOf(String table, String run) {
    return read(table).filter(col("run").equalTo(run)).toJSON().collectAsList();
  }

  /** The version of the last write about {@code identity}; 0 when there was none. */
  private long written(String table, String identity) {
    return appender.written(made(table), app(table, identity));
  }

  private static String app(String table, String identity) {
    return "retune." + table + "." + identity;
  }

  /** Rows that stand for something that is the same whoever writes it down. */
  private void append(String table, String identity, List<Map<String, Object>> rows) {
    append(table, identity, 1, rows);
  }

  /**
   * @param identity of what is written, within the table
   * @param version grows with each write about it; one that was committed is not committed again
   */
  private void append(String table, String identity, long version, List<Map<String, Object>> rows) {
    appender.append(made(table), app(table, identity), version, rows);
  }

  /** Many rows, by Spark. */
  private void append(String table, String identity, Dataset<Row> rows) {
    try {
      rows.write()
          .format("delta")
          .mode("append")
          .option("txnAppId", app(table, identity))
          .option("txnVersion", 1)
          .save(made(table));
    } catch (ConcurrentTransactionException e) {
      // Another driver wrote it down in this moment.
      return;
    }
  }

  private Dataset<Row> dataset(String table, List<Map<String, Object>> rows) {
    StructType schema = read(table).schema();
    return spark
        .read()
        .schema(schema)
        .option("mode", "FAILFAST")
        .json(spark.createDataset(rows.stream().map(Json::write).toList(), Encoders.STRING()))
        .coalesce(1);
  }
}
