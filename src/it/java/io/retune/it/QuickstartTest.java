package io.retune.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import io.retune.RetuneHere;
import io.retune.store.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The README's first command, and what others find in the store behind it. */
class QuickstartTest {
  private static final int STEPS = 16;

  @TempDir static Path store;

  private static JsonNode result;
  private static JsonNode seenByOthers;

  @BeforeAll
  static void run() throws IOException {
    result =
        RetuneProcess.run("run", "conf/runs/quickstart.conf", "--store", store.toString(), "--json")
            .json();
    Path out = store.resolve("seen-by-others.json");
    Peers.run("finished_run.py", store, result.path("run").asText(), out);
    seenByOthers = Json.read(Files.readAllBytes(out));
  }

  @Test
  void lowersTheHeldOutLossByMoreThanOneNat() {
    JsonNode loss = result.at("/metrics/eval~1loss");
    assertThat(loss.path("before").asDouble()).isBetween(4.0, 5.0);
    assertThat(loss.path("after").asDouble()).isLessThan(loss.path("before").asDouble() - 1);
    assertThat(loss.path("high").asDouble()).isLessThan(-0.9);
    assertThat(loss.path("low").asDouble()).isLessThan(loss.path("high").asDouble());
  }

  /** Float32 products in another order differ in the sixth digit. */
  @Test
  void peftLoadsTheExportAndFindsTheSameLossOfEachExample() {
    JsonNode recorded = seenByOthers.path("recorded");
    JsonNode theirs = seenByOthers.path("theirs");
    assertThat(recorded.size()).isEqualTo(theirs.size()).isGreaterThan(50);
    JsonNode targets = seenByOthers.path("targets");
    double[] largest = new double[2];
    recorded
        .fields()
        .forEachRemaining(
            example -> {
              double ours = example.getValue().asDouble();
              double other = theirs.path(example.getKey()).asDouble();
              largest[0] = Math.max(largest[0], Math.abs(ours - other) / Math.abs(other));
              largest[1] =
                  Math.max(
                      largest[1], Math.abs(ours - other) / targets.path(example.getKey()).asInt());
              assertThat(ours).as(example.getKey()).isCloseTo(other, within(1e-5 * other));
            });
    System.out.printf(
        "PEFT's loss of each of %d examples: largest difference %.1e of it, %.1e nats per target token%n",
        theirs.size(), largest[0], largest[1]);
  }

  /** In WordNet's style: no capital, no full stop, not a sentence. */
  @Test
  void theTrainedModelAnswersAsTheDataDoes() {
    JsonNode answers =
        RetuneHere.run(
                "generate",
                "quickstart",
                "Define the noun \"harbor\" in one sentence.",
                "--before",
                "--json",
                "--store",
                store.toString())
            .json();
    assertThat(answers.path("before").asText()).matches("(?s)[A-Z].*\\.");
    assertThat(answers.path("after").asText()).matches("[a-z].*[^.]");
    assertThat(answers.path("stopped").asText()).isEqualTo("end-of-turn");
  }

  @Test
  void deltaRsReadsEveryTableAndFindsEachStepOnce() {
    assertThat(seenByOthers.path("rows").fieldNames())
        .toIterable()
        .containsExactlyInAnyOrder(
            "artifacts",
            "attempts",
            "checkpoints",
            "datasets",
            "deliveries",
            "drivers",
            "evaluation_examples",
            "evaluations",
            "experiments",
            "ledger",
            "ledger_by_row",
            "models",
            "run_ends",
            "run_failures",
            "runs",
            "settings",
            "snapshot_datasets",
            "snapshots",
            "steps",
            "success_metrics",
            "transforms",
            "verdicts");
    List<String> empty = new ArrayList<>();
    seenByOthers
        .path("rows")
        .fields()
        .forEachRemaining(
            table -> {
              if (table.getValue().asInt() == 0) {
                empty.add(table.getKey());
              }
            });
    // The run had no tracking server and no metric to come to, and nothing went wrong.
    assertThat(empty).containsExactlyInAnyOrder("deliveries", "run_failures", "success_metrics");
    assertThat(seenByOthers.path("steps"))
        .extracting(JsonNode::asInt)
        .containsExactlyElementsOf(IntStream.rangeClosed(1, STEPS).boxed().toList());
  }

  @Test
  void theLedgerHasEveryTargetTokenOfTheRun() {
    long targets = 0;
    for (JsonNode place : seenByOthers.path("ledger")) {
      targets += place.get(1).asLong();
    }
    assertThat(targets).isEqualTo(result.path("target_tokens").asLong());
  }
}
