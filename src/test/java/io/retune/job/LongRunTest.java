package io.retune.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.retune.config.TrackingSite;
import io.retune.lineage.DamagedJournalException;
import io.retune.lineage.JournalEntry;
import io.retune.lineage.JournalEntry.Stepped;
import io.retune.lineage.RunHistory;
import io.retune.report.PlannedRun;
import io.retune.store.Store;
import io.retune.tracking.TrackedRun.Metric;
import io.retune.tracking.TrackedRun.Metrics;
import io.retune.train.GradientDigest;
import io.retune.train.StepRecord;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import org.apache.commons.io.FileUtils;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** What a run of many steps costs those who look at it, or at another. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class LongRunTest {
  private static final int STEPS = 300;
  private static final int TENSORS = 420;

  private PlannedRun run;
  private Store store;

  @BeforeAll
  void write(@TempDir Path folder) throws IOException {
    run = new PlannedRun(folder);
    store = run.workshop.store;
    try (RunFolder held = RunFolder.hold(store, PlannedRun.RUN)) {
      run.events().forEach(held::append);
      for (int step = 1; step <= STEPS; step++) {
        held.append(new Stepped(1, step(step)));
      }
    }
  }

  private static StepRecord step(int step) {
    String digest = "%032x".formatted(step);
    return new StepRecord(
        step,
        3.0 / step,
        1e-3,
        0.5,
        4,
        400,
        100,
        Collections.nCopies(8, digest),
        GradientDigest.of(Collections.nCopies(TENSORS, digest)),
        1,
        2,
        3,
        4,
        5,
        10,
        1 << 20);
  }

  /** It is damaged far behind its beginning, which only who reads that far can see. */
  @Test
  void whoAsksForARunReadsOfTheOthersWhatTheyBeganWith() throws IOException {
    String other = "words-10";
    try (RunFolder held = RunFolder.hold(store, other)) {
      run.events(other).forEach(held::append);
      held.append(new Stepped(1, step(1)));
    }
    Path file = store.localPath("runs", other, "journal", "000001.jsonl");
    Files.writeString(file, Files.readString(file).replace("\"loss\":3.0", "\"loss\":2.0"));
    assertThat(RunFolder.named(store, PlannedRun.RUN).steps()).hasSize(STEPS);
    assertThatThrownBy(() -> RunFolder.named(store, "words-"))
        .hasMessageContaining("stands for 2 runs.")
        .hasMessageContaining("words-10");
    assertThatThrownBy(() -> RunFolder.named(store, other))
        .isInstanceOf(DamagedJournalException.class);
    FileUtils.deleteDirectory(store.localPath("runs", other).toFile());
  }

  private static TrackingSite site() {
    return new TrackingSite(
        URI.create("http://127.0.0.1:5000"),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        TrackingSite.DEFAULT_CONNECT_TIMEOUT,
        TrackingSite.DEFAULT_REQUEST_TIMEOUT,
        TrackingSite.DEFAULT_PATIENCE);
  }

  /** Of an entry long ago nothing can be made any more, and nothing has to be. */
  @Test
  void onlyPointsOfNewEntriesArePutTogether() {
    List<JournalEntry> entries =
        new ArrayList<>(RunFolder.history(store, PlannedRun.RUN).entries());
    Metrics all = metrics(entries);
    JournalEntry old = entries.get(1);
    entries.set(1, new JournalEntry(old.entry(), "long ago", old.event(), old.seal()));
    Metrics metrics = metrics(entries);
    assertThatThrownBy(() -> metrics.behind(0)).isInstanceOf(RuntimeException.class);
    long behind = entries.size() - 2L;
    assertThat(metrics.behind(behind))
        .isEqualTo(all.behind(0).stream().filter(point -> point.entry() > behind).toList())
        .extracting(Metric::step)
        .contains((long) STEPS - 1, (long) STEPS);
    assertThat(metrics.behind(entries.size())).isEmpty();
    assertThat(metrics.lastStep()).isEqualTo(STEPS);
  }

  private Metrics metrics(List<JournalEntry> entries) {
    return TrackedRuns.of(store, site(), new RunHistory(entries), run.plan).metrics();
  }

  @Test
  void aListingHoldsFiguresWithoutDigests() {
    RunHistory figures = RunFolder.figures(store, PlannedRun.RUN);
    RunHistory whole = RunFolder.history(store, PlannedRun.RUN);
    assertThat(figures.steps().get(0).leafDigests()).isEmpty();
    assertThat(figures.seal()).isEqualTo(whole.seal());
    assertThat(RunResult.of(store, figures)).isEqualTo(RunResult.of(store, whole));
  }
}
