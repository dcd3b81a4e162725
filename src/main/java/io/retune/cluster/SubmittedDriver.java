package io.retune.cluster;

import java.net.URI;
import java.net.URISyntaxException;
import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.core.LoggerContext;

/**
 * A driver that spark-submit started: what {@code ./retune} sets for its own is not there, and
 * Spark has set up the logging as it sees fit.
 */
public final class SubmittedDriver {
  private SubmittedDriver() {}

  /** Makes this process what it would be under {@code ./retune}. */
  public static void prepare() {
    // What DJL reads where there are no such environment variables: nothing is fetched or told.
    System.setProperty("ai.djl.offline", "true");
    System.setProperty("OPT_OUT_TRACKING", "true");
    if (isSubmitted()) {
      logAsUnderTheLauncher();
    }
  }

  /**
   * At its first line Spark sets its own logging up once more when the thread's current context is
   * as Log4j made it, though it logs to that of its class loader.
   */
  private static void logAsUnderTheLauncher() {
    try {
      URI configuration = SubmittedDriver.class.getResource("/log4j2.properties").toURI();
      ((LoggerContext) LogManager.getContext(false)).setConfigLocation(configuration);
      ((LoggerContext) LogManager.getContext(true)).setConfigLocation(configuration);
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Whether the Spark session is configured by spark-submit, and not by us. */
  static boolean isSubmitted() {
    return System.getProperty("spark.master") != null;
  }
}
