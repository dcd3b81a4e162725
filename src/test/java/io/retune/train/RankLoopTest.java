package io.retune.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.retune.collective.Attempt;
import io.retune.config.CheckDoesNotHoldException;
import io.retune.config.OrderSpec;
import io.retune.config.TrainSpec;
import io.retune.dataset.Snapshot;
import io.retune.dataset.Workshop;
import io.retune.model.AdapterLayout;
import io.retune.plan.Plan;
import io.retune.plan.Planner;
import io.retune.store.Json;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A tiny model trained by ranks that are threads, with real plans, sockets and checkpoints. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class RankLoopTest {
  private static final TrainSpec TRAIN =
      new TrainSpec(
          42,
          new TrainSpec.Lora(4, 8, AdapterLayout.modules()),
          new TrainSpec.AdamW(2e-3, 0.9, 0.999, 1e-8, 0.01),
          new TrainSpec.Schedule(TrainSpec.Schedule.Shape.LINEAR, 1),
          1.0,
          3,
          1);

  private Path folder;
  private Workshop workshop;
  private Snapshot snapshot;
  private Plan plan;
  private String model;
  private Outcome alone;

  /** Full steps have five leaves of two micro-batches, the last step is shorter. */
  @BeforeAll
  void prepare(@TempDir Path folder) throws Exception {
    this.folder = folder;
    workshop = new Workshop(folder);
    String words =
        IntStream.range(0, 60)
            .mapToObj(i -> "{\"word\":\"" + "w".repeat(1 + i % 5) + i + "\"}\n")
            .collect(Collectors.joining());
    snapshot =
        workshop.prepare(workshop.jsonl("words.jsonl", words), Workshop.heldOut(), Workshop.chat());
    plan = planned(Optional.empty(), Optional.of(2));
    model = TinyDecoder.into(workshop.store);
    alone = run("alone", plan, 1, 1, 0);
  }

  private Plan planned(Optional<Integer> steps, Optional<Integer> epochs) {
    return new Planner(workshop.spark, workshop.store)
        .planFor(snapshot, new OrderSpec(7, steps, epochs, 10, 2, 130, true));
  }

  @Test
  void theRunHasStepsOfSeveralLeavesAndAShorterLastOne() {
    assertThat(plan.steps().size()).isGreaterThanOrEqualTo(3);
    Plan.Step last = plan.steps().get(plan.steps().size() - 1);
    assertThat(plan.steps().get(0).leaves()).isEqualTo(5);
    assertThat(last.microBatches()).isLessThan(10);
  }

  @Test
  void theStepsAreRecordedAndTheModelLearns() {
    List<StepRecord> steps = alone.steps();

    assertThat(steps.stream().map(StepRecord::step))
        .containsExactlyElementsOf(IntStream.rangeClosed(1, plan.steps().size()).boxed().toList());
    for (StepRecord step : steps) {
      Plan.Step planned = plan.steps().get(step.step() - 1);
      assertThat(step.leafDigests()).hasSize(planned.leaves()).doesNotHaveDuplicates();
      assertThat(step.targetTokens()).isEqualTo(planned.targetTokens());
      assertThat(step.tokens()).isEqualTo(planned.tokens());
      assertThat(step.microBatches()).isEqualTo(planned.microBatches());
      assertThat(step.gradNorm()).isPositive();
    }
    List<EvaluationRecord> evaluations = alone.evaluations();
    assertThat(evaluations.get(0).step()).isZero();
    assertThat(evaluations.get(evaluations.size() - 1).step()).isEqualTo(plan.steps().size());
    assertThat(evaluations)
        .allSatisfy(e -> assertThat(e.lossSums()).hasSize(plan.evaluationExamples().size()));
    assertThat(meanLoss(evaluations.get(evaluations.size() - 1)))
        .isLessThan(meanLoss(evaluations.get(0)) - 0.01);
    // The first step is taken before anything was learned, of random weights: near log 258.
    assertThat(steps.get(0).loss()).isBetween(5.0, 6.5);
  }

  private double meanLoss(EvaluationRecord evaluation) {
    return Arrays.stream(evaluation.lossSums()).sum()
        / Arrays.stream(plan.evaluationTargets()).sum();
  }

  /** Seven ranks are more than there are leaves: some have nothing to do. */
  @ParameterizedTest
  @CsvSource({"1, 2", "2, 1", "2, 2", "3, 1", "3, 2", "5, 1", "5, 2", "7, 1"})
  void weightsAndRecordsAreTheSameForAnyNumberOfRanksAndLanes(int world, int lanes)
      throws Exception {
    requireSame(run("ranks-" + world + "-" + lanes, plan, world, lanes, 0));
  }

  private void requireSame(Outcome outcome) throws IOException {
    assertThat(outcome.digests()).containsOnly(alone.digests().get(0));
    assertThat(outcome.facts()).isEqualTo(alone.facts());
    for (int step = 1; step <= plan.steps().size(); step++) {
      requireSameCheckpoint(outcome.run(), step);
    }
  }

  private void requireSameCheckpoint(String run, int step) throws IOException {
    String name = "step-%06d".formatted(step);
    for (String file : List.of("adapter.safetensors", "optimizer.safetensors", "manifest.json")) {
      assertThat(
              Files.readAllBytes(workshop.store.localPath("runs", run, "checkpoints", name, file)))
          .as("%s of %s", file, name)
          .isEqualTo(
              Files.readAllBytes(
                  workshop.store.localPath("runs", "alone", "checkpoints", name, file)));
    }
  }

  @Test
  void goingOnFromAnyCheckpointEndsInTheSameBytes() throws Exception {
    for (int from = 1; from <= plan.steps().size(); from++) {
      String run = "resumed-" + from;
      Path checkpoints = workshop.store.localPath("runs", run, "checkpoints");
      Files.createDirectories(checkpoints);
      copy(
          workshop.store.localPath("runs", "alone", "checkpoints", "step-%06d".formatted(from)),
          checkpoints.resolve("step-%06d".formatted(from)));

      Outcome resumed = run(run, plan, 1 + from % 3, 1, from);

      assertThat(resumed.digests()).containsOnly(alone.digests().get(0));
      int resumedFrom = from;
      assertThat(resumed.facts())
          .isEqualTo(
              alone.facts().stream()
                  .filter(f -> f.path("step").asInt() > resumedFrom || f.has("adapterDigest"))
                  .toList());
      for (int step = from; step <= plan.steps().size(); step++) {
        requireSameCheckpoint(run, step);
      }
    }
  }

  private static void copy(Path from, Path to) throws IOException {
    Files.createDirectory(to);
    try (Stream<Path> files = Files.list(from)) {
      for (Path file : files.toList()) {
        Files.copy(file, to.resolve(file.getFileName()));
      }
    }
  }

  @Test
  void aLongerPlansFirstStepsDifferOnlyByTheSchedule() throws Exception {
    Outcome fewer = run("fewer", planned(Optional.of(1), Optional.empty()), 2, 1, 0);

    assertThat(fewer.steps().get(0).leafDigests()).isEqualTo(alone.steps().get(0).leafDigests());
    assertThat(fewer.steps()).hasSize(1);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 4})
  void whenTheDriverRefusesAnEventEveryRankEnds(int event) throws Exception {
    IllegalStateException full = new IllegalStateException("the disk is full");
    assertThatThrownBy(() -> run("refused-" + event, plan, 3, 1, 0, event, full)).isSameAs(full);
  }

  @Test
  void ranksOfUnlikeMachinesAreRefusedByName() {
    assertThatThrownBy(
            () -> {
              AllGather unlike =
                  mine -> {
                    JsonNode other = node(mine);
                    ((ObjectNode) other.path("numerics")).put("instructions", "avx9");
                    ((ObjectNode) other).put("host", "10.0.0.9");
                    return List.of(mine, other.toString());
                  };
              RankLoop.run(
                  task(Attempt.start("unlike", 1), plan, 1, 0, 1), seat(0, 2), unlike, () -> false);
            })
        .isInstanceOf(CheckDoesNotHoldException.class)
        .hasMessageMatching(
            "unlike: Ranks would not compute the same bits: instructions is .+ on rank 0 \\(.+\\) but"
                + " avx9 on rank 1 \\(10\\.0\\.0\\.9\\)\\. \\[numerics-differ]\n"
                + "  Run on machines of one kind\\.");
  }

  /** As if a bit of rank 1 had flipped; the first step has rate 0, so its moments alone differ. */
  @ParameterizedTest
  @CsvSource({
    "43, 2e-3, 0.999, adapters behind step 0, 0, 0",
    "42, 3e-3, 0.999, adapters behind step 2, 1, 1",
    "42, 2e-3, 0.9, moments behind step 1, 1, 0"
  })
  void whatARankAloneHasIsNeitherToldNorKept(
      long seed, double lr, double squareDecay, String different, int steps, int checkpoints)
      throws Exception {
    TrainSpec other =
        new TrainSpec(
            seed,
            TRAIN.lora(),
            new TrainSpec.AdamW(lr, 0.9, squareDecay, 1e-8, 0.01),
            TRAIN.schedule(),
            TRAIN.clipNorm(),
            TRAIN.evaluateEvery(),
            TRAIN.checkpointEvery());
    Attempt attempt = Attempt.start(different.replace(' ', '-'), 1);
    List<RankEvent> events = new CopyOnWriteArrayList<>();
    ExecutorService threads = Executors.newFixedThreadPool(2);
    try (EventServer server = new EventServer(attempt, events::add)) {
      TrainingTask task = task(attempt, plan, 1, 0, server.port());
      TrainingTask otherTask = task(attempt, plan, 1, 0, server.port(), other);
      for (Future<String> rank : start(threads, List.of(task, otherTask))) {
        assertThatThrownBy(() -> rank.get(60, TimeUnit.SECONDS))
            .rootCause()
            .hasMessageStartingWith("The ranks have different " + different + ", by rank: ");
      }
    } finally {
      threads.shutdownNow();
    }
    assertThat(events.stream().filter(RankEvent.Stepped.class::isInstance)).hasSize(steps);
    assertThat(events.stream().filter(RankEvent.Checkpointed.class::isInstance))
        .hasSize(checkpoints);
  }

  private static Seat seat(int rank, int world) {
    return new Seat(rank, world, "127.0.0.1", List.of());
  }

  private static JsonNode node(String json) {
    try {
      return Json.read(json.getBytes(StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  /**
   * What a run came to.
   *
   * @param digests of the final adapter, by rank
   */
  private record Outcome(String run, List<String> digests, List<RankEvent> events) {
    List<StepRecord> steps() {
      return events.stream()
          .filter(RankEvent.Stepped.class::isInstance)
          .map(e -> ((RankEvent.Stepped) e).step())
          .toList();
    }

    List<EvaluationRecord> evaluations() {
      return events.stream()
          .filter(RankEvent.Evaluated.class::isInstance)
          .map(e -> ((RankEvent.Evaluated) e).evaluation())
          .toList();
    }

    /** All events in order, without times and places: equal whoever computed them. */
    List<JsonNode> facts() {
      List<JsonNode> facts = new ArrayList<>();
      for (RankEvent event : events) {
        Object told =
            event instanceof RankEvent.Stepped e
                ? e.step()
                : event instanceof RankEvent.Evaluated e
                    ? e.evaluation()
                    : event instanceof RankEvent.Checkpointed e ? e.checkpoint() : event;
        if (!(told instanceof RankEvent.Started)) {
          ObjectNode fact = (ObjectNode) node(Json.write(told));
          List<String> names = new ArrayList<>();
          fact.fieldNames().forEachRemaining(names::add);
          names.removeIf(
              name -> !name.endsWith("Ms") && !List.of("path", "memoryBytes").contains(name));
          fact.remove(names);
          facts.add(fact);
        }
      }
      return facts;
    }
  }

  private Outcome run(String run, Plan plan, int world, int lanes, int resumeStep)
      throws Exception {
    return run(run, plan, world, lanes, resumeStep, -1, new IllegalStateException());
  }

  /**
   * @param refused number of the event at which the driver fails with {@code failure}
   */
  private Outcome run(
      String run,
      Plan plan,
      int world,
      int lanes,
      int resumeStep,
      int refused,
      RuntimeException failure)
      throws Exception {
    Attempt attempt = Attempt.start(run, 1);
    List<RankEvent> events = new CopyOnWriteArrayList<>();
    ExecutorService threads = Executors.newFixedThreadPool(world);
    try (EventServer server =
        new EventServer(
            attempt,
            event -> {
              if (events.size() == refused) {
                throw failure;
              }
              events.add(event);
            })) {
      TrainingTask task = task(attempt, plan, lanes, resumeStep, server.port());
      List<String> digests = new ArrayList<>();
      for (Future<String> rank : start(threads, Collections.nCopies(world, task))) {
        try {
          digests.add(rank.get(60, TimeUnit.SECONDS));
        } catch (ExecutionException e) {
          assertThat(server.failure().isPresent()).as("%s", e).isTrue();
        }
      }
      if (server.failure().isPresent()) {
        assertThat(digests).isEmpty();
        throw server.failure().get();
      }
      return new Outcome(run, digests, events);
    } finally {
      threads.shutdownNow();
    }
  }

  /** A rank for each task, all of one attempt. */
  private static List<Future<String>> start(ExecutorService threads, List<TrainingTask> tasks) {
    Gathering gathering = new Gathering(tasks.size());
    List<Future<String>> ranks = new ArrayList<>();
    for (int rank = 0; rank < tasks.size(); rank++) {
      int each = rank;
      ranks.add(
          threads.submit(
              () ->
                  RankLoop.run(
                      tasks.get(each), seat(each, tasks.size()), gathering.of(each), () -> false)));
    }
    return ranks;
  }

  private TrainingTask task(Attempt attempt, Plan plan, int lanes, int resumeStep, int port) {
    return task(attempt, plan, lanes, resumeStep, port, TRAIN);
  }

  private TrainingTask task(
      Attempt attempt, Plan plan, int lanes, int resumeStep, int port, TrainSpec train) {
    return new TrainingTask(
        attempt,
        workshop.store.uri(),
        folder.resolve("cache").toString(),
        model,
        plan.key(),
        train,
        resumeStep,
        lanes,
        "127.0.0.1",
        port);
  }

  /** What Spark's barrier does for ranks. */
  private static final class Gathering {
    private final String[] said;
    private final CyclicBarrier all;

    Gathering(int world) {
      this.said = new String[world];
      this.all = new CyclicBarrier(world);
    }

    AllGather of(int rank) {
      return mine -> {
        said[rank] = mine;
        try {
          all.await(60, TimeUnit.SECONDS);
        } catch (Exception e) {
          throw new IllegalStateException(e);
        }
        return List.of(said);
      };
    }
  }
}
