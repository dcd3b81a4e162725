package io.retune.report;

import static org.assertj.core.api.Assertions.assertThat;

import io.retune.dataset.DatasetVersion;
import io.retune.store.Sha256;
import io.retune.text.Token;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Texts and lengths from a real snapshot. */
class ShownExamplesTest {
  private static String text(ShownExample example) {
    return example.tokens().stream().map(Token::text).collect(Collectors.joining());
  }

  @Test
  void areThoseOfTheSnapshotAndTheLedger(@TempDir Path folder) throws IOException {
    PlannedRun run = new PlannedRun(folder);

    ShownExamples shown =
        ShownExamples.read(run.workshop.spark, run.workshop.store, run.history(), run.plan);

    assertThat(shown.byId().keySet())
        .isEqualTo(Ranking.ids(run.history(), run.plan))
        .hasSizeGreaterThan(5);
    assertThat(shown.byId().values())
        .allSatisfy(example -> assertThat(text(example)).startsWith("<|im_start|>user\nSay w"));
    assertThat(shown.lengths().values().stream().mapToLong(Long::longValue).sum())
        .isEqualTo(run.snapshot.trainExamples());
    ShownExample first = shown.first().orElseThrow();
    assertThat(text(first)).startsWith("<|im_start|>user\nSay w");
    assertThat(first.tokens().stream().filter(Token::trained).map(Token::text))
        .endsWith("<|im_end|>");
  }

  @Test
  void textsThatAreWithheldAreNotRead(@TempDir Path folder) throws IOException {
    PlannedRun run = new PlannedRun(folder);
    run.datasets =
        List.of(
            new DatasetVersion(
                "words",
                1,
                0,
                Sha256.of("rows"),
                60,
                "own",
                "personal",
                "",
                "file:a.jsonl",
                Sha256.of("a").hex(),
                false));

    ShownExamples shown =
        ShownExamples.read(run.workshop.spark, run.workshop.store, run.history(), run.plan);

    assertThat(shown.byId().keySet()).isEqualTo(Ranking.ids(run.history(), run.plan));
    assertThat(shown.byId().values())
        .allMatch(ShownExample::isWithheld)
        .allMatch(example -> example.dataset().equals("words"));
    assertThat(shown.first().orElseThrow().isWithheld()).isTrue();
    assertThat(shown.lengths()).isNotEmpty();
  }
}
