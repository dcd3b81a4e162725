package io.retune.report;

import static io.retune.report.Html.tag;

import io.retune.lineage.JournalEntry;
import io.retune.lineage.JournalEntry.AttemptEnded;
import io.retune.lineage.JournalEntry.AttemptStarted;
import io.retune.lineage.JournalEntry.DriverStarted;
import io.retune.lineage.JournalEntry.Failed;
import io.retune.train.RankEvent.Rank;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Every start of the ranks and every driver, and how each ended. */
final class Attempts {
  private Attempts() {}

  static Html of(RunReport report) {
    List<Html> all = new ArrayList<>();
    Table attempts = attempts(report);
    all.add(attempts.isEmpty() ? tag("p", "No ranks have been started yet.") : attempts.html());
    Table drivers = drivers(report);
    if (!drivers.isEmpty()) {
      all.add(tag("h3", "Drivers"));
      all.add(drivers.html());
    }
    Table failures = failures(report);
    if (!failures.isEmpty()) {
      all.add(tag("h3", "Failures"));
      all.add(failures.html());
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
    for (JournalEntry entry : report.history().entries()) {
      if (entry.event() instanceof AttemptStarted started) {
        Optional<JournalEntry> end = end(report, started.attempt());
        table.row(
            Figures.count(started.attempt()),
            Figures.time(entry.time()),
            Figures.count(started.ranks().size()),
            Figures.count(started.ranks().stream().mapToInt(Rank::lanes).sum()),
            started.resumedFrom() == 0 ? "from the start" : Figures.count(started.resumedFrom()),
            end.map(e -> Figures.count(((AttemptEnded) e.event()).stepsRecomputed())).orElse(""),
            end.map(e -> Figures.duration(Figures.millisecondsBetween(entry.time(), e.time())))
                .orElse(""),
            end.map(e -> ((AttemptEnded) e.event()).end())
                .orElse(report.status().equals("running") ? "running" : "driver lost"));
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
    for (JournalEntry entry : report.history().entries()) {
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
    for (JournalEntry entry : report.history().entries()) {
      if (entry.event() instanceof Failed failed) {
        table.row(Figures.time(entry.time()), failed.kind(), failed.cause());
      }
    }
    return table;
  }
}
