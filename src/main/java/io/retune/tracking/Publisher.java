package io.retune.tracking;

import java.net.URI;
import java.time.Duration;
import java.util.Optional;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Publishes a run while it goes on, on a daemon thread of its own: an outage of the server delays
 * the page, never the training. Of the values that are offered the latest is sent; one line is
 * logged when an outage begins and one when it ends.
 */
public final class Publisher {
  private static final Logger log = LoggerFactory.getLogger(Publisher.class);

  /** People look at a page; sending each step at once would only keep the server busy. */
  private static final Duration PAUSE = Duration.ofSeconds(2);

  /** After a publication failed: {@link Mlflow} itself has been patient before that. */
  private static final Duration PAUSE_AFTER_FAILURE = Duration.ofSeconds(10);

  private final Mlflow mlflow;
  private final Consumer<Delivery> acknowledged;
  private final Thread thread;

  /** Held while a delivery is recorded: an interrupt would close the file that it is written to. */
  private final Object recording = new Object();

  private Delivered delivered;
  private Optional<URI> page = Optional.empty();
  private Optional<TrackedRun> latest = Optional.empty();
  private boolean fresh;
  private boolean closing;
  private boolean failing;

  /** What the last publication failed with. */
  private Optional<String> failure = Optional.empty();

  private Publisher(Mlflow mlflow, Delivered before, Consumer<Delivery> acknowledged) {
    this.mlflow = mlflow;
    this.delivered = before;
    this.acknowledged = acknowledged;
    this.thread = new Thread(this::run, "retune-tracking");
    this.thread.setDaemon(true);
  }

  /**
   * Starts the thread; it belongs to the caller, who closes this.
   *
   * @param before what was acknowledged earlier
   * @param acknowledged told of each thing at once, on that thread
   */
  public static Publisher start(Mlflow mlflow, Delivered before, Consumer<Delivery> acknowledged) {
    Publisher publisher = new Publisher(mlflow, before, acknowledged);
    publisher.thread.start();
    return publisher;
  }

  /** Has {@code run} sent when there is time; returns at once. */
  public synchronized void offer(TrackedRun run) {
    latest = Optional.of(run);
    fresh = true;
    notifyAll();
  }

  /**
   * Waits until what was offered last has been sent, but not longer than {@code patience}; then
   * ends the thread.
   *
   * @return what the server has not acknowledged of it: work for {@code retune sync RUN}
   */
  public Optional<Missing> close(Duration patience) {
    synchronized (this) {
      closing = true;
      notifyAll();
    }
    try {
      thread.join(Math.max(1, patience.toMillis()));
      breakOff();
      thread.join(PAUSE.toMillis());
    } catch (InterruptedException e) {
      breakOff();
      Thread.currentThread().interrupt();
    }
    Optional<Missing> missing = missing();
    missing.ifPresent(m -> log.warn("event=tracking-incomplete run={} missing=\"{}\"", m.run(), m));
    return missing;
  }

  private void breakOff() {
    synchronized (recording) {
      thread.interrupt();
    }
  }

  /** The run's page, for a browser; empty as long as the server has not all of a value. */
  public synchronized Optional<URI> page() {
    return page;
  }

  private synchronized Optional<Missing> missing() {
    return latest
        .flatMap(run -> delivered.on(mlflow.server(), run.run()).missing(run))
        .map(missing -> missing.because(failure));
  }

  private void run() {
    try {
      for (Optional<TrackedRun> run = next(); run.isPresent(); run = next()) {
        pause(publish(run.get()));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** The latest value, once; empty when there will be none. */
  private synchronized Optional<TrackedRun> next() throws InterruptedException {
    while (!fresh && !closing) {
      wait();
    }
    boolean some = fresh;
    fresh = false;
    return some ? latest : Optional.empty();
  }

  /** How long to leave the server alone. */
  private Duration publish(TrackedRun run) {
    try {
      published(run, mlflow.publish(run, known(), this::acknowledge));
      failing = false;
      return PAUSE;
    } catch (MlflowUnreachableException e) {
      again();
      failed(run, "tracking-unreachable", e);
    } catch (RuntimeException e) {
      // Something has to change first: the next value is another try.
      failed(run, "tracking-refused", e);
    }
    return PAUSE_AFTER_FAILURE;
  }

  private synchronized void published(TrackedRun run, Publication publication) {
    page = Optional.of(publication.page());
    failure = Optional.empty();
    if (failing) {
      log.info("event=tracking-recovered run={} page={}", run.run(), publication.page());
    }
    if (run.ended().isPresent()) {
      log.info("event=tracking-complete run={} page={}", run.run(), publication.page());
    }
  }

  private synchronized void failed(TrackedRun run, String event, RuntimeException e) {
    if (Thread.currentThread().isInterrupted()) {
      // Our own end is no reason.
      return;
    }
    failure = Optional.of(oneLine(e));
    if (!failing) {
      log.warn("event={} run={} cause=\"{}\"", event, run.run(), oneLine(e));
    }
    failing = true;
  }

  private static String oneLine(RuntimeException e) {
    return String.valueOf(e.getMessage()).replaceAll("\\s+", " ");
  }

  private synchronized void again() {
    fresh = true;
  }

  private synchronized Delivered known() {
    return delivered;
  }

  private void acknowledge(Delivery delivery) {
    synchronized (recording) {
      boolean interrupted = Thread.interrupted();
      acknowledged.accept(delivery);
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
    synchronized (this) {
      delivered = delivered.and(delivery);
    }
  }

  /** Cut short by the end. */
  private synchronized void pause(Duration pause) throws InterruptedException {
    if (Thread.currentThread().isInterrupted()) {
      throw new InterruptedException();
    }
    long end = System.nanoTime() + pause.toNanos();
    while (!closing && System.nanoTime() < end) {
      wait(Math.max(1, Duration.ofNanos(end - System.nanoTime()).toMillis()));
    }
  }
}
