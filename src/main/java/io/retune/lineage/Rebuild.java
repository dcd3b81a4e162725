package io.retune.lineage;

import static java.util.stream.Collectors.partitioningBy;
import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.greatest;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.sum;

import io.retune.lineage.JournalEntry.Declared;
import io.retune.model.ImportedModel;
import io.retune.plan.Plan;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.types.StructType;

/**
 * What a run's record says, held against the tables row by row: its journal, and the models,
 * datasets, snapshot, plan and configuration that it names. Then the tables can be brought to it.
 */
public final class Rebuild {
  private final LineageTables tables;
  private final List<Part> parts = new ArrayList<>();
  private final List<String> unknown = new ArrayList<>();

  private Rebuild(LineageTables tables) {
    this.tables = tables;
  }

  static Rebuild of(
      LineageTables tables,
      RunHistory history,
      Plan plan,
      ImportedModel model,
      Supplier<List<Declared>> others) {
    Declared declared = history.declared().orElseThrow();
    Rebuild rebuild = new Rebuild(tables);
    Supplier<List<Slice>> asOthersSay =
        () -> others.get().stream().flatMap(other -> shared(other, model).stream()).toList();
    SharedRows.of(declared, model)
        .forEach(slice -> rebuild.parts.add(rebuild.new Rows(slice, asOthersSay)));
    for (Ledger ledger : Ledger.values()) {
      Optional<Dataset<Row>> rows = tables.ledger(ledger, plan, declared.snapshot());
      if (rows.isPresent()) {
        rebuild.parts.add(rebuild.new Places(ledger.table, plan.key(), rows.get()));
      } else {
        rebuild.unknown.add(ledger.table);
      }
    }
    new RunRows(history, plan)
        .slices()
        .forEach(slice -> rebuild.parts.add(rebuild.new Rows(slice, List::of)));
    return rebuild;
  }

  private static List<Slice> shared(Declared declared, ImportedModel model) {
    return declared.modelSha256().equals(model.sha256().hex())
        ? SharedRows.of(declared, model)
        : SharedRows.of(declared.asked());
  }

  /**
   * Rows of a table about one thing, and what the record says they should be.
   *
   * @param where what is true of these rows alone, in SQL
   * @param recorded rows that the record makes
   * @param there rows that the table has
   * @param missing rows that the record makes and the table has not
   * @param strange rows that the table has and the record does not make
   */
  public record Comparison(
      String table, String where, long recorded, long there, long missing, long strange) {
    public boolean isEqual() {
      return missing == 0 && strange == 0;
    }
  }

  /** In the order of {@link #add}. */
  public List<Comparison> comparisons() {
    return parts.stream().map(Part::comparison).toList();
  }

  /** Tables of which the store cannot say any more what they should have. */
  public List<String> unknown() {
    return List.copyOf(unknown);
  }

  public boolean hasStrangeRows() {
    return comparisons().stream().anyMatch(comparison -> comparison.strange() > 0);
  }

  /**
   * Adds what is missing; the run's end comes last.
   *
   * @throws IllegalStateException if there are strange rows: a right row beside a changed one would
   *     be one row too many
   */
  public void add() {
    if (hasStrangeRows()) {
      throw new IllegalStateException("Rows are not added to tables that have strange ones");
    }
    parts.forEach(part -> part.bringUp());
  }

  /** Puts what the record says in the place of what is strange, and adds what is missing. */
  public void repair() {
    parts.forEach(part -> part.bringUp());
  }

  /** One thing in one table. */
  private abstract static class Part {
    abstract Comparison comparison();

    abstract void add();

    /** All of the rows anew. */
    abstract void replace();

    final void bringUp() {
      if (comparison().strange() > 0) {
        replace();
      } else if (comparison().missing() > 0) {
        add();
      }
    }
  }

  /** Few enough to be in memory. */
  private final class Rows extends Part {
    private final Slice slice;
    private final StructType schema;
    private final List<Map<String, Object>> missing = new ArrayList<>();
    private final Comparison comparison;

    Rows(Slice slice, Supplier<List<Slice>> asOthersSay) {
      Dataset<Row> table = tables.read(slice.table());
      this.slice = slice;
      this.schema = table.schema();
      List<List<Object>> there =
          table.filter(slice.where()).collectAsList().stream().map(RowValues::of).toList();
      long strange = compare(there);
      if (strange > 0 && isAsAnotherSays(asOthersSay, there)) {
        missing.clear();
        strange = 0;
      }
      this.comparison =
          new Comparison(
              slice.table(),
              slice.where(),
              there.size() + missing.size() - strange,
              there.size(),
              missing.size(),
              strange);
    }

