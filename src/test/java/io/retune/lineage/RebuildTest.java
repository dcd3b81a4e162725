package io.retune.lineage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.delta.tables.DeltaTable;
import io.retune.lineage.JournalEntry.Declared;
import io.retune.lineage.Rebuild.Comparison;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.apache.commons.io.FileUtils;
import org.apache.spark.sql.delta.DeltaLog;
import org.junit.jupiter.api.Test;

/** Tables held against the record, made again from it, and repaired. */
class RebuildTest extends RecordedRuns {
  @Test
  void tablesThatAreRebuiltEqualTheOriginals() throws IOException {
    RunHistory history = new RunHistory(ended(journal("rebuilt", 3)));
    tables.load(history, plan);
    Map<String, List<String>> originals = json("rebuilt");
    for (String table : RunRows.TABLES) {
      FileUtils.deleteDirectory(workshop.store.localPath("lineage", table).toFile());
    }
    DeltaLog.clearCache();
    tables = new LineageTables(workshop.spark, workshop.store);
    Rebuild rebuild = rebuild(history);
    assertThat(ofRuns(rebuild))
        .allSatisfy(c -> assertThat(c.there() + c.strange()).isZero())
        .extracting(Comparison::missing)
        .containsExactlyElementsOf(
            originals.values().stream().map(rows -> (long) rows.size()).toList());
    assertThat(json("rebuilt").values()).allSatisfy(rows -> assertThat(rows).isEmpty());
    rebuild.add();
    assertThat(json("rebuilt")).isEqualTo(originals);
    assertThat(rebuild(history).comparisons()).allMatch(Comparison::isEqual);
  }

  @Test
  void whatIsAddedBehindARebuildIsLoaded() throws IOException {
    List<JournalEntry> journal = journal("behind", 3);
    tables.load(new RunHistory(journal), plan);
    FileUtils.deleteDirectory(workshop.store.localPath("lineage", "run_ends").toFile());
    FileUtils.deleteDirectory(workshop.store.localPath("lineage", "evaluations").toFile());
    DeltaLog.clearCache();
    tables = new LineageTables(workshop.spark, workshop.store);
    assertThat(LineageTables.isAnyLost(workshop.store)).isTrue();
    rebuild(new RunHistory(journal)).add();
    assertThat(LineageTables.isAnyLost(workshop.store)).isFalse();
    List<JournalEntry> whole = ended(journal);
    tables.load(new RunHistory(whole), plan);
    assertThat(rebuild(new RunHistory(whole)).comparisons()).allMatch(Comparison::isEqual);
  }

  private Rebuild rebuild(RunHistory history, JournalEntry... others) {
    return tables.rebuild(
        history,
        plan,
        model,
        () -> Arrays.stream(others).map(entry -> (Declared) entry.event()).toList());
  }

  private static List<Comparison> ofRuns(Rebuild rebuild) {
    return rebuild.comparisons().stream().filter(c -> c.where().startsWith("run =")).toList();
  }

  private static List<String> unequal(Rebuild rebuild) {
    return rebuild.comparisons().stream()
        .filter(c -> !c.isEqual())
        .map(
            c ->
                "%s has %d of %d, misses %d, has %d strange"
                    .formatted(c.table(), c.there(), c.recorded(), c.missing(), c.strange()))
        .toList();
  }

  private String location(String table) {
    return workshop.store.path("lineage", table).toString();
  }

  /** As somebody would who can write to the store. */
  private void change(String table, String where, String set) {
    String change =
        "%s;UPDATE delta.`%s` SET %s WHERE %s"
            .formatted(
                TableDefinition.appendOnly(location(table), "false"), location(table), set, where);
    Arrays.stream(change.split(";")).forEach(workshop.spark::sql);
  }

  private void repeat(String table, String where) {
    tables.read(table).filter(where).write().format("delta").mode("append").save(location(table));
  }

