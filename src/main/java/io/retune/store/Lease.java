package io.retune.store;

import io.retune.config.ErrorCode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
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
   * @param boot of the machine since it was switched on, where the system tells
   * @param namespace in which {@code pid} is a number: containers have their own
   * @param startedAt when the process began: a number given to another process later is told apart
   */
  public record Holder(
      String host, String boot, String namespace, long pid, String startedAt, String since) {
    static Holder thisProcess() {
      ProcessHandle me = ProcessHandle.current();
      return new Holder(
          Host.name(), bootId(), ownNamespace(), me.pid(), startOf(me), Instant.now().toString());
    }

    private boolean isHere() {
      return host.equals(Host.name()) && boot.equals(bootId()) && namespace.equals(ownNamespace());
    }

    private boolean isAlive() {
      return ProcessHandle.of(pid)
          .filter(p -> p.isAlive() && startOf(p).equals(startedAt))
          .isPresent();
    }

    /**
     * Ticks since the machine was switched on (proc(5), field 22), which no change of the clock
     * moves.
     */
    private static String startOf(ProcessHandle process) {
      try {
        String stat = Files.readString(java.nio.file.Path.of("/proc/" + process.pid() + "/stat"));
        return stat.substring(stat.lastIndexOf(')') + 2).split(" ")[19];
      } catch (IOException e) {
        return process.info().startInstant().map(Instant::toString).orElse("");
      }
    }

    private static String ownNamespace() {
      try {
        return Files.readSymbolicLink(java.nio.file.Path.of("/proc/self/ns/pid")).toString();
      } catch (IOException e) {
        return "";
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
          ErrorCode.RUN_HELD,
          what,
          "is held by " + holder.get() + ".",
          "Wait for it, or stop it; then ask again.");
    }
    byte[] me = Json.write(Holder.thisProcess()).getBytes(StandardCharsets.UTF_8);
    if (!store.create(named(leases, last + 1), me)) {
      throw new LeaseHeldException(
          ErrorCode.RUN_HELD,
          what,
          "was taken by another process in this moment.",
          "Wait for it, then ask again.");
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
      boolean lives = holder.isHere() ? holder.isAlive() : gaveASign(store, leases, last, holder);
      return lives ? Optional.of(holder) : Optional.empty();
    } catch (IOException e) {
      throw new UncheckedIOException(named(leases, last) + " is damaged", e);
    }
  }

  private static boolean gaveASign(Store store, Path leases, int number, Holder holder) {
    Path beat = beat(leases, number);
    String last =
        store.exists(beat) ? new String(store.read(beat), StandardCharsets.UTF_8) : holder.since();
    return Instant.parse(last).plus(DEAD_AFTER).isAfter(Instant.now());
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

  /** Six digits: names sort as their numbers do, whatever digits the user's language has. */
  private static String name(int number) {
    return String.format(Locale.ROOT, "%06d", number);
  }

  private static Path named(Path leases, int number) {
    return new Path(leases, name(number));
  }

  private static Path beat(Path leases, int number) {
    return new Path(leases, name(number) + ".beat");
  }

  private static Path released(Path leases, int number) {
    return new Path(leases, name(number) + ".released");
  }

  /** From 1; grows with each holder. */
  public int number() {
    return number;
  }

  /**
   * @throws LeaseHeldException if another process has taken the lease over meanwhile
   */
  public void requireHeld() {
    if (!isHeld()) {
      throw new LeaseHeldException(
          ErrorCode.LEASE_LOST,
          "The lease of " + Store.shown(folder.getParent()),
          "was taken over by another process while this one gave no sign.",
          "It goes on; this one ends. ./retune status says how far it is.");
    }
  }

  /** Whether nobody has taken it over. */
  public boolean isHeld() {
    return store.exists(named(folder, number)) && !store.exists(named(folder, number + 1));
  }

  private void beat() {
    try {
      while (!closed) {
        Thread.sleep(BEAT.toMillis());
        beatOnce();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void beatOnce() {
    try {
      if (!closed && isHeld()) {
        store.write(
            beat(folder, number), Instant.now().toString().getBytes(StandardCharsets.UTF_8));
      }
    } catch (RuntimeException e) {
      // A store that fails for a moment is tried again; one that stays away fails the work itself.
      log.warn("event=heartbeat-failed lease={} cause={}", number, e.getMessage());
    }
  }

  /** Gives the lease back. */
  @Override
  public void close() {
    stopBeating();
    if (store.exists(named(folder, number))) {
      store.write(released(folder, number), new byte[0]);
    }
  }

  /** Gives the lease back by removing the folder that it is of. */
  public void discard() {
    stopBeating();
    store.delete(folder.getParent());
  }

  private void stopBeating() {
    closed = true;
    beating.interrupt();
    try {
      beating.join(1000);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
