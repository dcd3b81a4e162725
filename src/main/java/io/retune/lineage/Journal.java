package io.retune.lineage;

import io.retune.store.Lease;
import io.retune.store.Store;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Consumer;
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
  private final List<JournalEntry> entries = new ArrayList<>();
  private final List<Segment.Earlier> earlier;
  private final Segment.Sealer sealer = new Segment.Sealer();
  private Optional<Store.Appender> appender = Optional.empty();

  /** A line may stand in part, or not at all. */
  private boolean failed;

  private Journal(Store store, String run, Lease lease) {
    this.store = store;
    this.run = run;
    this.lease = lease;
    this.earlier = walk(store, run, entries::add);
  }

  /** To go on writing, as the holder of the run's lease. */
  public static Journal open(Store store, String run, Lease lease) {
    return new Journal(store, run, lease);
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
    List<JournalEntry> entries = new ArrayList<>();
    read(store, run, entries::add);
    return List.copyOf(entries);
  }

  /**
   * Hands on the run's entries in order, each as soon as it is read: of a long run they need not be
   * held.
   *
   * @throws DamagedJournalException if they are not as they were written; then what was handed on
   *     does not count
   */
  public static void read(Store store, String run, Consumer<JournalEntry> into) {
    walk(store, run, into);
  }

  /**
   * The entry that the run began with, which says what it is; nothing behind it is read.
   *
   * @throws DamagedJournalException if it is not as it was written
   */
  public static Optional<JournalEntry> first(Store store, String run) {
    try {
      Optional<Last> last = last(store, run);
      if (last.isEmpty() || last.get().header().earlier().isEmpty()) {
        return last.isEmpty() ? Optional.empty() : first(store, last.get().file());
      }
      int first = last.get().header().earlier().get(0).segment();
      return first(store, new Path(folder(store, run), name(first)));
    } catch (IOException e) {
      throw unreadable(run, e);
    }
  }

  private static Optional<JournalEntry> first(Store store, Path file) throws IOException {
    try (Segment segment = open(store, file)) {
      return segment.header().isPresent() ? segment.next() : Optional.empty();
    }
  }

  private static UncheckedIOException unreadable(String run, IOException e) {
    return new UncheckedIOException("Cannot read the journal of " + run, e);
  }

  private static Segment open(Store store, Path file) throws IOException {
    if (!store.exists(file)) {
      throw new DamagedJournalException(
          Store.shown(file), "is not as the driver after it found it.");
    }
    return new Segment(Store.shown(file), number(file), store.open(file));
  }

  private static int number(Path file) {
    return Integer.parseInt(file.getName().substring(0, 6));
  }

  /** The last segment, which says what counts of the others. */
  private record Last(Path file, Segment.Header header) {}

  private static Optional<Last> last(Store store, String run) throws IOException {
    List<Path> files =
        store.list(folder(store, run)).stream()
            .filter(file -> file.getName().matches("\\d{6}\\.jsonl"))
            .toList();
    for (int i = files.size() - 1; i >= 0; i--) {
      try (Segment segment = open(store, files.get(i))) {
        Optional<Segment.Header> header = segment.header();
        if (header.isPresent()) {
          requireItsPlace(run, segment, header.get());
          return Optional.of(new Last(files.get(i), header.get()));
        }
      }
    }
    return Optional.empty();
  }

  private static void requireItsPlace(String run, Segment segment, Segment.Header header) {
    if (!Segment.READ.contains(header.schema())) {
      throw new DamagedJournalException(
          segment.file(), "has schema " + header.schema() + ", which this Retune does not read.");
    }
    if (!header.run().equals(run) || header.segment() != segment.number()) {
      throw new DamagedJournalException(segment.file(), "belongs to another place.");
    }
  }

  /**
   * From the first entry to the last.
   *
   * @return the segments, as far as they count
   */
  private static List<Segment.Earlier> walk(Store store, String run, Consumer<JournalEntry> into) {
    try {
      Optional<Last> last = last(store, run);
      if (last.isEmpty()) {
        return List.of();
      }
      Counted counted = new Counted(run, into);
      List<Segment.Earlier> segments = new ArrayList<>();
      for (Segment.Earlier earlier : last.get().header().earlier()) {
        Path file = new Path(folder(store, run), name(earlier.segment()));
        Segment.Earlier found = read(store, file, earlier.bytes(), counted);
        if (!found.equals(earlier)) {
          throw new DamagedJournalException(
              Store.shown(file), "is not as the driver after it found it.");
        }
        segments.add(found);
      }
      if (counted.entries != last.get().header().after()) {
        throw new DamagedJournalException(
            "The journal of " + run,
            "has " + counted.entries + " entries before its last segment.");
      }
      segments.add(read(store, last.get().file(), Long.MAX_VALUE, counted));
      return segments;
    } catch (IOException e) {
      throw unreadable(run, e);
    }
  }

  private static Segment.Earlier read(
      Store store, Path file, long counts, Consumer<JournalEntry> into) throws IOException {
    try (Segment segment = open(store, file)) {
      return segment.read(counts, into);
    }
  }

  /** Hands on entries that are numbered without gaps. */
  private static final class Counted implements Consumer<JournalEntry> {
    private final String run;
    private final Consumer<JournalEntry> into;
    private long entries;

    Counted(String run, Consumer<JournalEntry> into) {
      this.run = run;
      this.into = into;
    }

    @Override
    public void accept(JournalEntry entry) {
      entries++;
      if (entry.entry() != entries) {
        throw new DamagedJournalException(
            "The journal of " + run, "entry " + entries + " is missing.");
      }
      into.accept(entry);
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
