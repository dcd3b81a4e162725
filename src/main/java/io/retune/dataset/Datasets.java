package io.retune.dataset;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.row_number;
import static org.apache.spark.sql.functions.struct;
import static org.apache.spark.sql.functions.udf;

import com.fasterxml.jackson.databind.JsonNode;
import io.delta.exceptions.DeltaConcurrentModificationException;
import io.retune.config.DatasetSpec;
import io.retune.config.ErrorCode;
import io.retune.config.InvalidInputException;
import io.retune.config.TableSource;
import io.retune.store.Json;
import io.retune.store.Sha256;
import io.retune.store.Sources;
import io.retune.store.Store;
import io.retune.store.Unpacked;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.api.java.UDF1;
import org.apache.spark.sql.api.java.UDF2;
import org.apache.spark.sql.expressions.Window;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.storage.StorageLevel;

/**
 * The store's datasets: {@code datasets/NAME}, a Delta table whose every commit is a version.
 * Beside the source's columns a row has {@code row_id}, its name for lineage, and {@code
 * row_digest}, SHA-256 of its content, by which everything is decided that can change a weight.
 */
public final class Datasets {
  static final String ROW_ID = "row_id";
  static final String ROW_DIGEST = "row_digest";

  /** How often a key is there. */
  private static final String TIMES = "__times";

  /** Plain tables, for any reader, whose old versions stay: Delta's default is seven days. */
  private static final Map<String, String> TABLE_PROPERTIES =
      Map.of(
          "delta.logRetentionDuration", "interval 36500 days",
          "delta.deletedFileRetentionDuration", "interval 36500 days",
          "delta.enableDeletionVectors", "false",
          "delta.columnMapping.mode", "none");

  private static final Pattern COMMIT = Pattern.compile("(\\d{20})\\.json");

  /** How often another driver may be first before we give up. */
  private static final int COMMIT_ATTEMPTS = 10;

  /** Folder of the store with copies of sources, as long as they are read. */
  private static final String BEING_READ = ".being-read";

  private final SparkSession spark;
  private final Store store;
  private final Sources sources;

  public Datasets(SparkSession spark, Store store, Sources sources) {
    this.spark = spark;
    this.store = store;
    this.sources = sources;
  }

  /**
   * Puts the source's rows into the dataset. When a version already holds the same bytes read the
   * same way, or the same rows, that version is returned and nothing is added.
   *
   * @param message why the dataset changes, for its history
   * @throws InvalidInputException if the source cannot be had, is not what was pinned, has lines
   *     that cannot be read, or a declared key that is missing or not unique
   */
  public DatasetVersion ingest(String name, DatasetSpec spec, String message) {
    Optional<Committed> same = from(name, spec);
    if (same.isPresent()) {
      return same.get().version(name, false);
    }
    String place = "data.datasets." + name;
    Optional<TableSource> table = TableSource.parse(spec.origin().source());
    if (table.isPresent()) {
      return ingest(name, spec, message, new Tables(() -> spark, sources).rows(table.get(), place));
    }
    Sources.Fetched fetched = sources.fetch(spec.origin(), place);
    try (Unpacked unpacked = readable(fetched, place)) {
      return ingest(
          name, spec, message, new SourceRows(spark).read(spec.format(), unpacked.files()));
    }
  }

  /** Executors on other hosts see the store, and nothing else of this one. */
  private Unpacked readable(Sources.Fetched fetched, String place) {
    return spark.sparkContext().master().startsWith("local")
        ? sources.unpacked(fetched, place)
        : sources.unpackedInto(store.localPath(BEING_READ), fetched, place);
  }

