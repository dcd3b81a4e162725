package io.retune.collective;

import io.retune.collective.Channel.Header;
import io.retune.collective.LeafTree.Node;
import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetSocketAddress;
import java.net.SocketException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/**
 * The ranks of an attempt, each connected to each, and what they do together. Every rank owns a
 * slice of the vector: it receives all partial sums of its slice, finishes the tree, and sends the
 * finished slice to all. (Reduce-scatter and all-gather; Thakur, Rabenseifner, Gropp 2005, with the
 * order of additions fixed by the leaf tree.)
 */
public final class Peers implements Closeable {
  private static final int CONNECT_LIMIT_MS = 60_000;
  private static final int CALL_AGAIN_MS = 50;
  private static final int WATCH_INTERVAL_MS = 200;

  /** Kinds of messages between ranks. */
  private static final int PARTIAL = 1;

  private static final int FINISHED_SLICE = 2;
  private static final int NOTE = 3;

  private final int rank;
  private final int world;
  private final Channel[] channels;
  private final ExecutorService threads;
  private final Thread watch;
  private volatile boolean closed;

  private Peers(int rank, Channel[] channels, BooleanSupplier cancelled) {
    this.rank = rank;
    this.world = channels.length;
    this.channels = channels;
    AtomicInteger count = new AtomicInteger();
    this.threads =
        Executors.newCachedThreadPool(
            task -> {
              Thread thread =
                  new Thread(task, "retune-exchange-" + rank + "-" + count.getAndIncrement());
              thread.setDaemon(true);
              return thread;
            });
    this.watch = new Thread(() -> watch(cancelled), "retune-watch-" + rank);
    watch.setDaemon(true);
    watch.start();
  }

  /**
   * Connects every rank with every other: the one with the higher number calls.
   *
   * @param listener of this rank
   * @param addresses of the ranks' listeners, by rank
   * @param cancelled when true all waiting ends within a fraction of a second
   */
  public static Peers connect(
      int rank,
      Attempt attempt,
      Listener listener,
      List<InetSocketAddress> addresses,
      BooleanSupplier cancelled)
      throws IOException {
    Channel[] channels = new Channel[addresses.size()];
    try {
      for (int peer = 0; peer < rank; peer++) {
        channels[peer] = call(addresses.get(peer), attempt, rank, peer, cancelled);
      }
      for (int missing = addresses.size() - 1 - rank; missing > 0; ) {
        Channel channel = listener.next(CONNECT_LIMIT_MS, cancelled);
        int peer = channel.peer();
        if (peer <= rank || peer >= channels.length || channels[peer] != null) {
          channel.close();
        } else {
          channels[peer] = channel;
          missing--;
        }
      }
      return new Peers(rank, channels, cancelled);
    } catch (IOException e) {
      for (Channel channel : channels) {
        if (channel != null) {
          channel.close();
        }
      }
      throw e;
    }
  }

  /** Calls again when strangers crowded us out before we had proved who we are. */
  private static Channel call(
      InetSocketAddress address, Attempt attempt, int rank, int peer, BooleanSupplier cancelled)
      throws IOException {
    long deadline = System.nanoTime() + CONNECT_LIMIT_MS * 1_000_000L;
    while (true) {
      try {
        return Channel.connect(address, attempt, rank, peer);
      } catch (ConnectException e) {
        throw e;
      } catch (EOFException | SocketException e) {
        if (cancelled.getAsBoolean() || System.nanoTime() > deadline) {
          throw e;
        }
        LockSupport.parkNanos(CALL_AGAIN_MS * 1_000_000L);
      }
    }
  }

