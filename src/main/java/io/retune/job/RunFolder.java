package io.retune.job;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.retune.config.ErrorCode;
import io.retune.config.InvalidInputException;
import io.retune.lineage.DamagedJournalException;
import io.retune.lineage.Journal;
import io.retune.lineage.JournalEntry;
import io.retune.lineage.JournalEntry.Declared;
import io.retune.lineage.RunHistory;
import io.retune.store.Json;
import io.retune.store.Lease;
import io.retune.store.Store;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.hadoop.fs.Path;

/**
 * A run of the store, held by this driver: {@code runs/RUN} with its lease, journal, checkpoints
 * and export.
 */
final class RunFolder implements AutoCloseable {
  private static final int NAMES_SHOWN = 10;

  private final Store store;
  private final String run;
  private final Lease lease;
  private final Journal journal;
  private volatile Consumer<JournalEntry.Event> watcher = event -> {};

  private RunFolder(Store store, String run, Lease lease) {
    this.store = store;
    this.run = run;
    this.lease = lease;
    this.journal = Journal.open(store, run, lease);
    recorded(store, run).ifPresent(recorded -> recorded.requireIn(run, journal.entries()));
  }

  /**
   * @throws io.retune.store.LeaseHeldException if another driver holds the run
   */
  static RunFolder hold(Store store, String run) {
    Lease lease = Lease.take(store, store.path("runs", run), "The run " + run);
    try {
      return new RunFolder(store, run, lease);
    } catch (RuntimeException e) {
      lease.close();
      throw e;
    }
  }

  /** The names of all runs, sorted. */
  static List<String> names(Store store) {
    return store.list(store.path("runs")).stream().map(Path::getName).toList();
  }

  /**
   * The run that {@code start} is the name, or the start of the name, of; of several runs of an
   * experiment that {@code start} is the name of, the latest.
   *
   * @throws InvalidInputException if that is not one run
   */
  static RunHistory named(Store store, String start) {
    List<Begun> matching =
        names(store).stream()
            .filter(name -> name.startsWith(start))
            .flatMap(name -> begun(store, name, start))
            .sorted(Comparator.comparing(Begun::time).reversed())
            .toList();
    if (matching.size() == 1) {
      return history(store, matching.get(0).run());
    }
    return matching.stream()
        .filter(begun -> begun.run().equals(start) || begun.name().equals(start))
        .findFirst()
        .map(begun -> history(store, begun.run()))
        .orElseThrow(() -> notOne(store, start, matching));
  }

  private static InvalidInputException notOne(Store store, String start, List<Begun> matching) {
    String place = "run \"" + start + "\"";
    if (!matching.isEmpty()) {
      return InvalidInputException.of(
          ErrorCode.RUN_AMBIGUOUS,
          place,
          "stands for " + matching.size() + " runs.",
          "Give more of the name: " + some(matching.stream().map(Begun::run).toList()) + ".");
    }
    List<String> names = names(store);
    return InvalidInputException.of(
        ErrorCode.RUN_NOT_FOUND,
        place,
        "is not in this store, or its steps are not planned yet.",
        names.isEmpty()
            ? "The store has no runs; --store names another."
            : "There are: " + some(names) + ".");
  }

  /** What fits into a line; the rest is counted. */
  private static String some(List<String> names) {
    String first = names.stream().limit(NAMES_SHOWN).collect(Collectors.joining(", "));
    int more = names.size() - NAMES_SHOWN;
    return more <= 0 ? first : first + " and " + more + " more, see ./retune runs";
  }

  /** Of the runs of an experiment, by its fingerprint, those whose recipe was given up, and why. */
  static SortedMap<String, String> givenUp(Store store, String experiment) {
    SortedMap<String, String> causes = new TreeMap<>();
    for (Declared declared : declarations(store)) {
      if (declared.asked().experiment().equals(experiment)) {
        try {
          figures(store, declared.run())
              .recipeFailure()
              .ifPresent(failure -> causes.put(declared.run(), failure.cause()));
        } catch (DamagedJournalException e) {
          passedOver(declared.run(), e);
        }
      }
    }
    return causes;
  }

  /** What each run is made of whose journal can be read that far. */
  static List<Declared> declarations(Store store) {
    return names(store).stream()
        .flatMap(run -> begun(store, run, ""))
        .map(Begun::declared)
        .toList();
  }

  private static void passedOver(String run, DamagedJournalException damage) {
    System.err.println(run + ": " + damage.getMessage());
  }

  /**
   * What the first entry of a journal says: enough to tell runs apart.
   *
   * @param time when it was declared
   */
  private record Begun(Declared declared, String time) {
    String run() {
      return declared.run();
    }

