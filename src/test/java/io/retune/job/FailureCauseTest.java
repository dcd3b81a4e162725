package io.retune.job;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class FailureCauseTest {
  private static final String ABORTED =
      "Job aborted due to stage failure: Could not recover from a failed barrier ResultStage. Most"
          + " recent failure reason: Stage failed because barrier task ResultTask(1, 0) finished"
          + " unsuccessfully.\n";

  private static String of(String message) {
    return FailureCause.of(new IllegalStateException("outer", new RuntimeException(message)));
  }

  @Test
  void whatARankThrewIsFoundUnderSparksOwnSentence() {
    assertThat(of(ABORTED + "java.lang.OutOfMemoryError: Java heap space\n\tat a.B.c(B.java:1)"))
        .isEqualTo("Java heap space");
    assertThat(
            of(
                ABORTED
                    + "java.lang.IllegalStateException: Rank 1 failed\n\tat a.B.c(B.java:1)\n"
                    + "Caused by: java.net.ConnectException: Connection refused\n\t... 3 more"))
        .isEqualTo("Connection refused");
    assertThat(of(ABORTED + "java.lang.NullPointerException\n\tat a.B.c(B.java:1)"))
        .isEqualTo("java.lang.NullPointerException");
  }

  @Test
  void aLostExecutorIsToldAsSparkTellsIt() {
    String lost =
        "ExecutorLostFailure (executor 1 exited caused by one of the running tasks) Reason: Command"
            + " exited with code 137";
    assertThat(of(ABORTED + lost)).isEqualTo(lost);
  }

  @Test
  void aDriverThatWasToldToEndWasInterrupted() {
    assertThat(of("Job 0 cancelled because SparkContext was shut down")).isEqualTo("interrupted");
  }

  @Test
  void whatElseThereIsIsItsFirstLine() {
    assertThat(of("place: is wrong.\n  remedy")).isEqualTo("place: is wrong.");
    assertThat(FailureCause.of(new IllegalStateException())).isEqualTo("IllegalStateException");
  }
}
