package io.retune.dataset;

import static org.apache.spark.sql.functions.array_distinct;
import static org.apache.spark.sql.functions.array_sort;
import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.collect_list;
import static org.apache.spark.sql.functions.concat_ws;
import static org.apache.spark.sql.functions.flatten;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.posexplode;
import static org.apache.spark.sql.functions.row_number;
import static org.apache.spark.sql.functions.sha2;
import static org.apache.spark.sql.functions.struct;
import static org.apache.spark.sql.functions.substring;
import static org.apache.spark.sql.functions.udf;
import static org.apache.spark.sql.functions.when;

import io.retune.config.ErrorCode;
import io.retune.config.InvalidInputException;
import io.retune.config.TransformSpec;
import io.retune.store.Sha256;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.api.java.UDF1;
import org.apache.spark.sql.catalyst.expressions.GenericRowWithSchema;
import org.apache.spark.sql.expressions.Window;
import org.apache.spark.sql.expressions.WindowSpec;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/** What each transform but render does to a frame. */
public final class Transforms {
  private static final String POSITION = "__position";
  private static final String ELEMENT = "__element";
  private static final String RANK = "__rank";

  /** Of a hash, compared with a fraction: 64 bits. */
  private static final int HASH_DIGITS = 16;

  private final Expressions expressions;

  Transforms(SparkSession spark) {
    this.expressions = new Expressions(spark);
  }

  /**
   * @param place of the chain in the configuration, for messages
   * @throws InvalidInputException if the transform does not fit the frame's columns
   */
  Frame apply(String place, TransformSpec transform, Frame frame) {
    String here = place + "." + transform.name();
    if (transform instanceof TransformSpec.Select select) {
      return select(here, select, frame);
    } else if (transform instanceof TransformSpec.Where where) {
      return where(here, where, frame);
    } else if (transform instanceof TransformSpec.Explode explode) {
      return explode(here, explode, frame);
    } else if (transform instanceof TransformSpec.Dedup dedup) {
      return dedup(here, dedup, frame);
    } else if (transform instanceof TransformSpec.Split split) {
      return split(here, split, frame);
    } else if (transform instanceof TransformSpec.Sample sample) {
      return sample(here, sample, frame);
    } else if (transform instanceof TransformSpec.Length length) {
      return length(here, length, frame);
    }
    throw InvalidInputException.of(
        ErrorCode.MISPLACED_TRANSFORM,
        here,
        "cannot stand here.",
        "A dataset's own prepare has no render; data.prepare has one.");
  }

  private Frame select(String place, TransformSpec.Select select, Frame frame) {
    List<Column> columns = new ArrayList<>(frame.provenance());
    for (Map.Entry<String, String> entry : select.columns().entrySet()) {
      String column = usable(place, entry.getKey());
      columns.add(
          expressions
              .check(place + ".select." + column, entry.getValue(), frame.schema())
              .column()
              .as(column));
    }
    return new Frame(frame.rows().select(columns.toArray(Column[]::new)));
  }

  private static String usable(String place, String column) {
    if (Frame.isReserved(column)) {
      throw InvalidInputException.of(
          ErrorCode.UNUSABLE_COLUMN,
          place,
          "makes the column \"" + column + "\", a name that Retune keeps for its own.",
          "Choose a name other than row_id and row_digest, without two underscores in front.");
    }
    return column;
  }

  private Frame where(String place, TransformSpec.Where where, Frame frame) {
    Expressions.Checked condition =
        expressions.check(place + ".where", where.condition(), frame.schema());
    if (!condition.type().equals(DataTypes.BooleanType)) {
      throw InvalidInputException.of(
          ErrorCode.WRONG_COLUMN_TYPE,
          place + ".where",
          "\"" + where.condition() + "\" is " + condition.type().simpleString() + ", no condition.",
          "Give an expression that is true or false.");
    }
    return new Frame(frame.rows().filter(condition.column()));
  }

  private Frame explode(String place, TransformSpec.Explode explode, Frame frame) {
    Expressions.Checked of = expressions.check(place + ".explode", explode.of(), frame.schema());
    if (!(of.type() instanceof ArrayType)) {
      throw InvalidInputException.of(
          ErrorCode.WRONG_COLUMN_TYPE,
          place + ".explode",
          "\"" + explode.of() + "\" is " + of.type().simpleString() + ", no array.",
          "Give an expression that makes an array, such as split(words, ' ').");
    }
    String column = usable(place, explode.column());
    List<Column> kept = new ArrayList<>();
    for (String name : frame.rows().columns()) {
      kept.add(Frame.column(name));
    }
    kept.add(posexplode(of.column()).as(new String[] {POSITION, ELEMENT}));
    Dataset<Row> exploded =
        frame
            .rows()
            .select(kept.toArray(Column[]::new))
            .withColumn(
                Frame.ID,
                substring(
                    sha2(concat_ws("/", col(Frame.ID), col(POSITION)).cast("binary"), 256), 1, 32))
            .withColumn(column, col(ELEMENT))
            .drop(POSITION, ELEMENT);
    return new Frame(exploded);
  }