  private DatasetVersion ingest(String name, DatasetSpec spec, String message, Dataset<Row> read) {
    requireKeyColumns(name, spec, read);
    Dataset<Row> rows = digested(read).persist(StorageLevel.MEMORY_AND_DISK());
    try {
      long count = count(name, spec, rows);
      if (count == 0) {
        throw InvalidInputException.of(
            ErrorCode.NO_ROWS,
            "data.datasets." + name,
            "has no rows.",
            "Give a source with at least one row.");
      }
      Sha256 root = MerkleRoot.of(rows, ROW_DIGEST).root();
      if (spec.format() == DatasetSpec.Format.TABLE) {
        root.require(
            "data.datasets." + name + " = \"" + spec.origin().source() + "\"",
            new Sha256(spec.origin().sha256()));
      }
      requireUniqueKey(name, spec, rows);
      Metadata metadata =
          new Metadata(
              0,
              message,
              root.hex(),
              count,
              spec.origin().source(),
              spec.origin().sha256(),
              spec.licence(),
              spec.privacy(),
              spec.format().name(),
              spec.key());
      // The salt is made by who has something to write.
      return commit(name, identified(name, spec, rows), metadata);
    } finally {
      rows.unpersist();
    }
  }

  /** Reads them for the first time: files may be gone, or damaged. */
  private static long count(String name, DatasetSpec spec, Dataset<Row> rows) {
    if (spec.format() == DatasetSpec.Format.PARQUET) {
      return ParquetRows.reading(rows::count);
    }
    return TableSource.parse(spec.origin().source())
        .map(table -> Tables.reading(table, "data.datasets." + name, rows::count))
        .orElseGet(rows::count);
  }

  /** Whether {@link #ingest} would find a version that is there, and add nothing. */
  public boolean holds(String name, DatasetSpec spec) {
    return from(name, spec).isPresent();
  }

  /** The version that was made of the source's bytes, or of others in which the same rows were. */
  private Optional<Committed> from(String name, DatasetSpec spec) {
    List<Committed> all = committed(name);
    Path equal = equal(name, spec.origin().sha256(), spec.format().name(), spec.key());
    return all.stream()
        .filter(c -> c.isFrom(spec))
        .findFirst()
        .or(
            () ->
                store.exists(equal)
                    ? all.stream().filter(c -> c.metadata().version() == number(equal)).findFirst()
                    : Optional.empty());
  }

  /**
   * A note that these bytes, read so, have the rows of a version whose number it holds: what is
   * committed is never written again. It is where Delta sees none of its files.
   */
  private Path equal(String name, String sourceSha256, String format, List<String> key) {
    Sha256 read = Sha256.of(Json.write(List.of(sourceSha256, format, key)));
    return store.path("datasets", name, "_equal", read.hex());
  }

  private int number(Path equal) {
    return Integer.parseInt(new String(store.read(equal), StandardCharsets.UTF_8));
  }

  /** Whether the version has the rows of the source's bytes. */
  public boolean isOf(DatasetVersion version, DatasetSpec spec) {
    return version.sourceSha256().equals(spec.origin().sha256())
        || from(version.name(), spec)
            .filter(c -> c.metadata().version() == version.version())
            .isPresent();
  }

  private DatasetVersion commit(String name, Dataset<Row> rows, Metadata metadata) {
    for (int attempt = 0; attempt < COMMIT_ATTEMPTS; attempt++) {
      List<Committed> before = committed(name);
      Optional<Committed> same =
          before.stream().filter(c -> c.metadata().sameRows(metadata)).findFirst();
      if (same.isPresent()) {
        store.write(
            equal(name, metadata.source_sha256(), metadata.format(), metadata.key()),
            Integer.toString(same.get().metadata().version()).getBytes(StandardCharsets.UTF_8));
        return same.get().version(name, false);
      }
      int version = before.isEmpty() ? 1 : before.get(before.size() - 1).metadata().version() + 1;
      try {
        write(name, rows, metadata.numbered(version));
      } catch (DeltaConcurrentModificationException e) {
        // Another driver was first: look again what it wrote.
        continue;
      }
      Optional<Committed> ours =
          committed(name).stream()
              .filter(c -> c.metadata().equals(metadata.numbered(version)))
              .findFirst();
      if (ours.isPresent()) {
        return ours.get().version(name, true);
      }
    }
    throw new IllegalStateException(
        "Dataset " + name + ": other drivers were first " + COMMIT_ATTEMPTS + " times");
  }

