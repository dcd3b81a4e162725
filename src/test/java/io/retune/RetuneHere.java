package io.retune;

import io.retune.cluster.SparkSessions;
import io.retune.dataset.SparkForTests;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.apache.spark.sql.delta.DeltaLog;

/**
 * Retune as a user types it, but in this JVM and its Spark session: a tenth of the time of a
 * process, for all that is not about processes.
 */
public record RetuneHere(int exitCode, String stdout, String stderr) implements Said {
  /** Runs {@code retune arguments...} to its end. */
  public static RetuneHere run(String... arguments) {
    if (SparkSessions.running().isEmpty()) {
      SparkForTests.session();
    }
    // Tables may have been deleted or copied by a test since.
    DeltaLog.clearCache();
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    PrintStream stdout = System.out;
    PrintStream stderr = System.err;
    try {
      System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
      System.setErr(new PrintStream(err, true, StandardCharsets.UTF_8));
      int exit = Retune.run(arguments);
      return new RetuneHere(
          exit, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
    } finally {
      System.setOut(stdout);
      System.setErr(stderr);
    }
  }
}
