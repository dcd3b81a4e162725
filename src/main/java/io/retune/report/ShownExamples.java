package io.retune.report;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.count;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.not;
import static org.apache.spark.sql.functions.when;

import io.retune.dataset.Preparation;
import io.retune.lineage.JournalEntry.Declared;
import io.retune.lineage.RunHistory;
import io.retune.lineage.Withheld;
import io.retune.plan.Plan;
import io.retune.plan.Planner;
import io.retune.store.Store;
import io.retune.text.RenderedChat;
import io.retune.text.Token;
import io.retune.text.Tokenizer;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/**
 * What a page shows of a run's examples.
 *
 * @param byId those of the frozen split that say most
 * @param first the one that training began with
 * @param lengths how many examples of the training split have so many tokens, by tokens
 */
public record ShownExamples(
    Map<String, ShownExample> byId,
    Optional<ShownExample> first,
    SortedMap<Integer, Long> lengths) {
  public ShownExamples {
    byId = Map.copyOf(byId);
    lengths = Collections.unmodifiableSortedMap(new TreeMap<>(lengths));
  }

  /**
   * Reads them from the run's snapshot, with the tokenizer of its model: a query for the ledger's
   * first row, one for the few texts, one for the lengths. Texts that are {@link Withheld} are not
   * read.
   */
  public static ShownExamples read(SparkSession spark, Store store, RunHistory history, Plan plan) {
    Declared declared = history.declared().orElseThrow();
    Dataset<Row> examples = Preparation.examples(spark, store, declared.snapshot());
    Optional<String> first = first(Planner.ledger(spark, store, plan));
    TreeSet<String> ids = new TreeSet<>(Ranking.ids(history, plan));
    first.ifPresent(ids::add);
    Map<String, ShownExample> texts =
        texts(
            readable(examples, Withheld.of(declared)),
            ids,
            store.localPath("models", declared.modelSha256()));
    Optional<ShownExample> begun = first.map(texts::get);
    first.ifPresent(texts::remove);
    return new ShownExamples(texts, begun, lengths(examples));
  }

  private static Optional<String> first(Dataset<Row> ledger) {
    Column start = col("micro_batch").equalTo(0).and(col("slot").equalTo(0));
    return ledger
        .filter(col("split").equalTo("train").and(start))
        .select("example_id")
        .collectAsList()
        .stream()
        .map(row -> row.getString(0))
        .findFirst();
  }

  /** Without what a withheld row says. */
  private static Dataset<Row> readable(Dataset<Row> examples, Withheld withheld) {
    Dataset<Row> readable =
        examples.select("example_id", "dataset", "text", "input_ids", "trained");
    Column secret = col("dataset").isin(withheld.datasets().toArray());
    for (String column : List.of("text", "input_ids", "trained")) {
      readable = readable.withColumn(column, when(not(secret), col(column)));
    }
    return readable;
  }

  private static Map<String, ShownExample> texts(
      Dataset<Row> examples, TreeSet<String> ids, Path model) {
    Map<String, ShownExample> texts = new TreeMap<>();
    try (Tokenizer tokenizer = Tokenizer.open(model)) {
      for (Row row : examples.filter(col("example_id").isin(ids.toArray())).collectAsList()) {
        texts.put(
            row.getString(0),
            new ShownExample(row.getString(0), row.getString(1), tokens(row, tokenizer)));
      }
    }
    return texts;
  }

  private static List<Token> tokens(Row row, Tokenizer tokenizer) {
    return row.isNullAt(2)
        ? List.of()
        : tokenizer.tokens(
            new RenderedChat(row.getString(2), ints(row.getList(3)), booleans(row.getList(4))));
  }

  private static int[] ints(List<Integer> values) {
    return values.stream().mapToInt(Integer::intValue).toArray();
  }

  private static boolean[] booleans(List<Boolean> values) {
    boolean[] array = new boolean[values.size()];
    for (int i = 0; i < array.length; i++) {
      array[i] = values.get(i);
    }
    return array;
  }

  private static SortedMap<Integer, Long> lengths(Dataset<Row> examples) {
    SortedMap<Integer, Long> lengths = new TreeMap<>();
    examples
        .filter(col("split").equalTo("train"))
        .groupBy("tokens")
        .agg(count(lit(1)))
        .collectAsList()
        .forEach(row -> lengths.put(row.getInt(0), row.getLong(1)));
    return lengths;
  }
}
