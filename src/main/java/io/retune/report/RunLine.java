package io.retune.report;

import io.retune.evaluate.Comparison;
import io.retune.lineage.JournalEntry;
import io.retune.lineage.JournalEntry.Declared;
import io.retune.lineage.JournalEntry.Ended;
import io.retune.lineage.RunHistory;
import io.retune.train.StepRecord;
import java.util.Optional;

/**
 * A run among others.
 *
 * @param loss of the training, by step [steps done]
 * @param heldOut before and after; empty until finished, like the weights
 * @param milliseconds from the first entry to the end, or to the last one so far
 * @param page where the run's own page is, as a link; empty when there is none
 */
public record RunLine(
    String run,
    String name,
    String status,
    String startedAt,
    int steps,
    double[] loss,
    Optional<Comparison> heldOut,
    long targetTokens,
    long milliseconds,
    Optional<String> weightsSha256,
    Optional<String> page) {

  /** Of a run that was declared. */
  public static RunLine of(RunHistory history, String status, Optional<String> page) {
    Declared declared = history.declared().orElseThrow();
    Optional<Ended> ended = history.ended();
    JournalEntry last =
        history.entries().stream()
            .filter(e -> e.event() instanceof Ended)
            .findFirst()
            .orElse(history.entries().get(history.entries().size() - 1));
    return new RunLine(
        declared.run(),
        declared.name(),
        status,
        history.startedAt(),
        declared.steps(),
        history.steps().stream().mapToDouble(StepRecord::loss).toArray(),
        ended.map(Ended::whole),
        declared.targetTokens(),
        Figures.millisecondsBetween(history.startedAt(), last.time()),
        ended.map(Ended::weightsSha256),
        page);
  }
}
