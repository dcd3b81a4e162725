package io.retune.it;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.retune.RetuneHere;
import io.retune.Said;
import io.retune.job.RunId;
import io.retune.store.Sha256;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/**
 * The promise, on the real model with real executors: one digest, whatever the machines and
 * whatever dies.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class SameWeightsTest {
  private static final String SMOKE = "conf/runs/smoke.conf";

  @TempDir static Path store;

  private JsonNode reference;

  @BeforeAll
  void oneRankOneLane() throws IOException {
    SmokeStore.into(store);
    reference = here("--request", "reference", "--lanes", "1");
    assertThat(reference.path("status").asText()).isEqualTo("finished");
    Path weights = Path.of(reference.path("adapter").asText(), "adapter_model.safetensors");
    assertThat(Sha256.of(weights).hex()).isEqualTo(RunAnswer.weights(reference));
  }

  @Test
  void theSameForTwoLanes() {
    assertThat(RunAnswer.weights(here("--lanes", "2"))).isEqualTo(RunAnswer.weights(reference));
  }

  @Test
  void theSameForTwoAndFourExecutors() {
    requireTheSame(reference, new String[0], 2, 4);
  }

  @Tag(LongForm.TAG)
  @Test
  void theSameForOneThreeFiveAndSevenExecutors() {
    String[] wide = {"--set", "order.micro-batches=8"};
    requireTheSame(here(with(wide, "--lanes", "1")), wide, 1, 3, 5, 7);
  }

  private void requireTheSame(JsonNode reference, String[] options, int... worlds) {
    for (int executors : worlds) {
      JsonNode result = run(with(options, "--executors", "" + executors));
      assertThat(RunAnswer.weights(result))
          .as("%d executors", executors)
          .isEqualTo(RunAnswer.weights(reference));
      assertThat(RunAnswer.processes(result)).as("%d executors", executors).hasSize(executors);
      assertThat(result.at("/attempts/0/world_size").asInt()).isEqualTo(executors);
    }
  }

  @Test
  void theSameAfterTheDriverIsKilled() {
    // Behind a checkpoint, so that a step is computed again.
    requireTheSameAfterKillsAt(3);
  }

  @Tag(LongForm.TAG)
  @Test
  void theSameAfterTheDriverIsKilledAtEveryStep() {
    requireTheSameAfterKillsAt(1, 2, 3);
  }

  private void requireTheSameAfterKillsAt(int... steps) {
    String request = "killed-" + Arrays.toString(steps);
    List<String> moments = new ArrayList<>();
    for (int step : steps) {
      int at = step;
      RetuneProcess victim = start("--request", request, "--executors", "2");
      if (victim.killWhen(() -> victim.stderr().contains("step " + at + "/"))) {
        moments.add("step " + at);
      }
    }
    assertThat(moments).isEqualTo(IntStream.of(steps).mapToObj(step -> "step " + step).toList());
    JsonNode result = run("--request", request, "--executors", "1");
    assertThat(RunAnswer.weights(result)).isEqualTo(RunAnswer.weights(reference));
    List<String> ends = new ArrayList<>(Collections.nCopies(steps.length, "driver lost"));
    ends.add("finished");
    assertThat(result.path("attempts").findValuesAsText("end")).isEqualTo(ends);
    // Each was held against its journal entry: one that differs ends the run.
    assertThat(result.path("attempts").findValues("steps_recomputed"))
        .anySatisfy(again -> assertThat(again.asInt()).isPositive());
  }

  @Tag(LongForm.TAG)
  @Test
  void theSameAfterAKillBetweenACheckpointAndItsJournalEntry() throws IOException {
    Optional<String> killedBetween = Optional.empty();
    for (int i = 0; i < 5 && killedBetween.isEmpty(); i++) {
      String request = "killed-between-" + i;
      Path run = store.resolve("runs").resolve(RunId.of("smoke", request));
      Path checkpoint = run.resolve("checkpoints").resolve("step-000002");
      assertThat(start("--request", request).killWhen(() -> Files.exists(checkpoint))).isTrue();
      // The entry follows within milliseconds: now and then it is faster than the kill.
      if (!Files.readString(run.resolve("journal/000001.jsonl")).contains("\"checkpoint\"")) {
        killedBetween = Optional.of(request);
      }
    }
    assertThat(killedBetween).as("killed between the two in one of five tries").isPresent();
    // Its driver did not live to write a table; who asks what trained the checkpoint is told all
    // the same.
    String run = RunId.of("smoke", killedBetween.get());
    Said asked =
        RetuneHere.run(
            "lineage", "rows-of-run", "run=" + run, "--store", store.toString(), "--json");
    assertThat(asked.stdout()).contains("\"step\":1").contains("\"step\":2");
    JsonNode result = here("--request", killedBetween.get());
    assertThat(RunAnswer.weights(result)).isEqualTo(RunAnswer.weights(reference));
    assertThat(result.at("/attempts/1/resumed_from").asInt()).isEqualTo(2);
  }

  @Test
  void theSameAfterAnExecutorIsKilled() throws IOException {
    String request = "loses-an-executor";
    RetuneProcess retune = start("--request", request, "--executors", "2");
    assertThat(retune.runsUntil(() -> retune.stderr().contains("step 1/"))).isTrue();
    Path journal = store.resolve("runs").resolve(RunId.of("smoke", request)).resolve("journal");
    Matcher pid =
        Pattern.compile("\"pid\":(\\d+)")
            .matcher(Files.readString(journal.resolve("000001.jsonl")));
    assertThat(pid.find()).isTrue();
    ProcessHandle executor = ProcessHandle.of(Long.parseLong(pid.group(1))).orElseThrow();
    assertThat(executor.destroyForcibly()).isTrue();
    JsonNode result = retune.waitFor().json();
    assertThat(RunAnswer.weights(result)).isEqualTo(RunAnswer.weights(reference));
    assertThat(result.path("attempts").size()).isGreaterThan(1);
    assertThat(result.at("/attempts/0/end").asText()).isNotEqualTo("finished");
  }

  @Test
  void aFinishedRunScoresEqualOnOtherExecutorsAndNotOnAnotherKindOfMachine() {
    RetuneProcess equal =
        RetuneProcess.run(
            evaluate("reference", "--executors", "2", "--require", "better", "--json"));
    assertThat(equal.json().path("equal").asBoolean()).isTrue();
    assertThat(equal.json().path("verdict").asText()).isEqualTo("better");
    assertThat(equal.stderr()).contains("EQUAL: 15 examples scored again, bit for bit");
    RetuneProcess unlike =
        RetuneProcess.start(
                Map.of("ATEN_CPU_CAPABILITY", "default", "ONEDNN_MAX_CPU_ISA", "SSE41"),
                List.of(),
                evaluate("reference"))
            .waitFor();
    assertThat(unlike.exitCode()).as(unlike::stderr).isEqualTo(4);
    assertThat(unlike.stderr())
        .contains("of 15 was scored again and is not equal: ")
        .contains("Either the machine computes other bits than those that trained it, or ");
  }

  @Test
  void aRunThatIsNotWhatIsRequiredEndsWithExitCodeFour() {
    // Lost beside what it is added to, so that every loss is the same.
    String[] hardlyTrained = {
      "--set", "order.steps=1", "--set", "train.optimizer.adamw.lr=1e-30", "--request", "hardly"
    };
    here(hardlyTrained);
    String[] changed = Arrays.copyOf(hardlyTrained, 4);
    Said better = RetuneHere.run(evaluate("hardly", with(changed, "--require", "better")));
    assertThat(better.exitCode()).as(better::stderr).isEqualTo(4);
    assertThat(better.stderr())
        .contains("was to have verdict = better, and has no difference shown (");
    Said notWorse = RetuneHere.run(evaluate("hardly", with(changed, "--require", "not-worse")));
    assertThat(notWorse.exitCode()).as(notWorse::stderr).isZero();
  }

  private static String[] with(String[] options, String... more) {
    return Stream.concat(Stream.of(options), Stream.of(more)).toArray(String[]::new);
  }

  private static String[] evaluate(String request, String... options) {
    String[] arguments = {"evaluate", SMOKE, "--store", store.toString(), "--request", request};
    return with(arguments, options);
  }

  private JsonNode run(String... options) {
    return start(options).waitFor().json();
  }

  private RetuneProcess start(String... options) {
    return RetuneProcess.start(arguments(options));
  }

  /** One rank in this JVM. */
  private JsonNode here(String... options) {
    return RetuneHere.run(arguments(options)).json();
  }

  private static String[] arguments(String... options) {
    return with(new String[] {"run", SMOKE, "--store", store.toString(), "--json"}, options);
  }
}
