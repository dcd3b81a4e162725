package io.retune.job;

import static org.assertj.core.api.Assertions.assertThat;

import io.retune.RetuneHere;
import io.retune.lineage.LineageTables;
import io.retune.report.PlannedRun;
import io.retune.store.Store;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A damaged run keeps nobody from the others. */
class DamagedRunTest {
  private static final String DAMAGED = "words-10";

  @TempDir Path folder;

  private PlannedRun planned;
  private Store store;

  @BeforeEach
  void write() throws IOException {
    planned = new PlannedRun(folder);
    store = planned.workshop.store;
    for (String run : new String[] {PlannedRun.RUN, DAMAGED}) {
      try (RunFolder held = RunFolder.hold(store, run)) {
        planned.events(run).forEach(held::append);
        held.noteRecorded(held.history(), held.journalBytes());
      }
    }
  }

  private void damage(String... file) throws IOException {
    Files.writeString(store.localPath(file), "{\"bytes\":");
  }

  private String note() {
    return store.localPath("runs", DAMAGED, "recorded.json") + ": is no note of what was recorded.";
  }

  private RetuneHere retune(String... arguments) {
    return RetuneHere.run(
        Stream.concat(Stream.of(arguments), Stream.of("--store", store.localPath().toString()))
            .toArray(String[]::new));
  }

  @Test
  void theTablesAreAskedThoughNobodyKnowsHowFarTheyHaveOneRun() throws IOException {
    LineageTables tables = new LineageTables(planned.workshop.spark, store);
    tables.load(RunFolder.history(store, PlannedRun.RUN), planned.plan);
    damage("runs", DAMAGED, "recorded.json");
    RetuneHere asked = retune("sql", "SELECT run FROM runs", "--format", "csv");
    assertThat(asked.stdout()).isEqualTo("run\r\n" + PlannedRun.RUN + "\r\n");
    assertThat(asked.stderr()).contains(DAMAGED + ": its rows may be missing: " + note());
    assertThat(asked.exitCode()).isZero();
  }

  @Test
  void theRunsThatAreHeldAreListedThoughOneIsDamaged() throws IOException {
    try (RunFolder held = RunFolder.hold(store, PlannedRun.RUN);
        RunFolder other = RunFolder.hold(store, DAMAGED)) {
      damage("runs", DAMAGED, "recorded.json");
      RetuneHere status = retune("status");
      assertThat(status.stdout()).contains(held.run()).doesNotContain(other.run());
      assertThat(status.stderr()).startsWith(DAMAGED + ": " + note());
      assertThat(status.exitCode()).isZero();
    }
  }

  @Test
  void allRunsAreListedThoughNobodyKnowsWhetherOneIsHeld() throws IOException {
    damage("runs", DAMAGED, "leases", "000001");
    Files.delete(store.localPath("runs", DAMAGED, "leases", "000001.released"));
    for (String listing : new String[] {"runs", "status"}) {
      RetuneHere listed = retune(listing);
      assertThat(listed.exitCode()).as(listing).isZero();
      assertThat(listed.stderr()).as(listing).startsWith(DAMAGED + ": ");
    }
    assertThat(retune("runs").stdout()).contains(PlannedRun.RUN).doesNotContain(DAMAGED);
  }
}
