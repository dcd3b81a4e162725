package io.retune.job;

import io.retune.config.InvalidInputException;
import io.retune.lineage.Journal;
import io.retune.lineage.JournalEntry;
import io.retune.lineage.RunHistory;
import io.retune.store.Lease;
import io.retune.store.Store;
import java.util.Comparator;
import java.util.List;
import org.apache.hadoop.fs.Path;

/**
 * A run of the store, held by this driver: {@code runs/RUN} with its lease, journal, checkpoints
 * and export.
 */
final class RunFolder implements AutoCloseable {
  private final Store store;
  private final String run;
  private final Lease lease;
  private final Journal journal;

  private RunFolder(Store store, String run, Lease lease) {
    this.store = store;
    this.run = run;
    this.lease = lease;
    this.journal = Journal.open(store, run, lease);
  }

  /**
   * @throws io.retune.store.LeaseHeldException if another driver holds the run
   */
  static RunFolder hold(Store store, String run) {
    Lease lease = Lease.take(store, store.path("runs", run), "The run " + run);
    return new RunFolder(store, run, lease);
  }

  /** The names of all runs that were declared, the latest first. */
  static List<String> names(Store store) {
    return store.list(store.path("runs")).stream()
        .map(Path::getName)
        .filter(name -> history(store, name).declared().isPresent())
        .sorted(Comparator.comparing((String name) -> history(store, name).startedAt()).reversed())
        .toList();
  }

  /**
   * The run that {@code start} is the name, or the start of the name, of.
   *
   * @throws InvalidInputException if there is none, or more than one
   */
  static String named(Store store, String start) {
    List<String> names = names(store);
    List<String> matching = names.stream().filter(name -> name.startsWith(start)).toList();
    if (matching.contains(start)) {
      return start;
    }
    if (matching.size() != 1) {
      throw InvalidInputException.of(
          "run \"" + start + "\"",
          matching.isEmpty() ? "is not in this store." : "stands for " + matching.size() + " runs.",
          "There are: " + String.join(", ", matching.isEmpty() ? names : matching) + ".");
    }
    return matching.get(0);
  }

  static RunHistory history(Store store, String run) {
    return new RunHistory(Journal.read(store, run));
  }

  String run() {
    return run;
  }

  RunHistory history() {
    return new RunHistory(journal.entries());
  }

  void append(JournalEntry.Event event) {
    journal.append(event);
  }

  /** A run that never came to be leaves nothing behind. */
  @Override
  public void close() {
    boolean declared = history().declared().isPresent();
    journal.close();
    lease.close();
    if (!declared) {
      store.delete(store.path("runs", run));
    }
  }
}
