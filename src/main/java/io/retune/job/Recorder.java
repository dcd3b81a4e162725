package io.retune.job;

import io.retune.config.TrackingSite;
import io.retune.lineage.JournalEntry;
import io.retune.lineage.JournalEntry.Delivered;
import io.retune.lineage.RunHistory;
import io.retune.plan.Plan;
import io.retune.store.LeaseHeldException;
import io.retune.tracking.Delivery;
import io.retune.tracking.Missing;
import io.retune.tracking.Mlflow;
import io.retune.tracking.Publisher;
import io.retune.tracking.TrackedRun;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps the tables and the tracking server up with a run while it trains, on threads of its own:
 * neither can hold the training up. What the server acknowledges stands in the run's journal.
 */
final class Recorder implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Recorder.class);

  /** People look at a page now and then; what was sent before is not put together again. */
  private static final Duration PUBLISH_EVERY = Duration.ofSeconds(10);

  /** Each load makes a file of its own: the longer a run, the further they are apart. */
  private static final Duration LOAD_FIRST = Duration.ofMinutes(1);

  private static final Duration LOAD_AT_LEAST_EVERY = Duration.ofMinutes(15);
  private static final int LOADS_PER_DOUBLED_AGE = 10;

  /** How long a run that is over waits for its page; the rest is for {@code retune sync}. */
  private static final Duration PATIENCE_AT_THE_END = Duration.ofSeconds(30);

  private final Workspace workspace;
  private final RunFolder folder;
  private final Recording recording;
  private final Plan plan;
  private final Optional<Publisher> publisher;
  private final Thread thread = new Thread(this::keepUp, "retune-recorder");
  private final long startNanos = System.nanoTime();
  private long nextLoadNanos = startNanos + LOAD_FIRST.toNanos();
  private boolean noticed;
  private boolean closed;

  /** Of the publisher's thread, at its last delivery. */
  private long publisherCpuNanos;

  private Recorder(
      Workspace workspace, RunFolder folder, Recording recording, Optional<Mlflow> mlflow) {
    RunHistory history = folder.history();
    this.workspace = workspace;
    this.folder = folder;
    this.recording = recording;
    this.plan = history.declared().orElseThrow().plan(workspace.store());
    this.publisher =
        mlflow.map(
            server ->
                Publisher.start(
                    server,
                    io.retune.tracking.Delivered.of(TrackedRuns.deliveries(history)),
                    this::delivered));
  }

  /** Of a run that was declared. */
  static Recorder start(
      Workspace workspace, RunFolder folder, Recording recording, Optional<Mlflow> mlflow) {
    Recorder recorder = new Recorder(workspace, folder, recording, mlflow);
    folder.watch(recorder::noticed);
    recorder.thread.setDaemon(true);
    recorder.thread.start();
    return recorder;
  }

  /** On the publisher's thread. */
  private void delivered(Delivery delivery) {
    long now = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
    double cpuMs = (now - publisherCpuNanos) / 1e6;
    publisherCpuNanos = now;
    try {
      folder.append(TrackedRuns.entry(delivery, cpuMs));
    } catch (LeaseHeldException e) {
      end();
      throw e;
    }
  }

  /** Nothing more is put together. */
  private synchronized void end() {
    closed = true;
    notifyAll();
  }

  private synchronized void noticed(JournalEntry.Event event) {
    if (!(event instanceof Delivered)) {
      noticed = true;
      notifyAll();
    }
  }

  private void keepUp() {
    try {
      while (awaitWork()) {
        if (takeNews()) {
          offer();
        }
        if (System.nanoTime() >= nextLoadNanos) {
          load();
        }
        pause();
      }
    } catch (InterruptedException e) {
      // Nobody waits for more.
      Thread.currentThread().interrupt();
    }
  }

  /**
   * Until there are news, or the tables are to be brought up to what there was before.
   *
   * @return false once it is over
   */
  private synchronized boolean awaitWork() throws InterruptedException {
    for (long left = nextLoadNanos - System.nanoTime();
        left > 0 && !noticed && !closed;
        left = nextLoadNanos - System.nanoTime()) {
      wait(1 + left / 1_000_000);
    }
    return !closed;
  }

  private synchronized boolean takeNews() {
    boolean news = noticed;
    noticed = false;
    return news;
  }

  private synchronized void pause() throws InterruptedException {
    long end = System.nanoTime() + PUBLISH_EVERY.toNanos();
    for (long left = end - System.nanoTime(); left > 0 && !closed; left = end - System.nanoTime()) {
      wait(1 + left / 1_000_000);
    }
  }

  private void offer() {
    try {
      publisher.ifPresent(p -> p.offer(tracked()));
    } catch (RuntimeException e) {
      log.warn("event=tracking-failed run={}", folder.run(), e);
    }
  }

  private TrackedRun tracked() {
    TrackingSite site = workspace.site().tracking().orElseThrow();
    return TrackedRuns.of(workspace.store(), site, folder.history(), plan);
  }

  private void load() {
    try {
      recording.upToDateMeanwhile(folder);
    } catch (LeaseHeldException e) {
      log.info("event=recording-ended run={} cause={}", folder.run(), e.getMessage());
    } catch (Exception e) { // Spark declares none of what it throws.
      // The journal has it all: the tables get it at the end, or by a later load.
      log.warn("event=recording-failed run={}", folder.run(), e);
    }
    long age = System.nanoTime() - startNanos;
    long pause = Math.max(LOAD_FIRST.toNanos(), age / LOADS_PER_DOUBLED_AGE);
    nextLoadNanos = System.nanoTime() + Math.min(pause, LOAD_AT_LEAST_EVERY.toNanos());
  }

  /**
   * Brings all there is into the tables and to the server. What the server does not take in time is
   * told, and left for {@code retune sync}.
   */
  void finish() {
    stop();
    offer();
    recording.tryUpToDate(folder);
    Optional<Missing> missing = publisher.flatMap(p -> p.close(PATIENCE_AT_THE_END));
    missing.ifPresent(
        what ->
            workspace
                .terminal()
                .warn(
                    "mlflow    has not got everything yet: %s. The run is whole without it; later: ./retune sync %s",
                    what, folder.run()));
    // What the server has acknowledged since.
    recording.tryUpToDate(folder);
  }

  private void stop() {
    end();
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() {
    stop();
    publisher.ifPresent(p -> p.close(Duration.ZERO));
  }
}
