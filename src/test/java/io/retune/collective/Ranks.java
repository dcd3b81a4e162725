package io.retune.collective;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/** The ranks of an attempt as threads of this process, over real sockets. */
final class Ranks implements AutoCloseable {
  final Attempt attempt = Attempt.start("run", 1);
  final List<Listener> listeners = new ArrayList<>();
  final List<InetSocketAddress> addresses = new ArrayList<>();
  private final ExecutorService threads = Executors.newCachedThreadPool();

  Ranks(int world) throws Exception {
    for (int rank = 0; rank < world; rank++) {
      listeners.add(new Listener(attempt, rank));
      addresses.add(addressOf(listeners.get(rank)));
    }
  }

  static InetSocketAddress addressOf(Listener listener) {
    return new InetSocketAddress(InetAddress.getLoopbackAddress(), listener.port());
  }

  /** What one rank does once it is connected. */
  interface Work<T> {
    T of(int rank, Peers peers) throws Exception;
  }

  /** Starts one rank. */
  <T> Future<T> start(int rank, BooleanSupplier cancelled, Work<T> work) {
    return threads.submit(
        () -> {
          try (Peers peers =
              Peers.connect(rank, attempt, listeners.get(rank), addresses, cancelled)) {
            return work.of(rank, peers);
          }
        });
  }

  <T> Future<T> submit(Callable<T> work) {
    return threads.submit(work);
  }

  /** Starts all ranks, and waits for what each gives. */
  <T> List<T> all(Work<T> work) throws Exception {
    List<Future<T>> running = new ArrayList<>();
    for (int rank = 0; rank < addresses.size(); rank++) {
      running.add(start(rank, () -> false, work));
    }
    List<T> results = new ArrayList<>();
    for (Future<T> each : running) {
      results.add(each.get(60, TimeUnit.SECONDS));
    }
    return results;
  }

  /** The exception that a rank ended with. */
  static Throwable failure(Future<?> rank, long seconds) throws Exception {
    try {
      Object result = rank.get(seconds, TimeUnit.SECONDS);
      throw new AssertionError("ended with " + result);
    } catch (ExecutionException e) {
      return e.getCause();
    }
  }

  @Override
  public void close() throws Exception {
    for (Listener listener : listeners) {
      listener.close();
    }
    threads.shutdownNow();
  }
}
