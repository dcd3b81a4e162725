package io.retune.job;

import io.retune.config.TrackingSite;
import io.retune.lineage.JournalEntry.Delivered;
import io.retune.lineage.RunHistory;
import io.retune.plan.Plan;
import io.retune.plan.PlanReader;
import io.retune.tracking.Missing;
import io.retune.tracking.Mlflow;
import io.retune.tracking.Publisher;
import java.time.Duration;
import java.util.Optional;

/**
 * Publishes a run while it trains, and what is left when it is over. What the server acknowledges
 * stands in the run's journal. Where the site names no server, nothing is done.
 */
final class Tracking implements AutoCloseable {
  /** Building all of a page takes long when a run has many steps; people look now and then. */
  private static final Duration EVERY = Duration.ofSeconds(10);

  /** How long a run that is over waits for its page; the rest is for {@code retune sync}. */
  private static final Duration PATIENCE_AT_THE_END = Duration.ofSeconds(30);

  private final Workspace workspace;
  private final RunFolder folder;
  private final TrackingSite site;
  private final Plan plan;
  private final Publisher publisher;
  private long lastOfferNanos;

  private Tracking(Workspace workspace, RunFolder folder, TrackingSite site) {
    RunHistory history = folder.history();
    this.workspace = workspace;
    this.folder = folder;
    this.site = site;
    this.plan =
        PlanReader.open(workspace.store(), history.declared().orElseThrow().planKey()).plan();
    this.publisher =
        Publisher.start(
            new Mlflow(site, System.getenv()),
            io.retune.tracking.Delivered.of(TrackedRuns.deliveries(history)),
            delivery -> folder.append(TrackedRuns.entry(delivery)));
    this.lastOfferNanos = System.nanoTime() - EVERY.toNanos();
  }

  /** Of a run that was declared. */
  static Optional<Tracking> start(Workspace workspace, RunFolder folder) {
    return workspace.site().tracking().map(site -> new Tracking(workspace, folder, site));
  }

  /** Something was written into the journal. */
  synchronized void noticed(Object event) {
    long now = System.nanoTime();
    if (!(event instanceof Delivered) && now - lastOfferNanos >= EVERY.toNanos()) {
      lastOfferNanos = now;
      offer();
    }
  }

  /** Has everything there is sent, when there is time. */
  void offer() {
    publisher.offer(TrackedRuns.of(workspace.store(), site, folder.history(), plan));
  }

  /** Waits for what was offered, and says what is still missing. */
  void finish() {
    Optional<Missing> missing = publisher.close(PATIENCE_AT_THE_END);
    missing.ifPresent(
        what ->
            workspace
                .terminal()
                .warn(
                    "mlflow    has not got everything yet: %s. The run is whole without it; later: ./retune sync %s",
                    what, folder.run()));
  }

  @Override
  public void close() {
    publisher.close(Duration.ZERO);
  }
}
