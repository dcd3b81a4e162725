package io.retune.report;

import static io.retune.report.Html.tag;

import io.retune.lineage.JournalEntry;
import io.retune.lineage.JournalEntry.AttemptEnded;
import io.retune.lineage.JournalEntry.AttemptStarted;
import io.retune.lineage.JournalEntry.DriverStarted;
import io.retune.lineage.JournalEntry.Failed;
import io.retune.lineage.RunStatus;
import io.retune.train.RankEvent.Rank;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Every start of the ranks and every driver, and how each ended. */
final class Attempts {
  /** Rows of a table, at most: the last ones. */
  private static final int MOST = 200;

  /** Characters of what went wrong. */
  private static final int MOST_CHARACTERS = 1000;

  private Attempts() {}

  /** Entries about events of a kind, the last ones of them. */
  private static List<JournalEntry> last(
      RunReport report, Class<? extends JournalEntry.Event> kind) {
    List<JournalEntry> all = all(report, kind);
    return all.subList(Math.max(0, all.size() - MOST), all.size());
  }

  private static List<JournalEntry> all(
      RunReport report, Class<? extends JournalEntry.Event> kind) {
    return report.history().entries().stream().filter(e -> kind.isInstance(e.event())).toList();
  }

  /** What is not shown, where that is so. */
  private static Html left(RunReport report, Class<? extends JournalEntry.Event> kind) {
    int all = all(report, kind).size();
    return all <= MOST
        ? Html.NOTHING
        : tag(
            "p", "The last %s of %s are shown.".formatted(Figures.count(MOST), Figures.count(all)));
  }

  static Html of(RunReport report) {
    List<Html> all = new ArrayList<>();
    Table attempts = attempts(report);
    all.add(attempts.isEmpty() ? tag("p", "No ranks have been started yet.") : attempts.html());
    all.add(left(report, AttemptStarted.class));
    Table drivers = drivers(report);
    if (!drivers.isEmpty()) {
      all.add(tag("h3", "Drivers"));
      all.add(drivers.html());
      all.add(left(report, DriverStarted.class));
    }
    Table failures = failures(report);
    if (!failures.isEmpty()) {
      all.add(tag("h3", "Failures"));
      all.add(failures.html());
      all.add(left(report, Failed.class));
    }
    return Html.of(all);
  }

  private static Table attempts(RunReport report) {
    Table table =
        new Table(
            "Attempts",
            Table.words("Attempt"),
            Table.words("Began"),
            Table.number("Ranks"),
            Table.number("Lanes"),
            Table.number("Resumed behind step"),
            Table.number("Steps recomputed"),
            Table.number("Took"),
            Table.words("Outcome"));
    for (JournalEntry entry : last(report, AttemptStarted.class)) {
      if (entry.event() instanceof AttemptStarted started) {
        Optional<JournalEntry> end = end(report, started.attempt());
        table.row(
            Figures.count(started.attempt()),
            Figures.time(entry.time()),
            Figures.count(started.ranks().size()),
            Figures.count(started.ranks().stream().mapToInt(Rank::lanes).sum()),
            started.resumedFrom() == 0 ? "from the start" : Figures.count(started.resumedFrom()),
            end.map(e -> Figures.count(((AttemptEnded) e.event()).stepsRecomputed())).orElse(""),
            end.map(e -> Figures.duration(report.history().took(entry, e).toMillis())).orElse(""),
            end.map(e -> Excerpt.of(((AttemptEnded) e.event()).end(), MOST_CHARACTERS))
                .orElse(
                    report.status().equals(RunStatus.RUNNING.word())
                        ? RunStatus.RUNNING.word()
                        : AttemptEnded.DRIVER_LOST));
      }
    }
    return table;
  }

  private static Optional<JournalEntry> end(RunReport report, int attempt) {
    return report.history().entries().stream()
        .filter(e -> e.event() instanceof AttemptEnded ended && ended.attempt() == attempt)
        .findFirst();
  }

  private static Table drivers(RunReport report) {
    Table table =
        new Table(
            "Drivers",
            Table.words("Driver"),
            Table.words("Began"),
            Table.words("Host"),
            Table.digest("Commit"),
            Table.words("Branch"),
            Table.words("Java"));
    for (JournalEntry entry : last(report, DriverStarted.class)) {
      if (entry.event() instanceof DriverStarted started) {
        table.row(
            Figures.count(started.driver()),
            Figures.time(entry.time()),
            started.environment().machine().host(),
            started.environment().code().commit(),
            started.environment().code().branch(),
            started.environment().java());
      }
    }
    return table;
  }

  private static Table failures(RunReport report) {
    Table table =
        new Table("Failures", Table.words("When"), Table.words("Kind"), Table.words("Cause"));
    for (JournalEntry entry : last(report, Failed.class)) {
      if (entry.event() instanceof Failed failed) {
        table.row(
            Figures.time(entry.time()), failed.kind(), Excerpt.of(failed.cause(), MOST_CHARACTERS));
      }
    }
    return table;
  }
}