    /** Notes what is missing, and counts what is strange. */
    private long compare(List<List<Object>> there) {
      Map<List<Object>, Integer> left = counted(there);
      List<List<Object>> recorded = recorded(slice);
      for (int i = 0; i < recorded.size(); i++) {
        Integer times = left.get(recorded.get(i));
        if (times == null) {
          missing.add(slice.rows().get(i));
        } else if (times == 1) {
          left.remove(recorded.get(i));
        } else {
          left.put(recorded.get(i), times - 1);
        }
      }
      return left.values().stream().mapToLong(Integer::longValue).sum();
    }

    private Map<List<Object>, Integer> counted(List<List<Object>> rows) {
      Map<List<Object>, Integer> counts = new HashMap<>();
      rows.forEach(row -> counts.merge(row, 1, Integer::sum));
      return counts;
    }

    private List<List<Object>> recorded(Slice of) {
      return of.rows().stream().map(row -> RowValues.of(row, schema)).toList();
    }

    private boolean isAsAnotherSays(Supplier<List<Slice>> asOthersSay, List<List<Object>> there) {
      return SharedRows.AS_FIRST.contains(slice.table())
          && asOthersSay.get().stream()
              .filter(other -> other.table().equals(slice.table()))
              .filter(other -> other.identity().equals(slice.identity()))
              .anyMatch(other -> counted(recorded(other)).equals(counted(there)));
    }

    @Override
    Comparison comparison() {
      return comparison;
    }

    /** Rows that were loaded before, and lost, apart from those that are still to come. */
    @Override
    void add() {
      long written = tables.written(slice.table(), slice.identity());
      Map<Boolean, List<Map<String, Object>>> byNews =
          missing.stream().collect(partitioningBy(row -> Slice.isBehind(row, written)));
      if (!byNews.get(true).isEmpty()) {
        tables.append(slice.table(), slice.identity(), slice.version(), byNews.get(true));
      }
      if (!byNews.get(false).isEmpty()) {
        String repair = slice.identity() + ".repair";
        tables.append(
            slice.table(), repair, tables.written(slice.table(), repair) + 1, byNews.get(false));
      }
    }

    @Override
    void replace() {
      long written = tables.written(slice.table(), slice.identity());
      List<Map<String, Object>> loaded =
          slice.rows().stream().filter(row -> !Slice.isBehind(row, written)).toList();
      tables.replace(slice.table(), slice.where(), tables.dataset(slice.table(), loaded));
      tables.bring(slice);
    }
  }

  /** A plan's places, as many as there may be. */
  private final class Places extends Part {
    private static final String RECORDED = "recorded_times";
    private static final String THERE = "there_times";

    private final String table;
    private final String plan;
    private final Dataset<Row> recorded;
    private final Dataset<Row> missing;
    private final Comparison comparison;

    Places(String table, String plan, Dataset<Row> rows) {
      this.table = table;
      this.plan = plan;
      String where = Slice.where(Map.of("plan_key", plan));
      Dataset<Row> there = tables.read(table).filter(where);
      Column[] columns = Arrays.stream(there.columns()).map(functions::col).toArray(Column[]::new);
      this.recorded = rows;
      this.missing = rows.select(columns).exceptAll(there);
      Row counts =
          rows.select(columns)
              .withColumn(RECORDED, lit(1L))
              .withColumn(THERE, lit(0L))
              .unionAll(there.withColumn(RECORDED, lit(0L)).withColumn(THERE, lit(1L)))
              .groupBy(columns)
              .agg(sum(RECORDED).as(RECORDED), sum(THERE).as(THERE))
              .agg(
                  sum(RECORDED),
                  sum(THERE),
                  sum(greatest(col(RECORDED).minus(col(THERE)), lit(0L))),
                  sum(greatest(col(THERE).minus(col(RECORDED)), lit(0L))))
              .first();
      this.comparison =
          new Comparison(
              table, where, count(counts, 0), count(counts, 1), count(counts, 2), count(counts, 3));
    }

    /** Nothing adds up to null. */
    private static long count(Row counts, int column) {
      return counts.isNullAt(column) ? 0 : counts.getLong(column);
    }

    @Override
    Comparison comparison() {
      return comparison;
    }

    @Override
    void add() {
      // In their order where all are missing.
      Dataset<Row> rows = comparison.there() == 0 ? recorded : missing;
      if (tables.written(table, plan) == 0) {
        tables.append(table, plan, 1, rows);
      } else {
        String repair = plan + ".repair";
        tables.append(table, repair, tables.written(table, repair) + 1, rows);
      }
    }

    @Override
    void replace() {
      boolean loaded = tables.written(table, plan) > 0;
      tables.replace(table, comparison.where(), loaded ? recorded : recorded.limit(0));
      if (!loaded) {
        tables.append(table, plan, 1, recorded);
      }
    }
  }
}