  private static Frame dedup(String place, TransformSpec.Dedup dedup, Frame frame) {
    List<String> known = Arrays.asList(frame.schema().fieldNames());
    for (String column : dedup.columns()) {
      if (!known.contains(column)) {
        throw Expressions.noColumn(place + ".dedup", column, known);
      }
    }
    WindowSpec equalRows =
        Window.partitionBy(Frame.columns(dedup.columns().toArray(String[]::new)));
    Column rank =
        row_number().over(equalRows.orderBy(col("__digest"), col(Frame.SPLIT), col(Frame.ID)));
    // What is trained on stands for all of them: each is found by its id.
    Column sources =
        array_sort(array_distinct(flatten(collect_list(col(Frame.SOURCES)).over(equalRows))));
    return new Frame(
        frame
            .rows()
            .withColumn("__digest", frame.digest())
            .withColumn(RANK, rank)
            .withColumn(Frame.SOURCES, sources)
            .filter(col(RANK).equalTo(1))
            .drop(RANK, "__digest"));
  }

  private Frame split(String place, TransformSpec.Split split, Frame frame) {
    Column hash = keyedHash(place + ".split.by", "split", split.seed(), split.by(), frame);
    Column held = substring(hash, 1, HASH_DIGITS).lt(lit(threshold(split.evaluation())));
    return new Frame(
        frame.rows().withColumn(Frame.SPLIT, when(held, "evaluation").otherwise("train")));
  }

  /** The fraction as hexadecimal digits of a hash's start, so that the comparison is exact. */
  private static String threshold(double fraction) {
    BigInteger threshold =
        new BigDecimal(fraction)
            .multiply(new BigDecimal(BigInteger.ONE.shiftLeft(Long.SIZE)))
            .toBigInteger();
    return String.format("%016x", threshold);
  }

  /** Whether a split holds out the rows whose {@code by} has this value. */
  public static boolean isHeldOut(double fraction, long seed, String by) {
    StructType schema = new StructType().add("by", DataTypes.StringType);
    Row row = new GenericRowWithSchema(new Object[] {by}, schema);
    return keyedHash("split", seed, row).substring(0, HASH_DIGITS).compareTo(threshold(fraction))
        < 0;
  }

  private Frame sample(String place, TransformSpec.Sample sample, Frame frame) {
    Column hash = keyedHash(place + ".sample.by", "sample", sample.seed(), sample.by(), frame);
    return new Frame(
        frame
            .rows()
            .withColumn("__hash", hash)
            .withColumn("__digest", frame.digest())
            .orderBy("__hash", "__digest", Frame.SPLIT, Frame.ID)
            .limit(sample.keep())
            .drop("__hash", "__digest"));
  }

  private Column keyedHash(String place, String kind, long seed, String by, Frame frame) {
    Column value = expressions.check(place, by, frame.schema()).column();
    UDF1<Row, String> hash = row -> keyedHash(kind, seed, row);
    return udf(hash, DataTypes.StringType).apply(struct(value.as("by")));
  }

  /**
   * SHA-256 of kind, seed and value. The kind keeps a split and a sample of the same seed apart:
   * the rows with the least hashes would all fall into one split.
   */
  private static String keyedHash(String kind, long seed, Row value) {
    MessageDigest digest = Sha256.digest();
    digest.update(kind.getBytes(StandardCharsets.US_ASCII));
    digest.update(ByteBuffer.allocate(Long.BYTES).putLong(seed).array());
    digest.update(RowContent.encode(value));
    return Sha256.finish(digest).hex();
  }

  private static Frame length(String place, TransformSpec.Length length, Frame frame) {
    if (!Arrays.asList(frame.rows().columns()).contains(Rendering.TOKENS)) {
      throw InvalidInputException.of(
          ErrorCode.MISPLACED_TRANSFORM,
          place,
          "stands before render.",
          "Put it behind: tokens are counted there.");
    }
    return new Frame(frame.rows().filter(col(Rendering.TOKENS).leq(length.max())));
  }
}
