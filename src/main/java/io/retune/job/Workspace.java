package io.retune.job;

import io.retune.cluster.SparkSessions;
import io.retune.config.Site;
import io.retune.store.Sources;
import io.retune.store.Store;
import java.util.Optional;
import java.util.function.Supplier;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.sql.SparkSession;

/**
 * What every job works with: the site, its store and sources, and a Spark session that starts when
 * first asked for.
 */
public final class Workspace implements AutoCloseable {
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
    Workspace workspace = withoutStore(site, quiet);
    workspace.store();
    return workspace;
  }

  /** For what may get by without a store, which is opened, or made, when first asked for. */
  public static Workspace withoutStore(Site site, boolean quiet) {
    Configuration hadoop = new Configuration();
    return new Workspace(
        site,
        () -> Store.open(site.store(), hadoop),
        new Sources(site, hadoop),
        new Terminal(quiet));
  }

  /**
   * To look at what is there.
   *
   * @throws io.retune.config.InvalidInputException if there is no store
   */
  public static Workspace existing(Site site) {
    Configuration hadoop = new Configuration();
    Store store = Store.existing(site.store(), hadoop);
    return new Workspace(site, () -> store, new Sources(site, hadoop), new Terminal(false));
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

  public SparkSession spark() {
    if (session.isEmpty()) {
      ownsSession = SparkSessions.running().isEmpty();
      session = Optional.of(times.measure(TimeSplit.Stage.SESSION, () -> SparkSessions.open(site)));
    }
    return session.get();
  }

  @Override
  public void close() {
    session.filter(it -> ownsSession).ifPresent(SparkSession::stop);
  }
}
