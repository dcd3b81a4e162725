package io.retune.train;

import io.retune.collective.Attempt;
import io.retune.collective.Channel;
import io.retune.collective.Channel.Header;
import io.retune.collective.Listener;
import java.io.Closeable;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.Optional;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes the events of an attempt's rank 0 on the driver, each handed on before the next is read.
 */
public final class EventServer implements Closeable {
  private static final Logger log = LoggerFactory.getLogger(EventServer.class);
  private static final Header EVENT = new Header(16, 0, 0, 0);
  private static final Header TAKEN = new Header(17, 0, 0, 0);
  private static final byte[] NOTHING = {};

  private final Listener listener;
  private final Thread thread;
  private volatile boolean closed;
  private volatile RuntimeException failure;
  private volatile Channel channel;

  public EventServer(Attempt attempt, Consumer<RankEvent> consumer) throws IOException {
    this.listener = new Listener(attempt, Channel.DRIVER);
    this.thread = new Thread(() -> take(consumer), "retune-events");
    thread.setDaemon(true);
    thread.start();
  }

  private void take(Consumer<RankEvent> consumer) {
    try {
      channel = listener.next(Long.MAX_VALUE / 2_000_000, () -> closed);
      RankEvent event;
      do {
        event = RankEvent.of(channel.receive(EVENT));
        consume(event, consumer);
        channel.send(TAKEN, NOTHING);
      } while (!(event instanceof RankEvent.Finished));
    } catch (IOException | RuntimeException e) {
      if (!closed) {
        log.info("event=events-ended cause={}", e.getMessage());
        closeChannel();
      }
    }
  }

  private void consume(RankEvent event, Consumer<RankEvent> consumer) {
    try {
      consumer.accept(event);
    } catch (RuntimeException | Error e) {
      failure = e instanceof RuntimeException unchecked ? unchecked : new IllegalStateException(e);
      throw failure;
    }
  }

  public int port() {
    return listener.port();
  }

  /** Why the consumer refused an event, when it did. */
  public Optional<RuntimeException> failure() {
    return Optional.ofNullable(failure);
  }

  private void closeChannel() {
    try {
      if (channel != null) {
        channel.close();
      }
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public void close() throws IOException {
    closed = true;
    closeChannel();
    listener.close();
    try {
      thread.join(5000);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Rank 0's side: an event is sent, and taken, before the rank goes on. */
  static final class Sender implements Closeable {
    private final Channel channel;

    Sender(TrainingTask task) throws IOException {
      this.channel =
          Channel.connect(
              new InetSocketAddress(task.driverHost(), task.driverPort()),
              task.attempt(),
              0,
              Channel.DRIVER);
    }

    void send(RankEvent event) {
      channel.send(EVENT, event.bytes());
      channel.receive(TAKEN);
    }

    @Override
    public void close() throws IOException {
      channel.close();
    }
  }
}