  @Test
  void aRightRowIsNotPutBesideAChangedOne() {
    RunHistory history = new RunHistory(ended(journal("changed", 3)));
    tables.load(history, plan);
    Map<String, List<String>> originals = json("changed");
    change("steps", "run = 'changed' AND step = 1", "loss = 0.5");
    repeat("checkpoints", "run = 'changed'");
    Map<String, List<String>> changed = json("changed");
    long version =
        DeltaTable.forPath(workshop.spark, location("steps")).history(1).first().getLong(0);

    Rebuild rebuild = rebuild(history);
    assertThat(unequal(rebuild))
        .containsExactly(
            "steps has 3 of 3, misses 1, has 1 strange",
            "checkpoints has 2 of 1, misses 0, has 1 strange");
    assertThatThrownBy(rebuild::add).isInstanceOf(IllegalStateException.class);
    assertThat(json("changed")).isEqualTo(changed);

    rebuild.repair();
    assertThat(json("changed")).isEqualTo(originals);
    assertThat(unequal(rebuild(history))).isEmpty();
    // What was there can still be looked at, and no more can be changed than before.
    assertThat(
            workshop
                .spark
                .read()
                .format("delta")
                .option("versionAsOf", version)
                .load(location("steps"))
                .filter("run = 'changed' AND loss = 0.5")
                .count())
        .isEqualTo(1);
    assertThatThrownBy(() -> workshop.spark.sql("DELETE FROM delta.`" + location("steps") + "`"))
        .hasMessageContaining("configured to only allow appends");
    tables.load(history, plan);
    assertThat(json("changed")).isEqualTo(originals);
  }

  @Test
  void rowsOfAJournalThatWasNotLoadedYetAreAddedOnceBehindARepair() {
    List<JournalEntry> journal = journal("early", 3);
    tables.load(new RunHistory(journal), plan);
    change("drivers", "run = 'early'", "version = '2'");
    RunHistory whole = new RunHistory(ended(journal));
    rebuild(whole).repair();
    tables.load(whole, plan);
    assertThat(unequal(rebuild(whole))).isEmpty();
  }

  @Test
  void whatRunsShareIsHeldAgainstTheRecordToo() {
    RunHistory history = new RunHistory(journal("shares", 2));
    tables.load(history, plan);
    assertThat(unequal(rebuild(history))).isEmpty();
    change("ledger", "split = 'train' AND micro_batch = 0 AND slot = 0", "tokens = 1");
    change("ledger_by_row", "split = 'train' AND micro_batch = 0 AND slot = 0", "epoch = 9");
    change("datasets", "name = 'words'", "licence = 'mine'");
    change("models", "true", "layers = 99");
    change("snapshots", "true", "train_examples = 0");
    change("snapshot_datasets", "true", "version = 7");
    change("transforms", "position = 0", "rows = 7");
    change("experiments", "true", "description = 'better'");
    change("settings", "key = 'order.seed'", "value = '43'");
    Rebuild rebuild = rebuild(history);
    assertThat(rebuild.comparisons().stream().filter(c -> c.strange() == 1 && c.missing() == 1))
        .extracting(Comparison::table)
        .containsExactly(
            "datasets",
            "models",
            "snapshots",
            "snapshot_datasets",
            "transforms",
            "experiments",
            "settings",
            "ledger",
            "ledger_by_row");
    rebuild.repair();
    assertThat(unequal(rebuild(history))).isEmpty();
    tables = new LineageTables(workshop.spark, workshop.store);
    tables.add(version);
    tables.add(plan, snapshot);
    assertThat(unequal(rebuild(history))).isEmpty();
  }

  @Test
  void anExperimentIsAsSomeRunOfTheStoreDeclaredIt() {
    JournalEntry other = journal("first-of-two", 2).get(0);
    RunHistory history = new RunHistory(journal("second-of-two", 2));
    tables.load(history, plan);
    change("experiments", "true", "description = 'as the first run said'");
    assertThat(unequal(rebuild(history)))
        .containsExactly("experiments has 1 of 1, misses 1, has 1 strange");
    Declared was = (Declared) other.event();
    JournalEntry said =
        new JournalEntry(
            1,
            other.time(),
            new Declared(
                was.run(),
                was.request(),
                new JournalEntry.Asked(
                    was.asked().name(),
                    "as the first run said",
                    was.asked().experiment(),
                    was.asked().configuration(),
                    was.asked().reasons(),
                    was.asked().unexplained()),
                was.source(),
                was.modelSha256(),
                was.datasets(),
                was.snapshot(),
                was.planKey(),
                was.planSha256(),
                was.planManifestSha256(),
                was.evaluationSha256(),
                was.steps(),
                was.tokens(),
                was.targetTokens()),
            "0");
    assertThat(unequal(rebuild(history, said))).isEmpty();
    change("experiments", "true", "description = ''");
  }
}
