package io.retune.lineage;

import io.retune.store.Lease;
import io.retune.store.Sha256;
import io.retune.store.Store;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.apache.hadoop.fs.Path;

/**
 * What a run did, a JSON object a line, each durable before the run goes on: {@code
 * runs/RUN/journal/000001.jsonl}, a {@link Segment} for each lease. A segment's header says how
 * much of the segments before it counts, and their digests; every line is sealed by those before
 * it. So a line that is lost, changed, repeated or moved is found, but for the end of the last
 * segment, whose seal others keep: the tables, and whoever was shown the run.
 */
public final class Journal implements AutoCloseable {
  private final Store store;
  private final String run;
  private final Lease lease;
  private final List<JournalEntry> entries;
  private final List<Segment.Earlier> earlier;
  private final Segment.Sealer sealer = new Segment.Sealer();
  private Optional<Store.Appender> appender = Optional.empty();

  /** A line may stand in part, or not at all. */
  private boolean failed;

  private Journal(Store store, String run, Lease lease, Contents before) {
    this.store = store;
    this.run = run;
    this.lease = lease;
    this.entries = new ArrayList<>(before.entries);
    this.earlier = before.segments;
  }

  /** To go on writing, as the holder of the run's lease. */
  public static Journal open(Store store, String run, Lease lease) {
    return new Journal(store, run, lease, contents(store, run));
  }

  private static Path folder(Store store, String run) {
    return store.path("runs", run, "journal");
  }

  private static String name(long segment) {
    return String.format(Locale.ROOT, "%06d.jsonl", segment);
  }

  /** Length of the run's files: what has changed is told without reading it. */
  public static long bytes(Store store, String run) {
    return store.list(folder(store, run)).stream().mapToLong(store::length).sum();
  }

  /**
   * The run's entries in order; none when there is no such run.
   *
   * @throws DamagedJournalException if they are not as they were written
   */
  public static List<JournalEntry> read(Store store, String run) {
    return List.copyOf(contents(store, run).entries);
  }

  /** What counts of a journal. */
  private record Contents(List<JournalEntry> entries, List<Segment.Earlier> segments) {}

  /** From the last segment, which says what counts of the others. */
  private static Contents contents(Store store, String run) {
    List<Path> files =
        store.list(folder(store, run)).stream()
            .filter(file -> file.getName().matches("\\d{6}\\.jsonl"))
            .toList();
    for (int i = files.size() - 1; i >= 0; i--) {
      Path file = files.get(i);
      byte[] bytes = store.read(file);
      Segment last = Segment.read(file.toString(), number(file), bytes);
      if (!last.isEmpty()) {
        requireItsPlace(run, file, last);
        return joined(store, run, last, earlier(last.number(), bytes, last.bytes()));
      }
    }
    return new Contents(List.of(), List.of());
  }

  private static int number(Path file) {
    return Integer.parseInt(file.getName().substring(0, 6));
  }

  private static void requireItsPlace(String run, Path file, Segment segment) {
    Segment.Header header = segment.header();
    if (header.schema() != Segment.SCHEMA) {
      throw new DamagedJournalException(
          file.toString(), "has schema " + header.schema() + ", which this Retune does not read.");
    }
    if (!header.run().equals(run) || header.segment() != segment.number()) {
      throw new DamagedJournalException(file.toString(), "belongs to another place.");
    }
  }

  private static Segment.Earlier earlier(int number, byte[] bytes, int end) {
    return new Segment.Earlier(number, end, Sha256.of(Arrays.copyOf(bytes, end)).hex());
  }

  private static Contents joined(Store store, String run, Segment last, Segment.Earlier its) {
    List<JournalEntry> entries = new ArrayList<>();
    for (Segment.Earlier earlier : last.header().earlier()) {
      entries.addAll(read(store, run, earlier).entries());
    }
    if (entries.size() != last.header().after()) {
      throw new DamagedJournalException(
          "The journal of " + run, "has " + entries.size() + " entries before its last segment.");
    }
    entries.addAll(last.entries());
    requireWhole(run, entries);
    List<Segment.Earlier> segments = new ArrayList<>(last.header().earlier());
    segments.add(its);
    return new Contents(entries, segments);
  }

  private static Segment read(Store store, String run, Segment.Earlier earlier) {
    Path file = new Path(folder(store, run), name(earlier.segment()));
    byte[] bytes = store.exists(file) ? store.read(file) : new byte[0];
    if (bytes.length < earlier.bytes()
        || !earlier(earlier.segment(), bytes, earlier.bytes()).equals(earlier)) {
      throw new DamagedJournalException(file.toString(), "is not as the driver after it found it.");
    }
    // What its driver wrote to it later does not count, but is sealed too.
    Segment whole = Segment.read(file.toString(), earlier.segment(), bytes);
    return whole.bytes() == earlier.bytes()
        ? whole
        : Segment.read(file.toString(), earlier.segment(), Arrays.copyOf(bytes, earlier.bytes()));
  }

  private static void requireWhole(String run, List<JournalEntry> entries) {
    for (int i = 0; i < entries.size(); i++) {
      if (entries.get(i).entry() != i + 1) {
        throw new DamagedJournalException(
            "The journal of " + run, "entry " + (i + 1) + " is missing.");
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
   * @throws java.io.UncheckedIOException if it cannot be written; nothing can be from then on: what
   *     stands in the file is not known
   */
  public synchronized JournalEntry append(JournalEntry.Event event) {
    lease.requireHeld();
    if (appender.isEmpty()) {
      int segment = Math.toIntExact(lease.number());
      appender = Optional.of(store.appender(new Path(folder(store, run), name(segment))));
      write(new Segment.Header(Segment.SCHEMA, run, segment, entries.size(), earlier));
    }
    Segment.Line line =
        write(
            new JournalEntry.Unsealed(
                entries.size() + 1, Instant.now().toString(), event.level(), event));
    // As everyone else will read it.
    JournalEntry entry = Segment.entry("what was just written", line.bytes());
    entries.add(entry);
    return entry;
  }

  private Segment.Line write(Object object) {
    if (failed) {
      throw new IllegalStateException(
          "The journal of " + run + " could not be written, so nothing can follow.");
    }
    Segment.Line line = sealer.line(object);
    failed = true;
    appender.orElseThrow().append(line.bytes());
    failed = false;
    sealer.took(line);
    return line;
  }

  @Override
  public void close() {
    appender.ifPresent(Store.Appender::close);
  }
}
