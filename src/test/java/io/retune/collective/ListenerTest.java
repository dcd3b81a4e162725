package io.retune.collective;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.retune.collective.Channel.Header;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A wait that does not end would be one of the defects looked for. */
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class ListenerTest {
  /** Three seconds for the proof, and room for a busy machine. */
  private static final int DROPPED_MS = 6000;

  private static final Header HEADER = new Header(9, 1, 2, 3);
  private static final byte[] NOTHING = {};

  private final Attempt attempt = Attempt.start("run", 4);
  private final List<AutoCloseable> opened = new ArrayList<>();
  private Listener listener;

  @BeforeEach
  void listen() throws IOException {
    listener = new Listener(attempt, 0);
  }

  @AfterEach
  void close() throws Exception {
    for (AutoCloseable each : opened) {
      each.close();
    }
    listener.close();
  }

  @Test
  void aMemberIsConnectedAndBothSidesUnderstandEachOther() throws IOException {
    Channel caller = call(attempt, 3);
    Channel called = next();

    assertThat(called.peer()).isEqualTo(3);
    assertThat(caller.peer()).isEqualTo(0);
    caller.send(HEADER, "hello".getBytes(StandardCharsets.UTF_8));
    assertThat(new String(called.receive(HEADER), StandardCharsets.UTF_8)).isEqualTo("hello");
    float[] vector = {0, 1.5f, -0f, Float.MIN_VALUE, 7};
    called.send(HEADER, vector, 1, 3);
    float[] received = new float[5];
    caller.receive(HEADER, received, 2, 3);
    assertThat(Adversarial.bits(received))
        .isEqualTo(Adversarial.bits(new float[] {0, 0, 1.5f, -0f, Float.MIN_VALUE}));
  }

  @Test
  void whoDoesNotKnowTheSecretIsDropped() {
    assertThatThrownBy(() -> call(Attempt.start("run", 4), 1)).isInstanceOf(IOException.class);
    requireNobody();
  }

  @Test
  void aRankOfAnotherAttemptOrRunIsDropped() {
    assertThatThrownBy(() -> call(new Attempt("run", 3, attempt.secret()), 1))
        .isInstanceOf(IOException.class);
    assertThatThrownBy(() -> call(new Attempt("other", 4, attempt.secret()), 1))
        .isInstanceOf(IOException.class);
    requireNobody();
  }

  @Test
  void aCallerFindsOutWhenTheOtherSideDoesNotKnowTheSecret() throws IOException {
    Listener stranger = new Listener(Attempt.start("run", 4), 1);
    opened.add(stranger);
    assertThatThrownBy(() -> Channel.connect(Ranks.addressOf(stranger), attempt, 2, 1))
        .isInstanceOf(IOException.class);
  }

  @Test
  void aCallMeantForAnotherRankIsDropped() {
    assertThatThrownBy(() -> Channel.connect(Ranks.addressOf(listener), attempt, 2, 1))
        .isInstanceOf(IOException.class);
    requireNobody();
  }

  @Test
  void hostileCallersAreDroppedInTimeWhileRanksConnect() throws Exception {
    List<Socket> silent = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      silent.add(raw());
    }
    Socket garbage = raw();
    byte[] noise = new byte[100_000];
    new Random(1).nextBytes(noise);
    write(garbage, noise);
    Socket drip = raw();
    Thread dripping = dripping(drip);

    try (Ranks ranks = new Ranks(1)) {
      long start = System.nanoTime();
      List<InetSocketAddress> addresses =
          List.of(Ranks.addressOf(listener), ranks.addresses.get(0));
      Future<String> rank0 = connecting(ranks, 0, addresses);
      Future<String> rank1 = connecting(ranks, 1, addresses);
      assertThat(rank0.get(30, TimeUnit.SECONDS)).isEqualTo("connected");
      assertThat(rank1.get(30, TimeUnit.SECONDS)).isEqualTo("connected");
      assertThat(millisSince(start)).isLessThan(2000);
    }

    long start = System.nanoTime();
    for (Socket socket : silent) {
      requireDropped(socket);
    }
    requireDropped(garbage);
    dripping.join(DROPPED_MS);
    assertThat(dripping.isAlive()).as("one that sends a byte now and then").isFalse();
    assertThat(millisSince(start)).isLessThan(DROPPED_MS);
  }

  private Future<String> connecting(Ranks ranks, int rank, List<InetSocketAddress> addresses) {
    return ranks.submit(
        () -> {
          Listener mine = rank == 0 ? listener : ranks.listeners.get(0);
          try (Peers peers = Peers.connect(rank, attempt, mine, addresses, () -> false)) {
            peers.gather(1, NOTHING);
            return "connected";
          }
        });
  }

  /** Sends one byte every 100 ms until the other side hangs up. */
  private Thread dripping(Socket socket) {
    Thread thread =
        new Thread(
            () -> {
              try {
                while (true) {
                  socket.getOutputStream().write(0x52);
                  Thread.sleep(100);
                }
              } catch (IOException | InterruptedException e) {
                return;
              }
            });
    thread.setDaemon(true);
    thread.start();
    return thread;
  }

  @Test
  void aHandshakeThatWasOverheardCannotBePlayedAgain() throws Exception {
    try (Relay relay = new Relay(Ranks.addressOf(listener))) {
      Channel caller = Channel.connect(relay.address(), attempt, 1, 0);
      opened.add(caller);
      Channel called = next();
      caller.send(HEADER, "secret".getBytes(StandardCharsets.UTF_8));
      called.receive(HEADER);

      Socket replaying = raw();
      write(replaying, relay.fromCaller());

      requireNobody();
      requireDropped(replaying);
      Channel real = call(attempt, 1);
      next();
      assertThat(real.peer()).isZero();
    }
  }

  @Test
  void aByteChangedOnTheWayIsNoticed() throws Exception {
    try (Relay relay = new Relay(Ranks.addressOf(listener))) {
      Channel caller = Channel.connect(relay.address(), attempt, 1, 0);
      opened.add(caller);
      Channel called = next();
      relay.changeFromNowOn();

      caller.send(HEADER, "secret".getBytes(StandardCharsets.UTF_8));

      assertThatThrownBy(() -> called.receive(HEADER))
          .isInstanceOf(UncheckedIOException.class)
          .hasMessageContaining("The connection to rank 1 is lost");
    }
  }

  @Test
  void nothingOnTheWireIsReadable() throws Exception {
    try (Relay relay = new Relay(Ranks.addressOf(listener))) {
      Channel caller = Channel.connect(relay.address(), attempt, 1, 0);
      opened.add(caller);
      Channel called = next();
      caller.send(HEADER, "a text that is easily found".getBytes(StandardCharsets.UTF_8));
      called.receive(HEADER);

      assertThat(new String(relay.fromCaller(), StandardCharsets.ISO_8859_1))
          .doesNotContain("easily");
    }
  }

  @Test
  void aMessageWithAnotherHeaderIsRefused() throws IOException {
    Channel caller = call(attempt, 3);
    Channel called = next();
    caller.send(HEADER, NOTHING);

    assertThatThrownBy(() -> called.receive(new Header(9, 2, 2, 3)))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "rank 3 sent Header[kind=9, step=1, begin=2, end=3] instead of "
                + "Header[kind=9, step=2, begin=2, end=3]");
  }

  @Test
  void aVectorOfAnotherLengthIsRefused() throws IOException {
    Channel caller = call(attempt, 3);
    Channel called = next();
    caller.send(HEADER, new float[5], 0, 5);

    assertThatThrownBy(() -> called.receive(HEADER, new float[6], 0, 6))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("rank 3 sent 20 bytes for Header[kind=9, step=1, begin=2, end=3]");
  }

  @Test
  void aSmallMessageMayNotBeLarge() throws IOException {
    Channel caller = call(attempt, 3);
    Channel called = next();
    Thread sending =
        new Thread(
            () -> {
              try {
                caller.send(HEADER, new byte[64 * 1024 * 1024 + 1]);
              } catch (UncheckedIOException e) {
                // The other side hung up on it.
                return;
              }
            });
    sending.start();

    assertThatThrownBy(() -> called.receive(HEADER))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("rank 3 announced 67108865 bytes");
    called.close();
  }

  @Test
  void waitingForACallEndsWithItsLimit() {
    long start = System.nanoTime();
    assertThatThrownBy(() -> listener.next(300, () -> false))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("No other member of the attempt called");
    assertThat(millisSince(start)).isBetween(250L, 2000L);
  }

  @Test
  void theSecretIsInNoText() {
    assertThat(attempt.toString()).isEqualTo("run attempt 4");
  }

  private Channel call(Attempt as, int me) throws IOException {
    Channel channel = Channel.connect(Ranks.addressOf(listener), as, me, 0);
    opened.add(channel);
    return channel;
  }

  private Channel next() throws IOException {
    Channel channel = listener.next(10_000, () -> false);
    opened.add(channel);
    return channel;
  }

  private void requireNobody() {
    assertThatThrownBy(() -> listener.next(300, () -> false)).isInstanceOf(IOException.class);
  }

  private Socket raw() throws IOException {
    Socket socket = new Socket(InetAddress.getLoopbackAddress(), listener.port());
    opened.add(socket);
    return socket;
  }

  private static void write(Socket socket, byte[] bytes) throws IOException {
    try {
      socket.getOutputStream().write(bytes);
    } catch (SocketException e) {
      // Dropped before all was read: as it should be.
      assertThat(socket.isConnected()).isTrue();
    }
  }

  /** The other side hangs up; what it may have said before does not matter. */
  private static void requireDropped(Socket socket) throws IOException {
    socket.setSoTimeout(DROPPED_MS);
    InputStream in = socket.getInputStream();
    try {
      assertThat(in.readNBytes(1000).length).isLessThan(1000);
    } catch (SocketException e) {
      assertThat(e).hasMessageContaining("reset");
    }
  }

  private static long millisSince(long start) {
    return (System.nanoTime() - start) / 1_000_000;
  }

  /**
   * Passes bytes on between a caller and the called, remembers the caller's, and can spoil them.
   */
  private static final class Relay implements AutoCloseable {
    private final ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
    private final ByteArrayOutputStream heard = new ByteArrayOutputStream();
    private volatile boolean changing;

    Relay(InetSocketAddress called) throws IOException {
      start(
          () -> {
            Socket caller = server.accept();
            Socket onward = new Socket(called.getAddress(), called.getPort());
            start(() -> pass(onward.getInputStream(), caller.getOutputStream(), false));
            pass(caller.getInputStream(), onward.getOutputStream(), true);
          });
    }

    private interface Work {
      void run() throws IOException;
    }

    private static void start(Work work) {
      Thread thread =
          new Thread(
              () -> {
                try {
                  work.run();
                } catch (IOException e) {
                  // One side hung up.
                  return;
                }
              });
      thread.setDaemon(true);
      thread.start();
    }

    private void pass(InputStream from, OutputStream to, boolean fromCaller) throws IOException {
      byte[] bytes = new byte[4096];
      for (int n = from.read(bytes); n >= 0; n = from.read(bytes)) {
        if (fromCaller) {
          synchronized (heard) {
            heard.write(bytes, 0, n);
          }
          // A length alone, four bytes, would only make the other side wait for more.
          if (changing && n > 4) {
            bytes[n - 1] ^= 1;
          }
        }
        to.write(bytes, 0, n);
      }
    }

    InetSocketAddress address() {
      return new InetSocketAddress(server.getInetAddress(), server.getLocalPort());
    }

    byte[] fromCaller() {
      synchronized (heard) {
        return heard.toByteArray();
      }
    }

    void changeFromNowOn() {
      changing = true;
    }

    @Override
    public void close() throws IOException {
      server.close();
    }
  }
}