    String name() {
      return declared.name();
    }
  }

  /** A damaged run does not keep who asks for another from it. */
  private static Stream<Begun> begun(Store store, String run, String asked) {
    try {
      return Journal.first(store, run)
          .filter(first -> first.event() instanceof Declared)
          .map(first -> new Begun((Declared) first.event(), first.time()))
          .stream();
    } catch (DamagedJournalException e) {
      if (run.equals(asked)) {
        throw e;
      }
      passedOver(run, e);
      return Stream.empty();
    }
  }

  /**
   * What a run's journal says.
   *
   * @throws io.retune.lineage.DamagedJournalException if it is not as its drivers wrote it
   */
  static RunHistory history(Store store, String run) {
    return history(store, run, UnaryOperator.identity());
  }

  /**
   * As {@link #history}, for who lists runs: steps without their digests, which take most of it.
   */
  static RunHistory figures(Store store, String run) {
    return history(store, run, JournalEntry::figures);
  }

  private static RunHistory history(Store store, String run, UnaryOperator<JournalEntry> kept) {
    // First what the journal must hold: it may grow in between.
    Optional<Recorded> recorded = recorded(store, run);
    List<JournalEntry> entries = new ArrayList<>();
    Journal.read(store, run, entry -> entries.add(kept.apply(entry)));
    recorded.ifPresent(r -> r.requireIn(run, entries));
    return new RunHistory(entries);
  }

  /**
   * How far the tables have a run's journal.
   *
   * @param bytes of the journal then
   * @param entry the last one then
   * @param seal its seal
   */
  private record Recorded(long bytes, long entry, String seal) {
    void requireIn(String run, List<JournalEntry> entries) {
      if (entry < 1
          || entries.size() < entry
          || !entries.get((int) entry - 1).seal().equals(seal)) {
        throw DamagedJournalException.notGrown(run, entry);
      }
    }
  }

  String run() {
    return run;
  }

  RunHistory history() {
    return new RunHistory(journal.entries());
  }

  void append(JournalEntry.Event event) {
    journal.append(event);
    watcher.accept(event);
  }

  /** From now on {@code watcher} is told of each event that was written. */
  void watch(Consumer<JournalEntry.Event> watcher) {
    this.watcher = watcher;
  }

  /** Bytes of the journal as it is now. */
  long journalBytes() {
    return Journal.bytes(store, run);
  }

  /** Whether the tables have everything of its journal. */
  boolean isRecorded() {
    return recordedBytes(store, run) == journalBytes();
  }

  /**
   * @param history that the tables are brought up to
   * @param journalBytes of the journal then
   */
  void noteRecorded(RunHistory history, long journalBytes) {
    JournalEntry last = history.entries().get(history.entries().size() - 1);
    Recorded recorded = new Recorded(journalBytes, last.entry(), last.seal());
    store.write(recordedFile(store, run), Json.write(recorded).getBytes(UTF_8));
  }

  /** Whether a driver works on it. */
  static boolean isHeld(Store store, String run) {
    return holder(store, run).isPresent();
  }

  /** The driver that works on it. */
  static Optional<Lease.Holder> holder(Store store, String run) {
    return Lease.holder(store, store.path("runs", run));
  }

  /** Whether its tables may lack something of its journal, and no driver is there to add it. */
  static boolean lags(Store store, String run) {
    return Journal.bytes(store, run) != recordedBytes(store, run) && !isHeld(store, run);
  }

  private static long recordedBytes(Store store, String run) {
    return recorded(store, run).map(Recorded::bytes).orElse(0L);
  }

  private static Optional<Recorded> recorded(Store store, String run) {
    Path file = recordedFile(store, run);
    try {
      return store.exists(file)
          ? Optional.of(Json.read(store.read(file), Recorded.class))
          : Optional.empty();
    } catch (IOException e) {
      throw new DamagedJournalException(
          Store.shown(file),
          "is no note of what was recorded.",
          "Delete it; then ./retune rebuild " + run + " holds the tables against the journal.");
    }
  }

  private static Path recordedFile(Store store, String run) {
    return store.path("runs", run, "recorded.json");
  }

  /** A run that never came to be leaves nothing behind; one that was taken over is another's. */
  @Override
  public void close() {
    journal.close();
    if (lease.isHeld() && journal.entries().isEmpty()) {
      lease.discard();
    } else {
      lease.close();
    }
  }

  /**
   * @throws io.retune.store.LeaseHeldException if another driver has taken the run over
   */
  void requireHeld() {
    lease.requireHeld();
  }
}
