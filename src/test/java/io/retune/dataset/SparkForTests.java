package io.retune.dataset;

import io.retune.cluster.SparkSessions;
import io.retune.config.Site;
import io.retune.config.SiteForTests;
import org.apache.spark.sql.SparkSession;

/** One session for all tests of a JVM: two local cores, set up as in production. */
public final class SparkForTests {
  private static final Site TWO_CORES = SiteForTests.of("target/store", "target/cache");

  private SparkForTests() {}

  public static SparkSession session() {
    SparkSession session = SparkSessions.open(TWO_CORES);
    session.sparkContext().setLogLevel("ERROR");
    return session;
  }
}
