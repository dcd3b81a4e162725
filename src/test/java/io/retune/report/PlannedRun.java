package io.retune.report;

import io.retune.config.OrderSpec;
import io.retune.config.SourceSpec;
import io.retune.dataset.DatasetVersion;
import io.retune.dataset.Snapshot;
import io.retune.dataset.TinyModel;
import io.retune.dataset.Workshop;
import io.retune.lineage.JournalEntry;
import io.retune.lineage.JournalEntry.Asked;
import io.retune.lineage.JournalEntry.Declared;
import io.retune.lineage.JournalEntry.Evaluated;
import io.retune.lineage.RunHistory;
import io.retune.plan.Plan;
import io.retune.plan.Planner;
import io.retune.train.EvaluationRecord;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * A store with a model's tokenizer, a snapshot and a plan, and what a run's journal says of them.
 */
public final class PlannedRun {
  public static final String RUN = "words-1";

  public final Workshop workshop;
  public final Snapshot snapshot;
  public final Plan plan;

  /** Versions that the snapshot was made of, as far as its run tells of them. */
  List<DatasetVersion> datasets = List.of();

  public PlannedRun(Path folder) throws IOException {
    workshop = new Workshop(folder);
    String words =
        IntStream.range(0, 60)
            .mapToObj(i -> "{\"word\":\"" + "w".repeat(1 + i % 7) + i + "\"}\n")
            .collect(Collectors.joining());
    snapshot =
        workshop.prepare(workshop.jsonl("a.jsonl", words), Workshop.heldOut(), Workshop.chat());
    plan =
        new Planner(workshop.spark, workshop.store)
            .planFor(
                snapshot, new OrderSpec(42, Optional.empty(), Optional.of(1), 4, 2, 200, true));
    TinyModel.write(workshop.store.localPath("models", snapshot.model().hex()));
  }

  /** Declared, and scored before and after. */
  public List<JournalEntry.Event> events() {
    return events(RUN);
  }

  /** The same of a run of another name. */
  public List<JournalEntry.Event> events(String run) {
    return List.of(declared(run), evaluated(0), evaluated(plan.steps().size()));
  }

  RunHistory history() {
    List<JournalEntry> entries = new ArrayList<>();
    for (JournalEntry.Event event : events()) {
      entries.add(new JournalEntry(entries.size() + 1L, "2026-11-24T12:00:00Z", event, "0"));
    }
    return new RunHistory(entries);
  }

  private Declared declared(String run) {
    return new Declared(
        run,
        "r",
        new Asked("words", "", "e".repeat(64), "{}", new TreeMap<>(), List.of()),
        new SourceSpec("file:m", "d".repeat(64)),
        snapshot.model().hex(),
        datasets,
        snapshot,
        plan.key(),
        plan.root().hex(),
        plan.manifestSha256(),
        plan.evaluationSha256(),
        plan.steps().size(),
        1,
        1);
  }

  private Evaluated evaluated(int step) {
    double[] sums = new double[plan.evaluationExamples().size()];
    Arrays.setAll(sums, i -> 5 + Math.sin(i * (step + 1.0)));
    return new Evaluated(1, new EvaluationRecord(step, sums, 1));
  }
}
