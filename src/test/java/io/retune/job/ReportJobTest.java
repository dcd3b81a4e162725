package io.retune.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.retune.config.InvalidInputException;
import io.retune.config.SiteForTests;
import io.retune.lineage.JournalEntry;
import io.retune.report.PlannedRun;
import io.retune.store.LeaseHeldException;
import io.retune.store.Store;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.jsoup.Jsoup;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** Pages made of what lies in a store. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ReportJobTest {
  private static final String SAMPLES =
      """
      {"maxNewTokens": 9, "samples": [{
        "prompt": "Say w1.",
        "before": {"text": "No.", "tokens": 2, "stopped": "end-of-turn"},
        "after": {"text": "w1", "tokens": 2, "stopped": "end-of-turn"}}]}
      """;

  private Path elsewhere;
  private List<JournalEntry.Event> events;
  private Store store;
  private Workspace workspace;

  @BeforeAll
  void prepare(@TempDir Path folder) throws IOException {
    PlannedRun run = new PlannedRun(folder);
    events = run.events(UNFINISHED);
    elsewhere = Files.createDirectory(folder.resolve("else where"));
    store = run.workshop.store;
    try (RunFolder held = RunFolder.hold(store, PlannedRun.RUN)) {
      run.events().forEach(held::append);
    }
    store.write(
        store.path("runs", PlannedRun.RUN, RunDocuments.SAMPLES),
        SAMPLES.getBytes(StandardCharsets.UTF_8));
    workspace =
        Workspace.existing(
            SiteForTests.of(store.localPath().toString(), folder.resolve("cache").toString()));
    // The session is the one of all tests, so the workspace is not closed.
  }

  private Path page() {
    return store.localPath("runs", PlannedRun.RUN, "report.html");
  }

  @Test
  void theSameRunGivesTheSameFileWhereverItIsWritten() throws IOException {
    Path copy = elsewhere.resolve("copy.html");
    new ReportJob(workspace).execute("words", Optional.empty(), false);
    new ReportJob(workspace).execute(PlannedRun.RUN, Optional.of(copy), true);
    assertThat(copy).hasSameBinaryContentAs(page());
    assertThat(Jsoup.parse(copy).select(".sample blockquote").eachText())
        .containsExactly("No.", "w1");
    assertThat(elsewhere).isDirectoryNotContaining("glob:**.copy*");
  }

  @Test
  void thePageOfAllRunsLeadsToThePagesOfEach() throws IOException {
    new ReportJob(workspace).execute("words", Optional.empty(), false);
    Path inside = store.localPath("runs.html");
    Path outside = elsewhere.resolve("runs.html");
    new ShowJob(workspace).page(inside);
    new ShowJob(workspace).page(outside);
    assertThat(Jsoup.parse(inside).select("tbody a").attr("href"))
        .isEqualTo("runs/words-1/report.html");
    assertThat(Jsoup.parse(outside).select("tbody a").attr("href"))
        .isEqualTo(page().toUri().toString());
    Files.delete(inside);
  }

  @Test
  void aFileThatCannotBeWrittenIsTheUsersToMend() {
    Path nowhere = elsewhere.resolve("no/such/folder.html");
    assertThatThrownBy(() -> new ReportJob(workspace).execute("words", Optional.of(nowhere), false))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining("Name a file in a folder that is there.");
  }

  private static final String UNFINISHED = "tides-1";

  private Path pageOf(String run) {
    return store.localPath("runs", run, "report.html");
  }

  private RunFolder unfinished() {
    RunFolder held = RunFolder.hold(store, UNFINISHED);
    if (held.history().entries().isEmpty()) {
      held.append(events.get(0));
    }
    return held;
  }

  /** Its driver writes there itself. */
  @Test
  void thePageOfARunThatGoesOnIsWrittenToAFileOfTheUsersOnly() throws IOException {
    Path copy = elsewhere.resolve("live.html");
    try (RunFolder held = unfinished()) {
      assertThatThrownBy(
              () -> new ReportJob(workspace).execute(UNFINISHED, Optional.empty(), false))
          .isInstanceOf(LeaseHeldException.class)
          .hasMessageContaining("The run tides-1: is held by process")
          .hasMessageEndingWith(
              " For its page as it stands now, name a file of your own: ./retune report tides-1"
                  + " --out FILE");
      assertThat(pageOf(UNFINISHED)).doesNotExist();
      new ReportJob(workspace).execute(UNFINISHED, Optional.of(copy), false);
      assertThat(Jsoup.parse(copy).text()).contains("running");
    }
  }

  /** When it goes on it makes its page as if there were none. */
  @Test
  void thePageOfAnInterruptedRunIsWrittenUnderItsLeaseAndIsNoArtifact() throws IOException {
    unfinished().close();
    new ReportJob(workspace).execute(UNFINISHED, Optional.empty(), false);
    assertThat(Jsoup.parse(pageOf(UNFINISHED)).text()).contains("interrupted");
    assertThat(RunFolder.history(store, UNFINISHED).artifacts()).isEmpty();
    assertThat(store.list(store.path("runs", UNFINISHED, "leases")))
        .extracting(org.apache.hadoop.fs.Path::getName)
        .contains("000002.released");
    Files.delete(pageOf(UNFINISHED));
  }
}
