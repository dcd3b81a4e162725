package io.retune.it;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Stands before a server and harms the requests to it. Of the harm that is done by chance, which
 * requests it falls on is decided by the seed and by their order.
 */
final class FaultProxy implements AutoCloseable {
  private static final double SHARE = 0.3;
  private static final Duration EVER = Duration.ofDays(1);

  /** What happens to requests. */
  enum Fault {
    NONE,
    /** Connections are refused. */
    DOWN,
    /** Requests are taken and never answered; the server does not see them. */
    SILENCE,
    /** 30%: answered with status 503; the server does not see them. */
    ERRORS,
    /** 30%: handled by the server, and the answer is lost. */
    LOST_ANSWERS,
    /** 30%: half of the request reaches the server, then the line breaks. */
    CUTS
  }

  private final URI server;
  private final Random random;
  private final ExecutorService threads = Executors.newCachedThreadPool();
  private final Set<Socket> open = ConcurrentHashMap.newKeySet();
  private final Set<String> lost = ConcurrentHashMap.newKeySet();
  private final AtomicInteger passed = new AtomicInteger();
  private final AtomicInteger harmed = new AtomicInteger();
  private final int port;
  private ServerSocket listening;
  private volatile Fault fault = Fault.NONE;
  private volatile Optional<Hold> delayed = Optional.empty();
  private volatile Ambush ambush = new Ambush("\0", () -> {});

  /** What is done once, when a request whose head has {@code text} is with the server. */
  private record Ambush(String text, Runnable action) {}

  private record Hold(String path, Duration delay) {}

  FaultProxy(URI server, long seed) {
    this.server = server;
    this.random = new Random(seed);
    listen(0);
    this.port = listening.getLocalPort();
  }

  URI uri() {
    return URI.create("http://127.0.0.1:" + port);
  }

  /** Requests that reached the server whole. */
  int passed() {
    return passed.get();
  }

  /** Requests that did not, or whose answer did not come back. */
  int harmed() {
    return harmed.get();
  }

  /** From now on; what is on its way is broken off. */
  synchronized FaultProxy set(Fault next) {
    boolean wasDown = fault == Fault.DOWN;
    fault = next;
    try {
      if (next == Fault.DOWN) {
        listening.close();
      } else if (wasDown) {
        listen(port);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    open.forEach(FaultProxy::shut);
    return this;
  }

  /**
   * Runs {@code action} while the server has the next request to {@code path} and no one an answer.
   */
  void whileServing(String path, Runnable action) {
    ambush = new Ambush(path, action);
  }

  /** Loses the answer to the next request to each of these paths. */
  void loseOneAnswerTo(Set<String> paths) {
    paths.forEach(path -> lost.add(path + " "));
  }

  /** Holds the next request to {@code path} back, and sends it on though nobody waits for it. */
  void delayOne(String path, Duration delay) {
    delayed = Optional.of(new Hold(path + " ", delay));
  }

  private void listen(int at) {
    try {
      ServerSocket socket = new ServerSocket(at, 50, InetAddress.getLoopbackAddress());
      listening = socket;
      threads.execute(() -> accept(socket));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void accept(ServerSocket socket) {
    try {
      while (true) {
        Socket caller = socket.accept();
        threads.execute(() -> serve(caller));
      }
    } catch (IOException e) {
      // Closed: nobody is to be heard any more.
    }
  }

  private void serve(Socket caller) {
    open.add(caller);
    try (caller) {
      InputStream in = caller.getInputStream();
      String head = head(in);
      byte[] body = in.readNBytes(length(head));
      byte[] answer = handle(head, body);
      caller.getOutputStream().write(answer);
    } catch (IOException e) {
      // The caller, the server or the line is gone.
    } finally {
      open.remove(caller);
    }
  }

  private byte[] handle(String head, byte[] body) throws IOException {
    boolean unlucky = unlucky();
    if (lost.removeIf(head::contains)) {
      forward(head, body);
      harmed.incrementAndGet();
      throw new IOException("The answer is lost");
    }
    if (delayed.filter(hold -> head.contains(hold.path())).isPresent()) {
      Duration delay = delayed.get().delay();
      delayed = Optional.empty();
      harmed.incrementAndGet();
      sleep(delay);
    }
    switch (fault) {
      case SILENCE -> {
        harmed.incrementAndGet();
        sleep(EVER);
      }
      case ERRORS -> {
        if (unlucky) {
          harmed.incrementAndGet();
          return "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
              .getBytes(StandardCharsets.US_ASCII);
        }
      }
      case LOST_ANSWERS -> {
        if (unlucky) {
          forward(head, body);
          harmed.incrementAndGet();
          throw new IOException("The answer is lost");
        }
      }
      case CUTS -> {
        if (unlucky) {
          harmed.incrementAndGet();
          cut(head, body);
          throw new IOException("The line is cut");
        }
      }
      case NONE, DOWN -> {}
    }
    return forward(head, body);
  }

  private synchronized boolean unlucky() {
    return random.nextDouble() < SHARE;
  }

  private byte[] forward(String head, byte[] body) throws IOException {
    try (Socket upstream = new Socket(server.getHost(), server.getPort())) {
      open.add(upstream);
      upstream.getOutputStream().write(lastOnItsConnection(head));
      upstream.getOutputStream().write(body);
      Ambush waiting = ambush;
      if (head.contains(waiting.text())) {
        ambush = new Ambush("\0", () -> {});
        waiting.action().run();
      }
      byte[] answer = upstream.getInputStream().readAllBytes();
      if (answer.length == 0) {
        throw new IOException("The server is gone");
      }
      passed.incrementAndGet();
      open.remove(upstream);
      return answer;
    }
  }

  private void cut(String head, byte[] body) throws IOException {
    try (Socket upstream = new Socket(server.getHost(), server.getPort())) {
      byte[] whole = lastOnItsConnection(head);
      int of = body.length == 0 ? whole.length / 2 : whole.length;
      upstream.getOutputStream().write(whole, 0, of);
      upstream.getOutputStream().write(Arrays.copyOf(body, body.length / 2));
      upstream.getOutputStream().flush();
    }
  }

  private static byte[] lastOnItsConnection(String head) {
    return head.replaceFirst("\r\n", "\r\nConnection: close\r\n")
        .getBytes(StandardCharsets.ISO_8859_1);
  }

  private static String head(InputStream in) throws IOException {
    ByteArrayOutputStream head = new ByteArrayOutputStream();
    String text = "";
    while (!text.endsWith("\r\n\r\n")) {
      int next = in.read();
      if (next < 0) {
        throw new IOException("The caller is gone");
      }
      head.write(next);
      text = next == '\n' ? head.toString(StandardCharsets.ISO_8859_1) : "";
    }
    return text;
  }

  private static int length(String head) {
    return head.lines()
        .filter(line -> line.regionMatches(true, 0, "content-length:", 0, 15))
        .mapToInt(line -> Integer.parseInt(line.substring(15).strip()))
        .findFirst()
        .orElse(0);
  }

  private static void sleep(Duration duration) throws IOException {
    try {
      Thread.sleep(duration.toMillis());
    } catch (InterruptedException e) {
      throw new IOException(e);
    }
  }

  private static void shut(Socket socket) {
    try {
      socket.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() {
    set(Fault.DOWN);
    threads.shutdownNow();
  }
}
