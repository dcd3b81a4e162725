package io.retune.job;

import io.retune.cluster.Executors;
import io.retune.cluster.SharedStore;
import io.retune.cluster.SparkSessions;
import io.retune.config.ErrorCode;
import io.retune.config.Problem;
import io.retune.config.Site;
import io.retune.store.Sources;
import io.retune.store.Store;
import java.time.Duration;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Supplier;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.sql.SparkSession;

/**
 * What every job works with: the site, its store and sources, and a Spark session that starts when
 * first asked for.
 */
public final class Workspace implements AutoCloseable {
  /** A cluster that starts machines when they are wanted takes minutes. */
  private static final Duration FIRST_EXECUTOR_LIMIT = Duration.ofMinutes(5);

  private static final Duration FURTHER_EXECUTORS_LIMIT = Duration.ofSeconds(20);

  private final Site site;
  private final Supplier<Store> openStore;
  private final Sources sources;
  private final Terminal terminal;
  private final TimeSplit times = new TimeSplit();
  private Optional<Store> store = Optional.empty();
  private Optional<SparkSession> session = Optional.empty();

  /** What whoever started this program had a session for already is not ours to end. */
  private boolean ownsSession;

  private Workspace(Site site, Supplier<Store> openStore, Sources sources, Terminal terminal) {
    this.site = site;
    this.openStore = openStore;
    this.sources = sources;
    this.terminal = terminal;
  }

  /**
   * @param quiet what jobs have to say while they work is left unsaid
   * @throws io.retune.config.InvalidInputException if the store cannot be written to
   */
  public static Workspace open(Site site, boolean quiet) {
    SparkSessions.requireUsable(site);
    Workspace workspace = withoutStore(site, quiet);
    workspace.store();
    return workspace;
  }

  /** For what may get by without a store, which is opened, or made, when first asked for. */
  public static Workspace withoutStore(Site site, boolean quiet) {
    return of(site, hadoop -> Store.open(site.store(), hadoop), quiet);
  }

  /**
   * To look at what is there.
   *
   * @throws io.retune.config.InvalidInputException if there is no store
   */
  public static Workspace existing(Site site) {
    Store store = Store.existing(site.store(), new Configuration());
    return of(site, hadoop -> store, false);
  }

  /** The same, of what may get by without a store: it is looked for when first asked for. */
  public static Workspace looking(Site site) {
    return of(site, hadoop -> Store.existing(site.store(), hadoop), false);
  }

  private static Workspace of(Site site, Function<Configuration, Store> store, boolean quiet) {
    Configuration hadoop = new Configuration();
    return new Workspace(
        site, () -> store.apply(hadoop), new Sources(site, hadoop), new Terminal(quiet));
  }

  public Site site() {
    return site;
  }

  public Store store() {
    if (store.isEmpty()) {
      store = Optional.of(openStore.get());
    }
    return store.get();
  }

  public Sources sources() {
    return sources;
  }

  Terminal terminal() {
    return terminal;
  }

  public TimeSplit times() {
    return times;
  }

  /**
   * @throws ResumableException if the cluster has no executor for us
   * @throws io.retune.config.InvalidInputException if executors see another store
   */
  public SparkSession spark() {
    if (session.isEmpty()) {
      ownsSession = SparkSessions.running().isEmpty();
      session = Optional.of(times.measure(TimeSplit.Stage.SESSION, () -> SparkSessions.open(site)));
      times.measure(TimeSplit.Stage.EXECUTORS, () -> requireExecutors(session.get()));
    }
    return session.get();
  }

  /** On this machine there is nothing to wait for, or to try. */
  private void requireExecutors(SparkSession spark) {
    if (spark.sparkContext().master().startsWith("local")) {
      return;
    }
    if (Executors.await(spark, 1, FIRST_EXECUTOR_LIMIT) == 0) {
      throw new ResumableException(
          new Problem(
              ErrorCode.NO_EXECUTOR,
              spark.sparkContext().master(),
              "has given no executor within %d minutes."
                  .formatted(FIRST_EXECUTOR_LIMIT.toMinutes()),
              "Ask for fewer cores or less memory (spark.executor.cores, spark.executor.memory), or again when the cluster has room."),
          null);
    }
    Executors.await(spark, Executors.asked(spark), FURTHER_EXECUTORS_LIMIT);
    store.ifPresent(it -> SharedStore.require(spark, it));
  }

  @Override
  public void close() {
    session.filter(it -> ownsSession).ifPresent(SparkSession::stop);
  }
}
