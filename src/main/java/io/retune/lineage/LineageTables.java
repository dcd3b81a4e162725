package io.retune.lineage;

import io.delta.exceptions.ConcurrentTransactionException;
import io.delta.kernel.exceptions.TableNotFoundException;
import io.delta.kernel.internal.actions.Metadata;
import io.retune.config.ErrorCode;
import io.retune.config.InvalidInputException;
import io.retune.config.SourceSpec;
import io.retune.dataset.DatasetVersion;
import io.retune.dataset.Snapshot;
import io.retune.lineage.JournalEntry.Asked;
import io.retune.lineage.JournalEntry.Declared;
import io.retune.model.ImportedModel;
import io.retune.plan.Plan;
import io.retune.store.DamagedFileException;
import io.retune.store.Json;
import io.retune.store.Store;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.StructType;

/**
 * The Delta tables under {@code STORE/lineage}, made by the files in {@code lineage/tables}. Rows
 * are only ever added, unless a {@link Rebuild#repair repair} is asked for, and each is added once
 * however often it is offered: every write carries Delta's transaction identifier.
 */
public final class LineageTables {
  private final SparkSession spark;
  private final Store store;
  private final RowAppender appender;

  /** Locations of tables that are known to be there. */
  private final Map<String, String> made = new ConcurrentHashMap<>();