  private void write(String name, Dataset<Row> rows, Metadata metadata) {
    rows.write()
        .format("delta")
        .mode("overwrite")
        .option("overwriteSchema", "true")
        .option("userMetadata", Json.write(metadata))
        .option("txnAppId", "retune.datasets")
        .option("txnVersion", metadata.version())
        .options(TABLE_PROPERTIES)
        .save(table(name));
  }

  /** The source's rows with {@code row_digest} before them. */
  private static Dataset<Row> digested(Dataset<Row> rows) {
    Column content = struct(Frame.columns(rows.columns()));
    UDF1<Row, String> digest = RowContent::digest;
    return rows.withColumn(ROW_DIGEST, udf(digest, DataTypes.StringType).apply(content))
        .select(Frame.columns(with(ROW_DIGEST, rows.columns())));
  }

  /** Digested rows with {@code row_id} before them. */
  private Dataset<Row> identified(String name, DatasetSpec spec, Dataset<Row> rows) {
    byte[] salt = Salt.of(store, name);
    Column id;
    if (spec.key().isEmpty()) {
      UDF2<String, Integer, String> of =
          (row, ordinal) ->
              Salt.rowId(salt, (row + '/' + ordinal).getBytes(StandardCharsets.US_ASCII));
      // Equal rows are interchangeable: which of them gets which ordinal changes nothing.
      Column ordinal = row_number().over(Window.partitionBy(ROW_DIGEST).orderBy(ROW_DIGEST));
      id = udf(of, DataTypes.StringType).apply(col(ROW_DIGEST), ordinal);
    } else {
      UDF1<Row, String> of = key -> Salt.rowId(salt, RowContent.encode(key));
      id =
          udf(of, DataTypes.StringType)
              .apply(struct(Frame.columns(spec.key().toArray(String[]::new))));
    }
    return rows.withColumn(ROW_ID, id).select(Frame.columns(with(ROW_ID, rows.columns())));
  }

  private static String[] with(String first, String[] columns) {
    List<String> all = new ArrayList<>(List.of(first));
    all.addAll(Arrays.asList(columns));
    return all.toArray(String[]::new);
  }

  private static void requireKeyColumns(String name, DatasetSpec spec, Dataset<Row> rows) {
    List<String> known = Arrays.asList(rows.columns());
    for (String column : spec.key()) {
      if (!known.contains(column)) {
        throw Expressions.noColumn("data.datasets." + name + ".key", column, known);
      }
    }
  }

  private static void requireUniqueKey(String name, DatasetSpec spec, Dataset<Row> rows) {
    if (spec.key().isEmpty()) {
      return;
    }
    Column[] key = Frame.columns(spec.key().toArray(String[]::new));
    List<Row> repeated =
        rows.groupBy(key)
            .agg(functions.count("*").as(TIMES))
            .filter(col(TIMES).gt(1))
            .orderBy(col(TIMES).desc(), key[0])
            .limit(1)
            .collectAsList();
    if (!repeated.isEmpty()) {
      Row row = repeated.get(0);
      String values =
          spec.key().stream()
              .map(column -> column + " = " + row.getAs(column))
              .collect(Collectors.joining(", "));
      throw InvalidInputException.of(
          ErrorCode.KEY_NOT_UNIQUE,
          "data.datasets." + name + ".key",
          "does not tell rows apart: " + row.getAs(TIMES) + " rows have " + values + ".",
          "Name more columns, or leave key out: the content identifies a row then.");
    }
  }

  /**
   * A version whose rows are told apart as {@code spec} says.
   *
   * @throws InvalidInputException if there is no such dataset or version, or its row ids are made
   *     of another key
   */
  public DatasetVersion version(String name, int version, DatasetSpec spec) {
    Committed found = committed(name, version);
    List<String> key = found.metadata().key();
    if (!key.equals(spec.key())) {
      throw InvalidInputException.of(
          ErrorCode.VERSION_NOT_FOUND,
          "data.datasets." + name + ".version",
          "there is no version %d of %s with the key %s: that version has the key %s."
              .formatted(version, name, spec.key(), key),
          "Set data.datasets.%s.key = %s, or leave version out, which makes a version of its own."
              .formatted(name, key));
    }
    return found.version(name, false);
  }