  /**
   * Spark kills peers of a failed task without an interrupt, so nothing but a closed socket ends a
   * wait.
   */
  private void watch(BooleanSupplier cancelled) {
    try {
      while (!closed && !cancelled.getAsBoolean()) {
        Thread.sleep(WATCH_INTERVAL_MS);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    closeChannels();
  }

  /**
   * Sums one vector per leaf over all ranks, along the tree.
   *
   * @param partial this rank's sums: one for each of {@code tree.subtrees(tree.range(rank, world))}
   * @param result overwritten with the sum, the same bits on every rank
   */
  public void sum(int step, LeafTree tree, TreeSum partial, VectorPool pool, float[] result) {
    List<Node> mine = tree.subtrees(tree.range(rank, world));
    if (world == 1) {
      float[] sum = partial.take(tree.root());
      System.arraycopy(sum, 0, result, 0, sum.length);
      pool.give(sum);
      return;
    }
    List<float[]> vectors = mine.stream().map(partial::take).toList();
    int size = result.length;
    VectorPool slices = new VectorPool(sliceEnd(rank, size) - sliceBegin(rank, size));
    TreeSum slice = new TreeSum(tree, slices);
    List<Runnable> tasks = new ArrayList<>();
    for (int peer = 0; peer < world; peer++) {
      if (peer != rank) {
        int to = peer;
        tasks.add(() -> sendPartials(to, step, mine, vectors, size));
        tasks.add(() -> receivePartials(to, step, tree, slices, slice));
      }
    }
    for (int i = 0; i < mine.size(); i++) {
      float[] own = slices.take();
      System.arraycopy(vectors.get(i), sliceBegin(rank, size), own, 0, own.length);
      slice.add(mine.get(i), own);
    }
    all(tasks);
    vectors.forEach(pool::give);
    shareSlices(step, slice.take(tree.root()), result);
  }

  private void sendPartials(int peer, int step, List<Node> nodes, List<float[]> vectors, int size) {
    int begin = sliceBegin(peer, size);
    for (int i = 0; i < nodes.size(); i++) {
      Header header = new Header(PARTIAL, step, nodes.get(i).begin(), nodes.get(i).end());
      channels[peer].send(header, vectors.get(i), begin, sliceEnd(peer, size) - begin);
    }
  }

  private void receivePartials(
      int peer, int step, LeafTree tree, VectorPool slices, TreeSum slice) {
    for (Node node : tree.subtrees(tree.range(peer, world))) {
      float[] vector = slices.take();
      Header header = new Header(PARTIAL, step, node.begin(), node.end());
      channels[peer].receive(header, vector, 0, vector.length);
      slice.add(node, vector);
    }
  }

  private void shareSlices(int step, float[] finished, float[] result) {
    int size = result.length;
    System.arraycopy(finished, 0, result, sliceBegin(rank, size), finished.length);
    List<Runnable> tasks = new ArrayList<>();
    for (int peer = 0; peer < world; peer++) {
      if (peer != rank) {
        int other = peer;
        Header mine = new Header(FINISHED_SLICE, step, rank, 0);
        Header theirs = new Header(FINISHED_SLICE, step, peer, 0);
        int begin = sliceBegin(peer, size);
        int length = sliceEnd(peer, size) - begin;
        tasks.add(() -> channels[other].send(mine, finished, 0, finished.length));
        tasks.add(() -> channels[other].receive(theirs, result, begin, length));
      }
    }
    all(tasks);
  }

  /** Notes of all ranks, by rank, on every rank. */
  public List<byte[]> gather(int step, byte[] mine) {
    byte[][] notes = new byte[world][];
    notes[rank] = mine;
    List<Runnable> tasks = new ArrayList<>();
    for (int peer = 0; peer < world; peer++) {
      if (peer != rank) {
        int other = peer;
        tasks.add(() -> channels[other].send(new Header(NOTE, step, rank, 0), mine));
        tasks.add(() -> notes[other] = channels[other].receive(new Header(NOTE, step, other, 0)));
      }
    }
    all(tasks);
    return List.of(notes);
  }

  private int sliceBegin(int rank, int size) {
    return (int) ((long) size * rank / world);
  }

  private int sliceEnd(int rank, int size) {
    return sliceBegin(rank + 1, size);
  }

  /**
   * Runs all at once; when one fails the connections are closed, so that the others do not wait.
   * What failed first is thrown: the rest failed because of it.
   */
  private void all(List<Runnable> tasks) {
    BlockingQueue<RuntimeException> failures = new LinkedBlockingQueue<>();
    List<Future<?>> running = new ArrayList<>();
    for (Runnable task : tasks) {
      running.add(threads.submit(() -> run(task, failures)));
    }
    for (Future<?> task : running) {
      try {
        task.get();
      } catch (ExecutionException e) {
        throw new IllegalStateException(e.getCause());
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        closeChannels();
        throw new IllegalStateException("Interrupted", e);
      }
    }
    RuntimeException first = failures.poll();
    if (first != null) {
      failures.forEach(first::addSuppressed);
      throw first;
    }
  }

  private void run(Runnable task, BlockingQueue<RuntimeException> failures) {
    try {
      task.run();
    } catch (RuntimeException e) {
      failures.add(e);
      closeChannels();
    } catch (Error e) {
      failures.add(new IllegalStateException(e));
      closeChannels();
    }
  }

  private void closeChannels() {
    for (Channel channel : channels) {
      try {
        if (channel != null) {
          channel.close();
        }
      } catch (IOException e) {
        // It was to be closed, and is.
      }
    }
  }

  @Override
  public void close() {
    closed = true;
    closeChannels();
    threads.shutdownNow();
    watch.interrupt();
    try {
      watch.join(1000);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
