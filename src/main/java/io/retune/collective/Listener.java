package io.retune.collective;

import java.io.Closeable;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Answers calls on a port of its own. Whoever does not prove the attempt's secret is dropped. No
 * more than a few are examined at a time: a further caller crowds out the one that has taken
 * longest, since a member needs a moment only.
 */
public final class Listener implements Closeable {
  private static final Logger log = LoggerFactory.getLogger(Listener.class);
  private static final int EXAMINED_AT_A_TIME = 32;

  /** Java's default. */
  private static final int BACKLOG = 50;

  private final ServerSocket server;
  private final Attempt attempt;
  private final int me;
  private final BlockingQueue<Channel> answered = new LinkedBlockingQueue<>();
  private final Deque<Socket> examined = new ArrayDeque<>();
  private final ExecutorService examining;
  private final Thread accepting;

  /**
   * @param me our number
   */
  public Listener(Attempt attempt, int me) throws IOException {
    this.server = new ServerSocket(0, BACKLOG, interfaceOfThisProcess());
    this.attempt = attempt;
    this.me = me;
    this.examining = Executors.newCachedThreadPool(task -> daemon(task, "retune-answer-" + me));
    this.accepting = daemon(this::accept, "retune-accept-" + me);
    accepting.start();
  }

  /** The one that Spark was told to use, as on a laptop 127.0.0.1; else all. */
  private static InetAddress interfaceOfThisProcess() throws IOException {
    String spark = System.getenv("SPARK_LOCAL_IP");
    return spark == null ? null : InetAddress.getByName(spark);
  }

  private static Thread daemon(Runnable task, String name) {
    Thread thread = new Thread(task, name);
    thread.setDaemon(true);
    return thread;
  }

  private void accept() {
    while (!server.isClosed()) {
      try {
        Socket socket = server.accept();
        makeRoomFor(socket);
        examining.execute(() -> examine(socket));
      } catch (IOException e) {
        if (!server.isClosed()) {
          log.warn("accept failed: {}", e.getMessage());
        }
      }
    }
  }

  private void makeRoomFor(Socket socket) throws IOException {
    synchronized (examined) {
      if (examined.size() == EXAMINED_AT_A_TIME) {
        examined.removeFirst().close();
      }
      examined.addLast(socket);
    }
  }

  /** False when it was crowded out. */
  private boolean wasStillExamined(Socket socket) {
    synchronized (examined) {
      return examined.remove(socket);
    }
  }

  private void examine(Socket socket) {
    try {
      answered.add(Channel.answer(socket, attempt, me, () -> wasStillExamined(socket)));
    } catch (IOException e) {
      wasStillExamined(socket);
      log.warn("dropped a caller: {}", e.getMessage());
    }
  }

  public int port() {
    return server.getLocalPort();
  }

  /**
   * The next member of the attempt that called.
   *
   * @throws IOException if {@code cancelled}, or nobody called within {@code limitMs}
   */
  public Channel next(long limitMs, BooleanSupplier cancelled) throws IOException {
    long deadline = System.nanoTime() + limitMs * 1_000_000;
    try {
      while (!cancelled.getAsBoolean() && System.nanoTime() < deadline) {
        Channel channel = answered.poll(100, TimeUnit.MILLISECONDS);
        if (channel != null) {
          return channel;
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    throw new IOException("No other member of the attempt called " + address());
  }

  private InetSocketAddress address() {
    return new InetSocketAddress(InetAddress.getLoopbackAddress(), port());
  }

  @Override
  public void close() throws IOException {
    server.close();
    examining.shutdownNow();
    synchronized (examined) {
      for (Socket socket : examined) {
        socket.close();
      }
    }
    try {
      accepting.join(1000);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    for (Channel channel : answered) {
      channel.close();
    }
  }
}
