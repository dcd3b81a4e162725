package io.retune.plan;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.concat;
import static org.apache.spark.sql.functions.lit;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.retune.config.InvalidInputException;
import io.retune.config.OrderSpec;
import io.retune.dataset.Snapshot;
import io.retune.dataset.Workshop;
import io.retune.store.DamagedFileException;
import io.retune.store.SafeTensors;
import io.retune.store.Sha256;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.commons.io.FileUtils;
import org.apache.spark.sql.Row;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PlannerTest {
  @TempDir Path folder;
  private Workshop workshop;
  private Snapshot snapshot;

  @BeforeEach
  void prepare() throws IOException {
    workshop = new Workshop(folder);
    snapshot = prepared(workshop);
  }

  private static Snapshot prepared(Workshop at) throws IOException {
    String words = words().collect(Collectors.joining("\n", "", "\n"));
    return at.prepare(at.jsonl("a.jsonl", words), Workshop.heldOut(), Workshop.chat());
  }

  private static Stream<String> words() {
    return IntStream.range(0, 40).mapToObj(i -> "{\"word\":\"" + "w".repeat(1 + i % 7) + i + "\"}");
  }

  private static OrderSpec order(Optional<Integer> steps, Optional<Integer> epochs, int tokens) {
    return new OrderSpec(42, steps, epochs, 4, 2, tokens, true);
  }

  @Test
  void theLedgerSaysWhereEachExampleLiesAndItLiesThereWithShiftedLabels() {
    OrderSpec order = order(Optional.empty(), Optional.of(2), 200);
    Plan plan = new Planner(workshop.spark, workshop.store).planFor(snapshot, order);
    PlanReader reader = PlanReader.open(workshop.store, plan.key());
    Map<String, Row> examples = new HashMap<>();
    for (Row row : workshop.preparation.examples(snapshot).collectAsList()) {
      examples.put(row.getAs("example_id"), row);
    }
    List<Row> ledger =
        workshop
            .spark
            .read()
            .format("delta")
            .load(workshop.store.path("plans", plan.key(), "ledger").toString())
            .orderBy("split", "micro_batch", "slot")
            .collectAsList();

    assertThat(ledger)
        .hasSize((int) (2 * snapshot.trainExamples() + snapshot.evaluationExamples()));
    for (Row place : ledger) {
      boolean train = place.getAs("split").equals("train");
      long index = place.getAs("micro_batch");
      MicroBatch batch = train ? reader.training(index) : reader.evaluation(index);
      requireThere(
          examples.get(place.<String>getAs("example_id")), batch, place.getAs("token_offset"));
      int step = place.getAs("step");
      if (train) {
        Plan.Step planned = plan.steps().get(step - 1);
        assertThat(index).isBetween(planned.first(), planned.first() + planned.microBatches() - 1);
      } else {
        assertThat(step).isZero();
      }
    }
    assertThat(plan.evaluationExamples())
        .containsExactlyElementsOf(
            ledger.stream()
                .filter(row -> row.getAs("split").equals("evaluation"))
                .map(row -> row.<String>getAs("example_id"))
                .toList());
    assertThat(plan.evaluationTargets())
        .containsExactly(
            plan.evaluationExamples().stream()
                .mapToInt(id -> examples.get(id).<Integer>getAs("target_tokens"))
                .toArray());
    for (Plan.Step step : plan.steps()) {
      int targets = 0;
      for (long i = step.first(); i < step.first() + step.microBatches(); i++) {
        targets += reader.training(i).targets();
      }
      assertThat(step.targetTokens()).isEqualTo(targets);
    }
  }

  private static void requireThere(Row example, MicroBatch batch, int offset) {
    List<Integer> ids = example.getList(example.fieldIndex("input_ids"));
    List<Boolean> trained = example.getList(example.fieldIndex("trained"));
    for (int t = 0; t < ids.size(); t++) {
      boolean target = t + 1 < ids.size() && trained.get(t + 1);
      assertThat(batch.inputIds()[offset + t]).isEqualTo(ids.get(t));
      assertThat(batch.positions()[offset + t]).isEqualTo(t);
      assertThat(batch.labels()[offset + t]).isEqualTo(target ? ids.get(t + 1) : -100);
    }
    assertThat(Arrays.stream(batch.boundaries()).boxed().toList())
        .contains(offset, offset + ids.size());
  }

  @Test
  void theSameDataGiveTheSameRootInAnotherStoreThoughRowsHaveOtherNames() throws IOException {
    OrderSpec order = order(Optional.of(6), Optional.empty(), 200);
    Workshop elsewhere = new Workshop(Files.createDirectories(folder.resolve("elsewhere")));

    Plan here = new Planner(workshop.spark, workshop.store).planFor(snapshot, order);
    Plan there = new Planner(elsewhere.spark, elsewhere.store).planFor(prepared(elsewhere), order);
    Plan again = new Planner(workshop.spark, workshop.store).planFor(snapshot, order);
    Plan longer =
        new Planner(workshop.spark, workshop.store)
            .planFor(snapshot, order(Optional.of(7), Optional.empty(), 200));

    assertThat(here.steps()).hasSize(6).allSatisfy(step -> assertThat(step.leaves()).isEqualTo(2));
    assertThat(there.root()).isEqualTo(here.root());
    assertThat(there.evaluationExamples()).isNotEqualTo(here.evaluationExamples());
    assertThat(again.key()).isEqualTo(here.key());
    assertThat(longer.root()).isNotEqualTo(here.root());
  }

  @Test
  void aPartIsSafetensorsOfTheDigestThatThePlanNamesAndADamagedOneIsRefused() throws IOException {
    Plan plan =
        new Planner(workshop.spark, workshop.store)
            .planFor(snapshot, order(Optional.of(3), Optional.empty(), 200));
    Plan.Part part = plan.training().get(0);
    Path file = workshop.store.localPath("plans", plan.key(), part.file());

    SafeTensors.Header header = SafeTensors.map(file).header();
    assertThat(header.tensors().keySet())
        .containsExactly("input_ids", "positions", "labels", "used");
    assertThat(header.tensors().get("labels").shape()).containsExactly((long) part.count(), 200L);

    byte[] bytes = Files.readAllBytes(file);
    bytes[bytes.length - 1] ^= 1;
    Files.write(file, bytes);
    PlanReader reader = PlanReader.open(workshop.store, plan.key());
    assertThatThrownBy(() -> reader.training(0))
        .isInstanceOf(DamagedFileException.class)
        .hasMessageContaining(part.sha256().hex());
  }

  /** A plan whose {@code plan.json} says another target, example or group somewhere. */
  private Plan tampered(String of, String with) throws IOException {
    Plan plan = planned(snapshot, 200);
    Path manifest = manifest(plan);
    String text = Files.readString(manifest);
    assertThat(text).containsPattern(of);
    Files.writeString(manifest, text.replaceFirst(of, with));
    return plan;
  }

  private Plan planned(Snapshot snapshot, int tokens) {
    return new Planner(workshop.spark, workshop.store)
        .planFor(snapshot, order(Optional.of(3), Optional.empty(), tokens));
  }

  private Path manifest(Plan plan) {
    return workshop.store.localPath("plans", plan.key(), "plan.json");
  }

  @Test
  void aSnapshotThatWasChangedIsNotPlanned(@TempDir Path folder) throws IOException {
    Workshop elsewhere = new Workshop(folder);
    Snapshot snapshot = prepared(elsewhere);
    String examples = elsewhere.store.path("snapshots", snapshot.key(), "examples").toString();
    elsewhere
        .spark
        .read()
        .format("delta")
        .load(examples)
        .withColumn("text", concat(col("text"), lit("!")))
        .write()
        .format("delta")
        .mode("overwrite")
        .save(examples);

    assertThatThrownBy(
            () ->
                new Planner(elsewhere.spark, elsewhere.store)
                    .planFor(snapshot, order(Optional.of(7), Optional.empty(), 200)))
        .isInstanceOf(DamagedFileException.class)
        .hasMessage(
            elsewhere.store.localPath("snapshots", snapshot.key())
                + ": was changed since it was prepared. [file-damaged]\n  Delete the folder;"
                + " ./retune prepare CONF with the same configuration makes it again.");
    assertThat(elsewhere.store.localPath("plans")).doesNotExist();
  }

  @Test
  void whatIsScoredCannotBeChangedUnseen() throws IOException {
    for (String list : List.of("\"evaluationTargets\" : \\[ ", "\"evaluationExamples\" : \\[ \"")) {
      Plan plan = tampered("(" + list + ")", "$17");
      assertThatThrownBy(() -> PlanReader.open(workshop.store, plan.key()))
          .isInstanceOf(DamagedFileException.class)
          .hasMessage(
              workshop.store.localPath("plans", plan.key(), "plan.json")
                  + ": was changed since it was written. [file-damaged]\n  Delete the folder "
                  + workshop.store.localPath("plans", plan.key())
                  + "; ./retune plan CONF with the same configuration makes the same plan again.");
      assertThatThrownBy(() -> planned(snapshot, 200)).isInstanceOf(DamagedFileException.class);
      // What is said to be done does help.
      FileUtils.deleteDirectory(manifest(plan).getParent().toFile());
      assertThat(planned(snapshot, 200).manifestSha256()).isEqualTo(plan.manifestSha256());
    }
  }

  @Test
  void aPlanThatWasSealedAgainIsNotTheOneARunWasBegunWith() throws IOException {
    Plan plan = tampered("(\"evaluationTargets\" : \\[ )", "$17");
    String sealed = Plan.manifestSha256(Files.readAllBytes(manifest(plan)));
    Files.writeString(
        manifest(plan), Files.readString(manifest(plan)).replace(plan.manifestSha256(), sealed));
    assertThat(PlanReader.open(workshop.store, plan.key()).plan().manifestSha256())
        .isEqualTo(sealed);
    assertThatThrownBy(
            () ->
                PlanReader.open(
                    workshop.store, plan.key(), plan.root().hex(), plan.manifestSha256()))
        .isInstanceOf(DamagedFileException.class)
        .hasMessageContaining("is not the plan that the run was begun with.");
  }

  @Test
  void whatIsNoPlanAnyMoreIsNamed() throws IOException {
    Plan plan = planned(snapshot, 200);
    Files.writeString(manifest(plan), "{");
    assertThatThrownBy(() -> PlanReader.open(workshop.store, plan.key()))
        .isInstanceOf(DamagedFileException.class)
        .hasMessageContaining("plan.json: is no plan any more: ");
  }

  @Test
  void theSameHeldOutExamplesAreTheSameEvaluationWhateverIsTrainedAndHoweverItIsPacked()
      throws IOException {
    Plan plan = planned(snapshot, 200);
    Snapshot smaller = withoutATrainingExample();
    assertThat(smaller.trainExamples()).isLessThan(snapshot.trainExamples());
    assertThat(planned(smaller, 200).evaluationSha256()).isEqualTo(plan.evaluationSha256());
    assertThat(planned(snapshot, 250).evaluationSha256()).isEqualTo(plan.evaluationSha256());
    assertThat(planned(snapshot, 250).root()).isNotEqualTo(plan.root());
    List<String> digests =
        workshop
            .preparation
            .examples(snapshot)
            .filter("split = 'evaluation'")
            .orderBy("digest")
            .collectAsList()
            .stream()
            .map(row -> row.<String>getAs("digest"))
            .toList();
    assertThat(Sha256.of(String.join("\n", digests) + "\n").hex())
        .isEqualTo(plan.evaluationSha256());
  }

  /** A word goes to the same split whichever others are there. */
  private Snapshot withoutATrainingExample() throws IOException {
    String text =
        workshop
            .preparation
            .examples(snapshot)
            .filter("split = 'train'")
            .first()
            .<String>getAs("text");
    String words =
        words()
            .filter(line -> !text.contains(" " + line.split("\"")[3] + "."))
            .collect(Collectors.joining("\n", "", "\n"));
    return workshop.prepare(workshop.jsonl("b.jsonl", words), Workshop.heldOut(), Workshop.chat());
  }

  @Test
  void anExampleLongerThanAMicroBatchIsRefusedWithTheSizeThatWouldDo() {
    int longest =
        workshop.preparation.examples(snapshot).selectExpr("max(tokens)").head().getInt(0);
    long tooLong =
        workshop.preparation.examples(snapshot).filter("tokens > " + (longest - 1)).count();

    assertThatThrownBy(
            () ->
                new Planner(workshop.spark, workshop.store)
                    .planFor(snapshot, order(Optional.of(3), Optional.empty(), longest - 1)))
        .isInstanceOf(InvalidInputException.class)
        .hasMessage(
            "order.tokens-per-micro-batch: "
                + tooLong
                + (tooLong == 1 ? " example has" : " examples have")
                + " more than "
                + (longest - 1)
                + " tokens, the longest "
                + longest
                + ". [example-too-long]\n  Set it to at least "
                + longest
                + ", or drop long examples behind render with { name = short, length = { max = "
                + (longest - 1)
                + " } }.");
    assertThat(workshop.store.list(workshop.store.path("plans"))).isEmpty();
  }
}