  /** What runs share and is known to be written down. */
  private final Set<String> offered = ConcurrentHashMap.newKeySet();

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
    TableDefinition definition = TableDefinition.of(table);
    Optional<Metadata> there = metadata(location);
    if (store.isWritable()) {
      bringUp(definition, location, there.orElseGet(() -> created(definition, location)));
    } else {
      requireReadable(definition, location, there);
    }
    return location;
  }

  private Metadata created(TableDefinition definition, String location) {
    EmptyTables.note(store, definition.name());
    try {
      spark.sql(definition.create(location));
    } catch (Exception e) { // Spark declares none of what it throws.
      // Another driver may have made it in this moment.
      if (metadata(location).isEmpty()) {
        throw new IllegalStateException("Cannot make the table " + location, e);
      }
    }
    return metadata(location).orElseThrow();
  }

  /** Of another Retune's comments nothing that is read depends. */
  private static void requireReadable(
      TableDefinition definition, String location, Optional<Metadata> there) {
    if (there.isEmpty() || !definition.missing(location, there.get()).isEmpty()) {
      throw InvalidInputException.of(
          ErrorCode.STORE_NOT_WRITABLE,
          "table " + Store.shown(new Path(location)),
          "is not there, or of an earlier Retune, and its store cannot be written to.",
          "Ask a copy of the store that you may write to.");
    }
  }

  /** An earlier Retune may have made the table. */
  private void bringUp(TableDefinition definition, String location, Metadata there) {
    for (String change : definition.changes(location, there)) {
      try {
        spark.sql(change);
      } catch (Exception e) { // Spark declares none of what it throws.
        // Another driver may have done so in this moment.
        if (definition.changes(location, metadata(location).orElseThrow()).contains(change)) {
          throw new IllegalStateException("Cannot bring up the table " + location, e);
        }
      }
    }
  }

  /** Empty where no table was made yet. */
  private Optional<Metadata> metadata(String location) {
    try {
      return Optional.of(appender.metadata(location));
    } catch (TableNotFoundException e) {
      return Optional.empty();
    } catch (RuntimeException e) {
      throw new DamagedFileException(
          "table " + Store.shown(new Path(location)),
          "cannot be read: " + e.getMessage(),
          TableDefinition.REMEDY);
    }
  }

  /** Writes down a dataset's version. */
  public void add(DatasetVersion version) {
    offer(SharedRows.of(version));
  }

  /** Writes down a base model. */
  public void add(ImportedModel model, SourceSpec source) {
    offer(SharedRows.of(model, source));
  }

  /** Writes down a snapshot, what it was prepared from, and what each transform left. */
  public void add(Snapshot snapshot) {
    SharedRows.of(snapshot).forEach(this::offer);
  }

  /** Writes down a configuration with its reasons. */
  public void add(Asked asked) {
    SharedRows.of(asked).forEach(this::offer);
  }

  /**
   * Makes what is not there and would take Spark's cores later: tables, and a plan's ledger. What
   * is there is found without a look into a table, which takes seconds in a program that has just
   * begun.
   */
  public void prepare(Plan plan, Snapshot snapshot) {
    byte[] definitions = TableDefinition.digestOfAll().hex().getBytes(StandardCharsets.UTF_8);
    if (!isAnyLost(store) && isPrepared(plan, definitions)) {
      return;
    }
    makeAll();
    add(plan, snapshot);
    for (Ledger ledger : Ledger.values()) {
      store.write(preparedFor(ledger, plan), definitions);
    }
  }

  /** Each of its ledgers was written, and all tables were as they are defined now. */
  private boolean isPrepared(Plan plan, byte[] definitions) {
    return Arrays.stream(Ledger.values())
        .map(ledger -> preparedFor(ledger, plan))
        .allMatch(note -> store.exists(note) && Arrays.equals(store.read(note), definitions));
  }

  /** A note where Delta sees none of its files, which goes when the table goes. */
  private Path preparedFor(Ledger ledger, Plan plan) {
    return store.path("lineage", ledger.table, "_plans", plan.key());
  }

  /** Makes every table that is not there. */
  public void makeAll() {
    SqlFiles.names("tables").forEach(this::made);
  }

  /** Writes down which example is where, and which rows it came from: by place, and by row. */
  public void add(Plan plan, Snapshot snapshot) {
    for (Ledger ledger : Ledger.values()) {
      if (offered.contains(app(ledger.table, plan.key()))) {
        continue;
      }
      if (written(ledger.table, plan.key()) == 0) {
        // Who deletes a snapshot leaves its runs to be recorded.
        ledger(ledger, plan, snapshot).ifPresent(it -> append(ledger.table, plan.key(), 1, it));
      }
      offered.add(app(ledger.table, plan.key()));
    }
  }

  /** What runs share is offered once by a program, however often it is asked for. */
  private void offer(Slice slice) {
    if (!offered.contains(app(slice.table(), slice.identity()))) {
      bring(slice);
      offered.add(app(slice.table(), slice.identity()));
    }
  }

  /** Adds those rows that come behind what was written. */
  void bring(Slice slice) {
    List<Map<String, Object>> behind = slice.behind(written(slice.table(), slice.identity()));
    if (!behind.isEmpty()) {
      append(slice.table(), slice.identity(), slice.version(), behind);
    }
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
   * Holds what a run's record says against the tables; nothing is written by this alone.
   *
   * @param others what the other runs of the store declared, asked for where it is needed
   */
  public Rebuild rebuild(
      RunHistory history, Plan plan, ImportedModel model, Supplier<List<Declared>> others) {
    return Rebuild.of(this, history, plan, model, others);
  }

  /** Rows of a plan's ledger as they should be; empty when the snapshot is not there any more. */
  Optional<Dataset<Row>> ledger(Ledger ledger, Plan plan, Snapshot snapshot) {
    return store.exists(store.path("snapshots", snapshot.key()))
        ? Optional.of(ledger.rows(spark, store, plan, snapshot))
        : Optional.empty();
  }

  /** Whether a table is not there, or never was: then what was recorded once is not any more. */
  public static boolean isAnyLost(Store store) {
    return SqlFiles.names("tables").stream()
        .anyMatch(table -> !store.exists(store.path("lineage", table, "_delta_log")));
  }

  /** The version of the last write about {@code identity}; 0 when there was none. */
  long written(String table, String identity) {
    return appender.written(made(table), app(table, identity));
  }

  private static String app(String table, String identity) {
    return "retune." + table + "." + identity;
  }

  /**
   * @param identity of what is written, within the table
   * @param version grows with each write about it; one that was committed is not committed again
   */
  void append(String table, String identity, long version, List<Map<String, Object>> rows) {
    appender.append(made(table), app(table, identity), version, rows);
  }

  /** Many rows, by Spark. */
  void append(String table, String identity, long version, Dataset<Row> rows) {
    try {
      rows.write()
          .format("delta")
          .mode("append")
          .option("txnAppId", app(table, identity))
          .option("txnVersion", version)
          .save(made(table));
    } catch (ConcurrentTransactionException e) {
      // Another driver wrote it down in this moment.
      return;
    }
  }

  /**
   * Puts rows in the place of those that {@code where} is true of, in one commit. The table's older
   * versions keep what was there.
   */
  void replace(String table, String where, Dataset<Row> rows) {
    String location = made(table);
    spark.sql(TableDefinition.appendOnly(location, "false"));
    try {
      rows.write()
          .format("delta")
          .mode("overwrite")
          .option("replaceWhere", where)
          .option("userMetadata", "retune rebuild --repair")
          .save(location);
    } finally {
      spark.sql(TableDefinition.appendOnly(location, "true"));
    }
  }

  /** Rows as the table has them. */
  Dataset<Row> dataset(String table, List<Map<String, Object>> rows) {
    StructType schema = read(table).schema();
    return spark
        .read()
        .schema(schema)
        .option("mode", "FAILFAST")
        .json(spark.createDataset(rows.stream().map(Json::write).toList(), Encoders.STRING()))
        .coalesce(1);
  }
}
