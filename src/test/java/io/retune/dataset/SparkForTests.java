package io.retune.dataset;

import io.retune.cluster.SparkSessions;
import io.retune.config.HubSite;
import io.retune.config.Site;
import java.util.Optional;
import org.apache.spark.sql.SparkSession;

/** One session for all tests of a JVM: two local cores, set up as in production. */
public final class SparkForTests {
  private static final Site TWO_CORES =
      new Site(
          "target/store",
          "target/cache",
          Optional.of("local[2]"),
          Optional.empty(),
          Optional.empty(),
          1024,
          Optional.empty(),
          Optional.empty(),
          HubSite.DEFAULT,
          false);

  private SparkForTests() {}

  public static SparkSession session() {
    SparkSession session = SparkSessions.open(TWO_CORES);
    session.sparkContext().setLogLevel("ERROR");
    return session;
  }
}
