package io.retune.train;

import io.retune.engine.Decoder;
import io.retune.engine.Lane;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** The lanes of a rank, a thread each; work is taken in order by whichever is free. */
public final class Lanes implements AutoCloseable {
  private final ExecutorService threads;
  private final ThreadLocal<Lane> lane;
  private final List<Lane> opened = new ArrayList<>();

  /** Work for one lane. */
  public interface Work {
    void on(Lane lane) throws Exception;
  }

  /**
   * @param rank for the threads' names
   */
  public Lanes(Decoder decoder, int count, int rank) {
    java.util.concurrent.atomic.AtomicInteger number =
        new java.util.concurrent.atomic.AtomicInteger();
    this.threads =
        Executors.newFixedThreadPool(
            count,
            task -> {
              Thread thread =
                  new Thread(task, "retune-lane-" + rank + "-" + number.getAndIncrement());
              thread.setDaemon(true);
              return thread;
            });
    this.lane =
        ThreadLocal.withInitial(
            () -> {
              Lane mine = decoder.lane();
              synchronized (opened) {
                opened.add(mine);
              }
              return mine;
            });
  }

  /** Does all of it and waits; the first failure is thrown. */
  public void all(List<Work> work) {
    List<Future<?>> running = new ArrayList<>();
    for (Work each : work) {
      running.add(
          threads.submit(
              () -> {
                each.on(lane.get());
                return null;
              }));
    }
    try {
      for (Future<?> task : running) {
        task.get();
      }
    } catch (ExecutionException e) {
      running.forEach(task -> task.cancel(true));
      throw new IllegalStateException("A lane failed: " + e.getCause(), e.getCause());
    } catch (InterruptedException e) {
      running.forEach(task -> task.cancel(true));
      Thread.currentThread().interrupt();
      throw new IllegalStateException("Interrupted", e);
    }
  }

  /** Whether all lanes have stopped; while one has not, what it computes with must stay. */
  boolean areDone() {
    return threads.isTerminated();
  }

  @Override
  public void close() {
    threads.shutdownNow();
    try {
      if (threads.awaitTermination(1, java.util.concurrent.TimeUnit.MINUTES)) {
        synchronized (opened) {
          opened.forEach(Lane::close);
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
