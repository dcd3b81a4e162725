package io.retune.store;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.apache.hadoop.fs.Path;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The right to write a folder of the store, held by one process at a time. Leases are numbered:
 * {@code leases/000001} names the first holder, {@code 000001.beat} is its heartbeat, and {@code
 * 000001.released} says that it is done. Whoever creates the next number, which the file system
 * grants to one only, holds the lease from then on; the number fences off what an earlier holder,
 * paused and come back, still tries to write.
 */
public final class Lease implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Lease.class);
  private static final Duration BEAT = Duration.ofSeconds(5);

  /**
   * Twelve beats: a collector's pause or a slow disk is not a death. Clocks of hosts may differ by
   * less than this.
   */
  private static final Duration DEAD_AFTER = Duration.ofSeconds(60);

  private final Store store;
  private final Path folder;
  private final int number;
  private final Thread beating;
  private volatile boolean closed;

  /**
   * A process that holds, or held, a lease.
   *
   * @param startedAt when the process began, epoch milliseconds: a number given to another process
   *     later is told apart
   * @param boot of the machine since it was switched on, where the system tells
   */
  public record Holder(String host, String boot, long pid, long startedAt, String since) {
    static Holder thisProcess() {
      ProcessHandle me = ProcessHandle.current();
      return new Holder(hostName(), bootId(), me.pid(), startOf(me), Instant.now().toString());
    }

    private boolean isHere() {
      return host.equals(hostName()) && boot.equals(bootId());
    }

    private boolean isAlive() {
      return ProcessHandle.of(pid).filter(p -> p.isAlive() && startOf(p) == startedAt).isPresent();
    }

    private static long startOf(ProcessHandle process) {
      return process.info().startInstant().map(Instant::toEpochMilli).orElse(0L);
    }

    private static String hostName() {
      try {
        return InetAddress.getLocalHost().getHostName();
      } catch (IOException e) {
        return "localhost";
      }
    }

    private static String bootId() {
      try {
        return Files.readString(java.nio.file.Path.of("/proc/sys/kernel/random/boot_id")).strip();
      } catch (IOException e) {
        return "";
      }
    }

    @Override
    public String toString() {
      return "process " + pid + " on " + host + ", since " + since;
    }
  }

  private Lease(Store store, Path folder, int number) {
    this.store = store;
    this.folder = folder;
    this.number = number;
    this.beating = new Thread(this::beat, "retune-lease-" + number);
    beating.setDaemon(true);
    beating.start();
  }

  /**
   * Takes the lease of {@code folder}: at once when nobody holds it, or when its holder was a
   * process of this machine that is no more, or has not given a sign for a minute.
   *
   * @throws LeaseHeldException naming the holder
   */
  public static Lease take(Store store, Path folder, String what) {
    Path leases = new Path(folder, "leases");
    int last = last(store, leases);
    Optional<Holder> holder = holder(store, leases, last);
    if (holder.isPresent()) {
      throw new LeaseHeldException(
          what + " is held by " + holder.get() + ". Wait for it, or stop it; then ask again.");
    }
    byte[] me = Json.write(Holder.thisProcess()).getBytes(StandardCharsets.UTF_8);
    if (!store.create(named(leases, last + 1), me)) {
      throw new LeaseHeldException(
          what + " was taken by another process in this moment. Wait for it, then ask again.");
    }
    return new Lease(store, leases, last + 1);
  }

  /** Who holds the lease of {@code folder} now. */
  public static Optional<Holder> holder(Store store, Path folder) {
    Path leases = new Path(folder, "leases");
    return holder(store, leases, last(store, leases));
  }

  private static Optional<Holder> holder(Store store, Path leases, int last) {
    if (last == 0 || store.exists(released(leases, last))) {
      return Optional.empty();
    }
    try {
      Holder holder = Json.read(store.read(named(leases, last)), Holder.class);
      boolean lives =
          holder.isHere() ? holder.isAlive() : lastSign(store, leases, last, holder).isRecent();
      return lives ? Optional.of(holder) : Optional.empty();
    } catch (IOException e) {
      throw new UncheckedIOException(named(leases, last) + " is damaged", e);
    }
  }

  private record Sign(Instant at) {
    boolean isRecent() {
      return at.plus(DEAD_AFTER).isAfter(Instant.now());
    }
  }

  private static Sign lastSign(Store store, Path leases, int number, Holder holder) {
    Path beat = beat(leases, number);
    return new Sign(
        Instant.parse(
            store.exists(beat)
                ? new String(store.read(beat), StandardCharsets.UTF_8)
                : holder.since()));
  }

  private static int last(Store store, Path leases) {
    List<Path> all = store.list(leases);
    return all.stream()
        .map(Path::getName)
        .filter(name -> name.matches("\\d{6}"))
        .mapToInt(Integer::parseInt)
        .max()
        .orElse(0);
  }

  private static Path named(Path leases, int number) {
    return new Path(leases, "%06d".formatted(number));
  }

  private static Path beat(Path leases, int number) {
    return new Path(leases, "%06d.beat".formatted(number));
  }

  private static Path released(Path leases, int number) {
    return new Path(leases, "%06d.released".formatted(number));
  }

  /** From 1; grows with each holder. */
  public int number() {
    return number;
  }

  /**
   * @throws LeaseHeldException if another process has taken the lease over meanwhile
   */
  public void requireHeld() {
    if (store.exists(named(folder, number + 1))) {
      throw new LeaseHeldException(
          "The lease of "
              + folder.getParent()
              + " was taken over by another process while this one gave no sign. It goes on; this one ends.");
    }
  }

  private void beat() {
    try {
      while (!closed) {
        Thread.sleep(BEAT.toMillis());
        if (!closed) {
          store.write(
              beat(folder, number), Instant.now().toString().getBytes(StandardCharsets.UTF_8));
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (UncheckedIOException e) {
      // Whether the store works again shows at the next write of the work itself.
      log.warn("event=heartbeat-failed lease={} cause={}", number, e.getMessage());
    }
  }

  /** Gives the lease back. */
  @Override
  public void close() {
    closed = true;
    beating.interrupt();
    try {
      beating.join(1000);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    if (store.exists(named(folder, number))) {
      store.write(released(folder, number), new byte[0]);
    }
  }
}
