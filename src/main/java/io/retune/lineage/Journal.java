package io.retune.lineage;

import io.retune.store.Json;
import io.retune.store.Lease;
import io.retune.store.Store;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.apache.hadoop.fs.Path;

/**
 * What a run did, a JSON object a line, each durable before the run goes on: {@code
 * runs/RUN/journal/000001.jsonl}, a file for each lease. A file begins with the number of its first
 * entry, which says how much of the files before it counts: what a driver wrote after its lease was
 * taken over, or wrote in half when it died, is passed over.
 */
public final class Journal implements AutoCloseable {
  private final Store store;
  private final Path folder;
  private final Lease lease;
  private final List<JournalEntry> entries;
  private Optional<Store.Appender> appender = Optional.empty();

  private Journal(Store store, Path folder, Lease lease, List<JournalEntry> entries) {
    this.store = store;
    this.folder = folder;
    this.lease = lease;
    this.entries = entries;
  }

  /** To go on writing, as the holder of the run's lease. */
  public static Journal open(Store store, String run, Lease lease) {
    return new Journal(store, folder(store, run), lease, new ArrayList<>(read(store, run)));
  }

  private static Path folder(Store store, String run) {
    return store.path("runs", run, "journal");
  }

  /** Length of the run's files: what has changed is told without reading it. */
  public static long bytes(Store store, String run) {
    return store.list(folder(store, run)).stream().mapToLong(store::length).sum();
  }

  /** The run's entries in order; none when there is no such run. */
  public static List<JournalEntry> read(Store store, String run) {
    List<JournalEntry> all = new ArrayList<>();
    for (Path file : store.list(folder(store, run))) {
      if (!file.getName().matches("\\d{6}\\.jsonl")) {
        continue;
      }
      List<JournalEntry> some = readFile(file, store.read(file));
      if (!some.isEmpty()) {
        while (!all.isEmpty() && all.get(all.size() - 1).entry() >= some.get(0).entry()) {
          all.remove(all.size() - 1);
        }
        all.addAll(some);
      }
    }
    requireWhole(run, all);
    return List.copyOf(all);
  }

  /** What follows the last line end was being written when its driver died. */
  private static List<JournalEntry> readFile(Path file, byte[] bytes) {
    List<JournalEntry> entries = new ArrayList<>();
    int begin = 0;
    for (int i = 0; i < bytes.length; i++) {
      if (bytes[i] == '\n') {
        byte[] line = java.util.Arrays.copyOfRange(bytes, begin, i);
        try {
          entries.add(Json.read(line, JournalEntry.class));
        } catch (IOException e) {
          throw new UncheckedIOException(
              file + ": line " + (entries.size() + 1) + " is damaged", e);
        }
        begin = i + 1;
      }
    }
    return entries;
  }

  private static void requireWhole(String run, List<JournalEntry> entries) {
    for (int i = 0; i < entries.size(); i++) {
      if (entries.get(i).entry() != i + 1) {
        throw new IllegalStateException(
            "The journal of " + run + " is damaged: entry " + (i + 1) + " is missing");
      }
    }
  }

  /** Everything written so far, by every driver of the run. */
  public synchronized List<JournalEntry> entries() {
    return List.copyOf(entries);
  }

  /**
   * Writes an entry, durable when this returns.
   *
   * @throws io.retune.store.LeaseHeldException if another driver has taken the run over
   */
  public synchronized JournalEntry append(JournalEntry.Event event) {
    lease.requireHeld();
    if (appender.isEmpty()) {
      appender =
          Optional.of(
              store.appender(
                  new Path(folder, String.format(Locale.ROOT, "%06d.jsonl", lease.number()))));
    }
    JournalEntry entry = new JournalEntry(entries.size() + 1, Instant.now().toString(), event);
    appender.get().append((Json.write(entry) + "\n").getBytes(StandardCharsets.UTF_8));
    entries.add(entry);
    return entry;
  }

  @Override
  public void close() {
    appender.ifPresent(Store.Appender::close);
  }
}
