package io.retune.dataset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.retune.config.DatasetSpec;
import io.retune.config.InvalidInputException;
import io.retune.config.TransformSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.spark.sql.Row;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PreparationTest {
  @TempDir Path folder;
  private Workshop workshop;

  @BeforeEach
  void open() throws IOException {
    workshop = new Workshop(folder);
  }

  @Test
  void linesBecomeExamplesByTheTransformsAlone() throws IOException {
    String lines =
        IntStream.range(0, 40)
            .mapToObj(i -> "red" + i + ",blue" + i + ",red" + i + "\n")
            .collect(Collectors.joining("", "# a comment\n", ""));
    DatasetSpec words =
        workshop.text(
            "words.txt",
            lines,
            new TransformSpec.Where("lines", "NOT startswith(text, '#')"),
            new TransformSpec.Explode("words", "word", "split(text, ',')"),
            new TransformSpec.Select("named", new TreeMap<>(Map.of("word", "trim(word)"))));

    Snapshot snapshot =
        workshop.prepare(
            words,
            new TransformSpec.Dedup("unique", List.of("word")),
            new TransformSpec.Sample("small", 60, "word", 7),
            Workshop.heldOut(),
            Workshop.chat(),
            new TransformSpec.Length("short", 1000));

    assertThat(snapshot.counts().stream().map(c -> c.transform() + " " + c.rows()))
        .containsExactly(
            "words 41",
            "words/lines 40",
            "words/words 120",
            "words/named 120",
            "unique 80",
            "small 60",
            "held-out 60",
            "chat 60",
            "short 60");
    assertThat(snapshot.trainExamples() + snapshot.evaluationExamples()).isEqualTo(60);
    assertThat(snapshot.trainExamples()).isBetween(30L, 59L);
    List<Row> examples = workshop.preparation.examples(snapshot).collectAsList();
    assertThat(examples)
        .hasSize(60)
        .allSatisfy(
            row -> {
              assertThat(row.<String>getAs("example_id")).matches("[0-9a-f]{32}");
              assertThat(row.<String>getAs("digest")).matches("[0-9a-f]{64}");
              assertThat(row.<String>getAs("dataset")).isEqualTo("words");
              assertThat(row.getList(row.fieldIndex("sources"))).hasSize(1);
              List<Boolean> trained = row.getList(row.fieldIndex("trained"));
              assertThat(row.getList(row.fieldIndex("input_ids")))
                  .hasSameSizeAs(trained)
                  .hasSize(row.<Integer>getAs("tokens"));
              assertThat(Collections.frequency(trained, true))
                  .isEqualTo(row.<Integer>getAs("target_tokens"));
            });
    assertThat(examples.stream().map(row -> row.getAs("example_id")).collect(Collectors.toSet()))
        .hasSize(60);
  }

  @Test
  void theRootIsTheSameForAnyPartitioningOrderAndStore() throws IOException {
    List<String> lines =
        new ArrayList<>(
            IntStream.range(0, 60).mapToObj(i -> "{\"word\":\"w" + i % 50 + "\"}\n").toList());
    Set<String> roots = new java.util.HashSet<>();
    Set<Set<String>> evaluations = new java.util.HashSet<>();
    for (int partitions : new int[] {1, 3, 8}) {
      Collections.shuffle(lines, new Random(partitions));
      Workshop at = new Workshop(folder.resolve("store-" + partitions));
      at.spark.conf().set("spark.sql.shuffle.partitions", partitions);
      at.spark.conf().set("spark.sql.files.maxPartitionBytes", 2000 / partitions);
      try {
        Snapshot snapshot =
            at.prepare(
                at.jsonl("words.jsonl", String.join("", lines)),
                new TransformSpec.Sample("small", 45, "word", 7),
                new TransformSpec.Dedup("unique", List.of("word")),
                Workshop.heldOut(),
                Workshop.chat());
        roots.add(snapshot.root().hex());
        evaluations.add(
            at
                .preparation
                .examples(snapshot)
                .filter("split = 'evaluation'")
                .collectAsList()
                .stream()
                .map(row -> row.<String>getAs("text"))
                .collect(Collectors.toSet()));
      } finally {
        at.spark.conf().set("spark.sql.shuffle.partitions", 2);
        at.spark.conf().unset("spark.sql.files.maxPartitionBytes");
      }
    }
    assertThat(roots).hasSize(1);
    assertThat(evaluations).hasSize(1);
  }

  /** A store's ids are of its own salt: they must not say which of two splits an example is in. */
  @Test
  void rowsThatBecomeEqualBehindTheSplitAreToldApartTheSameWayInEveryStore(@TempDir Path folder)
      throws IOException {
    StringBuilder lines = new StringBuilder();
    for (int i = 0; i < 80; i++) {
      lines.append("{\"word\":\"w%d\",\"topic\":\"t%d\"}\n".formatted(i / 2, i));
    }
    Set<String> roots = new HashSet<>();
    for (String store : List.of("a", "b")) {
      Workshop at = new Workshop(Files.createDirectory(folder.resolve(store)));
      Snapshot snapshot =
          at.prepare(
              at.jsonl("words.jsonl", lines.toString()),
              new TransformSpec.Split("held-out", 0.5, "topic", 7),
              new TransformSpec.Select("word-alone", new TreeMap<>(Map.of("word", "word"))),
              new TransformSpec.Dedup("unique", List.of("word")),
              new TransformSpec.Sample("some", 30, "1", 7),
              Workshop.chat());
      roots.add(snapshot.root().hex());
    }
    assertThat(roots).hasSize(1);
  }

  @Test
  void anExampleNamesEveryRowThatDedupFoundEqualToItsOwn() throws IOException {
    StringBuilder lines = new StringBuilder();
    for (int i = 0; i < 20; i++) {
      for (int copy = 0; copy <= i % 3; copy++) {
        lines.append("{\"word\":\"w%d\",\"copy\":%d}\n".formatted(i, copy));
      }
    }
    DatasetSpec words = workshop.jsonl("copies.jsonl", lines.toString());
    Snapshot snapshot =
        workshop.prepare(
            words,
            new TransformSpec.Dedup("unique", List.of("word")),
            Workshop.heldOut(),
            Workshop.chat());

    List<Row> examples = workshop.preparation.examples(snapshot).collectAsList();
    Map<String, Long> copies =
        workshop.datasets.rows(workshop.datasets.version("words", 1)).collectAsList().stream()
            .collect(
                Collectors.toMap(
                    row -> row.<String>getAs("row_id"),
                    row -> Long.parseLong(row.<String>getAs("word").substring(1)) % 3 + 1));
    assertThat(examples).hasSize(20);
    for (Row example : examples) {
      List<String> sources =
          example.<Row>getList(example.fieldIndex("sources")).stream()
              .map(row -> row.<String>getAs("row_id"))
              .toList();
      assertThat(sources).isSorted().doesNotHaveDuplicates();
      assertThat((long) sources.size()).isEqualTo(copies.get(sources.get(0)));
    }
    assertThat(examples.stream().mapToInt(e -> e.getList(e.fieldIndex("sources")).size()).sum())
        .isEqualTo(copies.size());
  }

  @Test
  void whatWasPreparedIsFoundAgainAndAnotherChainIsAnotherSnapshot() throws IOException {
    DatasetSpec words = workshop.jsonl("a.jsonl", words(20));
    Snapshot first = workshop.prepare(words, Workshop.heldOut(), Workshop.chat());
    long written = modified(first);

    Snapshot again = workshop.prepare(words, Workshop.heldOut(), Workshop.chat());
    Snapshot other =
        workshop.prepare(
            words, new TransformSpec.Split("held-out", 0.25, "word", 8), Workshop.chat());

    assertThat(again).isEqualTo(first);
    assertThat(modified(again)).isEqualTo(written);
    assertThat(other.key()).isNotEqualTo(first.key());
    assertThat(other.root()).isNotEqualTo(first.root());
    assertThat(workshop.store.list(workshop.store.path("snapshots"))).hasSize(2);
  }

  @Test
  void chatsInAColumnTrainEveryAssistantMessageAndBadRowsAreNamedTogether() throws IOException {
    String good =
        IntStream.range(0, 12)
            .mapToObj(
                i ->
                    "{\"messages\":[{\"role\":\"user\",\"content\":\"u"
                        + i
                        + "\"},{\"role\":\"assistant\",\"content\":\"abc\"}]}\n")
            .collect(Collectors.joining());
    TransformSpec.Render render = new TransformSpec.Render("chat", List.of(), "messages");
    TransformSpec.Split split = new TransformSpec.Split("held-out", 0.4, "messages[0].content", 7);

    Snapshot snapshot = workshop.prepare(workshop.jsonl("good.jsonl", good), split, render);

    assertThat(
            workshop
                .preparation
                .examples(snapshot)
                .select("target_tokens")
                .distinct()
                .collectAsList())
        .extracting(row -> row.getInt(0))
        .containsExactly(4);
    String bad =
        good
            + "{\"messages\":[{\"role\":\"user\",\"content\":\"alone\"}]}\n"
            + "{\"messages\":[{\"role\":\"user\",\"content\":\"q\"},{\"role\":\"assistant\"}]}\n"
            + "{\"messages\":null}\n";
    DatasetSpec spec = workshop.jsonl("bad.jsonl", bad);
    assertThatThrownBy(() -> workshop.prepare(spec, split, render))
        .isInstanceOfSatisfying(
            InvalidInputException.class,
            e -> {
              assertThat(e.problems())
                  .extracting("message")
                  .containsExactlyInAnyOrder(
                      "has no trained token.", "has no content in message 2.", "has no messages.");
              assertThat(e.problems().get(0).place()).matches("words row [0-9a-f]{32}");
            });
    assertThat(workshop.store.list(workshop.store.path("snapshots"))).hasSize(1);
  }

  @Test
  void anExpressionThatTheRowDoesNotDetermineIsRefusedByName() throws IOException {
    DatasetSpec words = workshop.jsonl("a.jsonl", words(20));
    Map<String, String> refused =
        Map.of(
            "rand() < 0.5", "is not determined by the row: it calls rand()",
            "current_date() > date'2020-01-01'",
                "is not determined by the row: it calls current_date()",
            "count(*) > 1", "aggregates over rows with count()",
            "row_number() OVER (ORDER BY word) = 1", "looks at other rows through a window",
            "(SELECT 1) = 1", "has a subquery");
    refused.forEach(
        (sql, why) ->
            assertThatThrownBy(
                    () ->
                        workshop.prepare(
                            words,
                            new TransformSpec.Where("few", sql),
                            Workshop.heldOut(),
                            Workshop.chat()))
                .isInstanceOf(InvalidInputException.class)
                .hasMessage(
                    "data.prepare.few.where: \""
                        + sql
                        + "\" "
                        + why
                        + ". [not-determined]\n  Use only what follows from the row's own columns: the rows would"
                        + " change from run to run."));
  }

  @Test
  void aMissingColumnIsNamedWithTheOneThatWasMeant() throws IOException {
    DatasetSpec words = workshop.jsonl("a.jsonl", words(20));

    assertThatThrownBy(
            () -> workshop.prepare(words, new TransformSpec.Where("few", "length(wrod) > 1")))
        .isInstanceOf(InvalidInputException.class)
        .hasMessage(
            "data.prepare.few.where: \"length(wrod) > 1\" names the column \"wrod\", which is not"
                + " there. [column-not-found]\n  Did you mean \"word\"? Known columns: word.");
    assertThatThrownBy(() -> workshop.prepare(words, new TransformSpec.Where("few", "__id > ''")))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining("names the column \"__id\", which is not there");
  }

  @Test
  void anEmptySplitIsRefusedWithTheRowsOnTheWay() throws IOException {
    DatasetSpec words = workshop.jsonl("a.jsonl", words(20));

    assertThatThrownBy(() -> workshop.prepare(words, Workshop.chat()))
        .isInstanceOf(InvalidInputException.class)
        .hasMessage(
            "data.prepare: the split \"evaluation\" is empty. Rows on the way: words 20, chat 20. [empty-split]\n"
                + "  Add { name = held-out, split = { evaluation = 0.1, by = COLUMN, seed = 7 } }.");
    assertThat(workshop.store.list(workshop.store.path("snapshots"))).isEmpty();
  }

  private static String words(int count) {
    return IntStream.range(0, count)
        .mapToObj(i -> "{\"word\":\"w" + i + "\"}\n")
        .collect(Collectors.joining());
  }

  private long modified(Snapshot snapshot) {
    return workshop
        .store
        .localPath("snapshots", snapshot.key(), "snapshot.json")
        .toFile()
        .lastModified();
  }
}
