package io.retune;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import org.apache.spark.SparkException;
import org.junit.jupiter.api.Test;

class FailuresTest {
  private static final String NO_MEMORY =
      """
      retune run: the memory that Java may use ran out: Java heap space. [out-of-memory]
        Give it more, RETUNE_JAVA_OPTIONS=-Xmx6g ./retune ..., or --driver-memory to jobs/submit.sh; then ask again.
      More: ./retune explain out-of-memory
      """;

  private record Told(int exit, String said) {}

  private static Told told(Throwable failure) {
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    PrintStream stderr = System.err;
    try {
      System.setErr(new PrintStream(err, true, StandardCharsets.UTF_8));
      int exit = new Failures("retune run", Optional.empty(), false).tell(failure);
      return new Told(exit, err.toString(StandardCharsets.UTF_8));
    } finally {
      System.setErr(stderr);
    }
  }

  @Test
  void memoryThatRanOutIsNoDefect() {
    // 16 GB, more than tests have: refused before any of it is taken.
    Throwable real = catchThrowable(() -> assertThat(new long[Integer.MAX_VALUE - 8]).isNotNull());
    assertThat(real).isInstanceOf(OutOfMemoryError.class);
    assertThat(told(real)).isEqualTo(new Told(3, NO_MEMORY));
    assertThat(told(new IllegalStateException("It failed.", real)))
        .isEqualTo(new Told(3, NO_MEMORY));
  }

  @Test
  void memoryThatRanOutInATaskOfSparkIsNone() {
    String words =
        "Job aborted due to stage failure: Lost task 0.0 in stage 1.0:"
            + " java.lang.OutOfMemoryError: Java heap space\n\tat a.B.c(B.java:1)\n";
    assertThat(told(new SparkException(words))).isEqualTo(new Told(3, NO_MEMORY));
  }

  @Test
  void whatIsKnownUnderNoNameIsADefect() {
    Told told = told(new IllegalStateException("It failed."));
    assertThat(told.exit()).isEqualTo(1);
    assertThat(told.said()).contains("[defect]").contains("IllegalStateException: It failed.");
  }
}
