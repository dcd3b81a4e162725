package io.retune.job;

import static org.assertj.core.api.Assertions.assertThat;

import io.retune.lineage.JournalEntry.Failed;
import io.retune.report.PlannedRun;
import io.retune.store.Store;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GivenUpTest {
  private static final Failed DIVERGED = new Failed(Failed.BAD_INPUT, "the gradient is not finite");

  /** A damaged run keeps nobody from beginning another. */
  @Test
  void runsOfTheSameConfigurationThatFailedAreToldThoughOneIsDamaged(@TempDir Path folder)
      throws IOException {
    PlannedRun planned = new PlannedRun(folder);
    Store store = planned.workshop.store;
    for (String run : new String[] {PlannedRun.RUN, "words-10", "words-11"}) {
      try (RunFolder held = RunFolder.hold(store, run)) {
        planned.events(run).forEach(held::append);
        held.append(run.equals("words-11") ? new Failed("resumable", "a rank died") : DIVERGED);
      }
    }
    Path damaged = store.localPath("runs", "words-10", "journal", "000001.jsonl");
    Files.writeString(damaged, Files.readString(damaged).replace("not finite", "finite"));
    String experiment =
        RunFolder.history(store, PlannedRun.RUN).declared().orElseThrow().asked().experiment();
    assertThat(RunFolder.givenUp(store, experiment))
        .isEqualTo(Map.of(PlannedRun.RUN, DIVERGED.cause()));
    assertThat(RunFolder.givenUp(store, "another")).isEmpty();
  }
}