  /**
   * @throws InvalidInputException if there is no such dataset or version
   */
  public DatasetVersion version(String name, int version) {
    return committed(name, version).version(name, false);
  }

  private Committed committed(String name, int version) {
    List<Committed> all = committed(name);
    return all.stream()
        .filter(c -> c.metadata().version() == version)
        .findFirst()
        .orElseThrow(
            () ->
                InvalidInputException.of(
                    ErrorCode.VERSION_NOT_FOUND,
                    "data.datasets." + name + ".version",
                    "there is no version " + version + " of " + name + " in this store.",
                    all.isEmpty()
                        ? "Ingest it first."
                        : "It has the versions "
                            + all.stream()
                                .map(c -> String.valueOf(c.metadata().version()))
                                .collect(Collectors.joining(", "))
                            + "."));
  }

  /** Every version, oldest first; none when there is no such dataset. */
  public List<DatasetVersion> versions(String name) {
    return committed(name).stream().map(c -> c.version(name, false)).toList();
  }

  /** A version's rows: {@code row_id}, {@code row_digest} and the source's columns. */
  public Dataset<Row> rows(DatasetVersion version) {
    return rows(spark, store, version);
  }

  static Dataset<Row> rows(SparkSession spark, Store store, DatasetVersion version) {
    return spark
        .read()
        .format("delta")
        .option("versionAsOf", version.deltaVersion())
        .load(store.path("datasets", version.name()).toString());
  }

  /**
   * From the commits' own files, which say what Delta's history says of them, without a Spark job.
   * Source: Delta Transaction Log Protocol, "Delta Log Entries" and "Commit Provenance
   * Information".
   */
  private List<Committed> committed(String name) {
    List<Committed> commits = new ArrayList<>();
    for (Path file : store.list(store.path("datasets", name, "_delta_log"))) {
      Matcher commit = COMMIT.matcher(file.getName());
      if (commit.matches()) {
        userMetadata(file)
            .map(text -> new Committed(Long.parseLong(commit.group(1)), Metadata.read(text)))
            .ifPresent(commits::add);
      }
    }
    return commits;
  }

  private Optional<String> userMetadata(Path commit) {
    try {
      for (String action :
          new String(store.read(commit), StandardCharsets.UTF_8).lines().toList()) {
        JsonNode metadata =
            Json.read(action.getBytes(StandardCharsets.UTF_8)).at("/commitInfo/userMetadata");
        if (metadata.isTextual()) {
          return Optional.of(metadata.asText());
        }
      }
      return Optional.empty();
    } catch (IOException e) {
      throw new UncheckedIOException(commit + " is damaged", e);
    }
  }

  private String table(String name) {
    return store.path("datasets", name).toString();
  }

  /** A commit of ours in the Delta table. */
  private record Committed(long deltaVersion, Metadata metadata) {
    boolean isFrom(DatasetSpec spec) {
      return metadata.source_sha256().equals(spec.origin().sha256())
          && metadata.format().equals(spec.format().name())
          && metadata.key().equals(spec.key());
    }

    DatasetVersion version(String name, boolean added) {
      return new DatasetVersion(
          name,
          metadata.version(),
          deltaVersion,
          new Sha256(metadata.root()),
          metadata.rows(),
          metadata.licence(),
          metadata.privacy(),
          metadata.message(),
          metadata.source(),
          metadata.source_sha256(),
          added);
    }
  }

  /** A commit's {@code userMetadata}: JSON with these keys. */
  private record Metadata(
      int version,
      String message,
      String root,
      long rows,
      String source,
      String source_sha256,
      String licence,
      String privacy,
      String format,
      List<String> key) {
    static Metadata read(String json) {
      try {
        return Json.read(json.getBytes(StandardCharsets.UTF_8), Metadata.class);
      } catch (IOException e) {
        throw new UncheckedIOException("A commit's userMetadata is not ours: " + json, e);
      }
    }

    Metadata numbered(int number) {
      return new Metadata(
          number, message, root, rows, source, source_sha256, licence, privacy, format, key);
    }

    boolean sameRows(Metadata other) {
      return root.equals(other.root) && key.equals(other.key);
    }
  }
}
