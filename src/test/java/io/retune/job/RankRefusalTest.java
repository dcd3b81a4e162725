package io.retune.job;

import static org.assertj.core.api.Assertions.assertThat;

import io.retune.config.CheckDoesNotHoldException;
import io.retune.config.ErrorCode;
import io.retune.config.InvalidInputException;
import io.retune.store.DamagedFileException;
import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.api.Test;

class RankRefusalTest {
  private final DamagedFileException damaged =
      new DamagedFileException("plans/a: b/0.safetensors", "is cut off", "Restore it.");

  /** As Spark tells what a task of a barrier stage threw. */
  private static RuntimeException aborted(Throwable thrown) {
    StringWriter trace = new StringWriter();
    thrown.printStackTrace(new PrintWriter(trace));
    return new IllegalStateException(
        "outer",
        new RuntimeException(
            "Job aborted due to stage failure: Could not recover from a failed barrier"
                + " ResultStage. Most recent failure reason: Stage failed because barrier task"
                + " ResultTask(1, 0) finished unsuccessfully.\n"
                + trace));
  }

  @Test
  void aDamagedFileIsRefusedAgainAndSoIsWhatCausesSomethingElse() {
    for (Throwable thrown :
        new Throwable[] {
          damaged, new IllegalStateException("A lane failed: " + damaged, damaged)
        }) {
      assertThat(RankRefusal.in(aborted(thrown)))
          .get()
          .isInstanceOf(CheckDoesNotHoldException.class)
          .extracting(RuntimeException::getMessage)
          .isEqualTo(damaged.getMessage());
    }
  }

  @Test
  void badInputIsBadInputOnARankToo() {
    InvalidInputException changed =
        InvalidInputException.of(ErrorCode.MODEL_CHANGED, "models/m", "was changed.", "Delete it.");
    assertThat(RankRefusal.in(aborted(changed)))
        .get()
        .isInstanceOf(InvalidInputException.class)
        .extracting(RuntimeException::getMessage)
        .isEqualTo(changed.getMessage());
    assertThat(RankRefusal.in(changed)).containsSame(changed);
  }

  @Test
  void whatTheDriverItselfRefusesStaysWhatItIs() {
    assertThat(RankRefusal.in(damaged)).containsSame(damaged);
  }

  @Test
  void whatMayGoWellAnotherTimeIsNone() {
    assertThat(RankRefusal.in(aborted(new IllegalStateException("Rank 1 failed [no-code]\n  Nor"))))
        .isEmpty();
    assertThat(RankRefusal.in(aborted(new OutOfMemoryError("Java heap space")))).isEmpty();
    assertThat(RankRefusal.in(new IllegalStateException())).isEmpty();
  }
}
