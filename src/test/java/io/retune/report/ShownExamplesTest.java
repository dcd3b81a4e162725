package io.retune.report;

import static org.assertj.core.api.Assertions.assertThat;

import io.retune.config.OrderSpec;
import io.retune.config.SourceSpec;
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
import io.retune.text.Token;
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
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Texts and lengths from a real snapshot. */
class ShownExamplesTest {
  private static String text(ShownExample example) {
    return example.tokens().stream().map(Token::text).collect(Collectors.joining());
  }

  @Test
  void areThoseOfTheSnapshotAndTheLedger(@TempDir Path folder) throws IOException {
    Workshop workshop = new Workshop(folder);
    String words =
        IntStream.range(0, 60)
            .mapToObj(i -> "{\"word\":\"" + "w".repeat(1 + i % 7) + i + "\"}\n")
            .collect(Collectors.joining());
    Snapshot snapshot =
        workshop.prepare(workshop.jsonl("a.jsonl", words), Workshop.heldOut(), Workshop.chat());
    Plan plan =
        new Planner(workshop.spark, workshop.store)
            .planFor(
                snapshot, new OrderSpec(42, Optional.empty(), Optional.of(1), 4, 2, 200, true));
    TinyModel.write(workshop.store.localPath("models", snapshot.model().hex()));
    RunHistory history = history(snapshot, plan);

    ShownExamples shown = ShownExamples.read(workshop.spark, workshop.store, history, plan);

    assertThat(shown.byId().keySet()).isEqualTo(Ranking.ids(history, plan)).hasSizeGreaterThan(5);
    assertThat(shown.byId().values())
        .allSatisfy(example -> assertThat(text(example)).startsWith("<|im_start|>user\nSay w"));
    assertThat(shown.lengths().values().stream().mapToLong(Long::longValue).sum())
        .isEqualTo(snapshot.trainExamples());
    ShownExample first = shown.first().orElseThrow();
    assertThat(text(first)).startsWith("<|im_start|>user\nSay w");
    assertThat(first.tokens().stream().filter(Token::trained).map(Token::text))
        .endsWith("<|im_end|>");
    assertThat(new RunReport(history, plan, "finished", shown, List.of()).html())
        .contains("The example that training began with");
  }

  private static RunHistory history(Snapshot snapshot, Plan plan) {
    List<JournalEntry> entries = new ArrayList<>();
    for (JournalEntry.Event event :
        List.of(
            declared(snapshot, plan), evaluated(plan, 0), evaluated(plan, plan.steps().size()))) {
      entries.add(new JournalEntry(entries.size() + 1L, "2026-11-24T12:00:00Z", event, "0"));
    }
    return new RunHistory(entries);
  }

  private static Declared declared(Snapshot snapshot, Plan plan) {
    return new Declared(
        "words-1",
        "r",
        new Asked("words", "", "e".repeat(64), "{}", new TreeMap<>(), List.of()),
        new SourceSpec("file:m", "d".repeat(64)),
        snapshot.model().hex(),
        List.of(),
        snapshot,
        plan.key(),
        plan.root().hex(),
        plan.steps().size(),
        1,
        1);
  }

  private static Evaluated evaluated(Plan plan, int step) {
    double[] sums = new double[plan.evaluationExamples().size()];
    Arrays.setAll(sums, i -> 5 + Math.sin(i * (step + 1.0)));
    return new Evaluated(1, new EvaluationRecord(step, sums, 1));
  }
}
