package io.retune.job;

import io.retune.config.InvalidInputException;
import io.retune.lineage.Journal;
import io.retune.lineage.JournalEntry;
import io.retune.lineage.RunHistory;
import io.retune.store.Lease;
import io.retune.store.Store;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

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

  /** What is known of every run that was declared, the latest first. */
  static List<RunHistory> all(Store store) {
    return store.list(store.path("runs")).stream()
        .map(folder -> history(store, folder.getName()))
        .filter(history -> history.declared().isPresent())
        .sorted(Comparator.comparing(RunHistory::startedAt).reversed())
        .toList();
  }

  /**
   * The run that {@code start} is the name, or the start of the name, of.
   *
   * @throws InvalidInputException if there is none, or more than one
   */
  static RunHistory named(Store store, String start) {
    List<RunHistory> all = all(store);
    List<RunHistory> matching = all.stream().filter(h -> h.run().startsWith(start)).toList();
    Optional<RunHistory> whole = matching.stream().filter(h -> h.run().equals(start)).findFirst();
    if (whole.isEmpty() && matching.size() != 1) {
      throw InvalidInputException.of(
          "run \"" + start + "\"",
          matching.isEmpty() ? "is not in this store." : "stands for " + matching.size() + " runs.",
          "There are: "
              + (matching.isEmpty() ? all : matching)
                  .stream().map(RunHistory::run).collect(Collectors.joining(", "))
              + ".");
    }
    return whole.orElseGet(() -> matching.get(0));
  }

  private static RunHistory history(Store store, String run) {
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
