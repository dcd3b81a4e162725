package io.retune.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.retune.config.ConfigLoader;
import io.retune.config.HubSite;
import io.retune.config.InvalidInputException;
import io.retune.config.Recipe;
import io.retune.config.Site;
import io.retune.dataset.SparkForTests;
import io.retune.job.DryRun.Findings;
import io.retune.store.Sha256;
import io.retune.store.Store;
import io.retune.train.TinyDecoder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class DryRunTest {
  private static final int ROWS = 40;

  private Path folder;
  private Path conf;
  private Recipe recipe;

  @BeforeAll
  void open(@TempDir Path folder) throws IOException {
    this.folder = folder;
    SparkForTests.session();
    Store models = Store.open(folder.resolve("models").toString(), new Configuration());
    Path model = models.localPath("models", TinyDecoder.into(models));
    List<String> rows = new ArrayList<>();
    for (int i = 10; i < 10 + ROWS; i++) {
      rows.add("{\"question\":\"Ask %d?\",\"answer\":\"Say %d\"}".formatted(i, i));
    }
    Path data = Files.write(folder.resolve("words.jsonl"), rows);
    conf =
        new InitJob(Workspace.withoutStore(site("none"), true))
            .execute(folder, data, Optional.of(model.toString()), false);
    recipe = ConfigLoader.load(conf, List.of()).recipe();
  }

  private Site site(String store) {
    return new Site(
        folder.resolve(store).toString(),
        folder.resolve("cache").toString(),
        Optional.of("local[2]"),
        Optional.empty(),
        Optional.empty(),
        1024,
        Optional.of(1),
        Optional.empty(),
        HubSite.DEFAULT,
        false,
        false);
  }

  /** The session is shared by all tests, so the workspace is not closed. */
  private static Findings findings(ScratchStore scratch, Site site, Recipe recipe) {
    return new DryRun(Workspace.open(scratch.site(), true), scratch, site, recipe).findings();
  }

  @Test
  void itSaysWhatARunWouldBeAndLeavesNothing() {
    Path left;
    Findings found;
    try (ScratchStore scratch = ScratchStore.open(site("fresh"))) {
      left = Path.of(scratch.site().store());
      found = findings(scratch, site("fresh"), recipe);
    }
    assertThat(left).doesNotExist();
    assertThat(folder.resolve("fresh")).doesNotExist();

    assertThat(found.snapshot().counts().stream().map(c -> c.transform() + " " + c.rows()))
        .containsExactly("words 40", "usable 40", "unique 40", "held-out 40", "chat 40", "fits 40");
    // <|im_start|>user\nAsk 10?<|im_end|>\n<|im_start|>assistant\nSay 10<|im_end|>\n, a token a
    // byte
    assertThat(found.lengths()).hasSize((int) found.snapshot().trainExamples()).containsOnly(34);
    assertThat(found.targetTokens()).isEqualTo(7 * found.snapshot().trainExamples());
    assertThat(found.examples()).hasSize(2);
    assertThat(MarkedTokens.ASCII.text(found.examples().get(0).tokens()))
        .matches(
            """
            <\\|im_start\\|>user
            Ask (\\d\\d)\\?<\\|im_end\\|>
            <\\|im_start\\|>assistant
            \\[\\[Say \\1<\\|im_end\\|>]]
            """);
    assertThat(found.plan().steps()).hasSize(recipe.order().steps().orElseThrow());
    assertThat(found.epochs()).isGreaterThan(2);
    // An embedding of 258 x 64, a norm, and two layers of 30,848.
    assertThat(found.budget().parameters()).isEqualTo(78_272);
    // Rank 16 beside each matrix: rows and columns of seven add up to 928.
    assertThat(found.budget().trainedParameters()).isEqualTo(2 * 16 * 928);
    assertThat(found.budget().memory().get("weights, mapped once")).isEqualTo(4 * 78_272);
    assertThat(found.budget().seconds().orElseThrow().least())
        .isPositive()
        .isLessThanOrEqualTo(found.budget().seconds().orElseThrow().most());
  }

  @Test
  void whatTheStoreHasIsFoundThereAndLeftAsItIs() throws IOException {
    Site site = site("store");
    Workspace workspace = Workspace.open(site, true);
    Stages stages = new Stages(workspace, recipe, workspace.terminal());
    var model = stages.importModel();
    var snapshot = stages.prepare(stages.ingest("for a test"), model);
    var plan = stages.plan(snapshot);
    SortedMap<String, String> before = files(folder.resolve("store"));

    try (ScratchStore scratch = ScratchStore.open(site)) {
      long empty = scratch.bytes();
      Findings found = findings(scratch, site, recipe);
      assertThat(found.snapshot()).isEqualTo(snapshot);
      assertThat(found.plan().root()).isEqualTo(plan.root());
      assertThat(found.model().sha256()).isEqualTo(model.sha256());
      assertThat(found.writtenBytes()).isEqualTo(empty);
    }
    assertThat(files(folder.resolve("store"))).isEqualTo(before);
  }

  @Test
  void whatTheStoreHasOfOtherDataStaysAsItIs() throws IOException {
    Site site = site("other");
    Workspace workspace = Workspace.open(site, true);
    new Stages(workspace, recipe, workspace.terminal()).ingest("for a test");
    Path more = Files.copy(folder.resolve("words.jsonl"), folder.resolve("more.jsonl"));
    Files.writeString(
        more, Files.readString(more) + "{\"question\":\"More?\",\"answer\":\"More\"}\n");
    Recipe changed =
        ConfigLoader.load(
                conf,
                List.of(
                    "data.datasets.words.source=\"file:" + more + "\"",
                    "data.datasets.words.sha256=" + Sha256.of(more).hex()))
            .recipe();
    SortedMap<String, String> before = files(folder.resolve("other"));

    try (ScratchStore scratch = ScratchStore.open(site)) {
      assertThat(findings(scratch, site, changed).snapshot().counts().get(0).rows())
          .isEqualTo(ROWS + 1);
    }
    assertThat(files(folder.resolve("other"))).isEqualTo(before);
  }

  /** Names with times and sizes. */
  private static SortedMap<String, String> files(Path store) throws IOException {
    SortedMap<String, String> files = new TreeMap<>();
    try (Stream<Path> tree = Files.walk(store)) {
      for (Path path : (Iterable<Path>) tree.filter(Files::isRegularFile)::iterator) {
        files.put(path.toString(), Files.getLastModifiedTime(path) + " " + Files.size(path));
      }
    }
    return files;
  }

  @Test
  void problemsOfDataAndModelAndMachineAreToldAtOnce() {
    String no = "0".repeat(64);
    Recipe wrong =
        ConfigLoader.load(
                conf,
                List.of(
                    "model.sha256=" + no,
                    "data.datasets.words.sha256=" + no,
                    "order.micro-batches=1"))
            .recipe();
    Site two =
        new Site(
            folder.resolve("none").toString(),
            folder.resolve("cache").toString(),
            Optional.empty(),
            Optional.of(2),
            Optional.empty(),
            1024,
            Optional.empty(),
            Optional.empty(),
            HubSite.DEFAULT,
            false,
            false);
    try (ScratchStore scratch = ScratchStore.open(two)) {
      assertThatThrownBy(() -> findings(scratch, two, wrong))
          .isInstanceOfSatisfying(
              InvalidInputException.class,
              e ->
                  assertThat(e.problems().stream().map(p -> p.place().split(" ")[0]))
                      .containsExactly("--executors", "model.source", "data.datasets.words"));
    }
  }

  @Test
  void lanesThatWouldIdleAreCounted() {
    assertThat(new LaneUse(1, 3, 8, 3).idle()).isEqualTo(1);
    assertThat(new LaneUse(1, 3, 8, 3).rounds()).isEqualTo(3);
    assertThat(new LaneUse(2, 4, 8, 8).idle()).isZero();
    assertThat(new LaneUse(2, 4, 8, 8).rounds()).isEqualTo(1);
    assertThat(new LaneUse(1, 16, 8, 16).idle()).isEqualTo(8);
    // Lanes without a core of their own do not finish sooner.
    assertThat(new LaneUse(1, 8, 8, 2).rounds()).isEqualTo(4);
  }
}
