package io.retune.dataset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.retune.config.InvalidInputException;
import io.retune.config.TransformSpec;
import io.retune.store.Json;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.spark.sql.Row;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DocumentRenderingTest {
  private static final TransformSpec DOCUMENT = new TransformSpec.Document("text", "text");
  private static final TransformSpec SPLIT = new TransformSpec.Split("held-out", 0.25, "text", 7);

  @TempDir Path folder;
  private Workshop workshop;

  @BeforeEach
  void open() throws IOException {
    workshop = new Workshop(folder);
  }

  private static String lines(int count) {
    return IntStream.range(0, count).mapToObj(i -> "Été " + i + "\n").collect(Collectors.joining());
  }

  @Test
  void everyTokenOfATextIsTrainedWithoutATemplate() throws IOException {
    Path config = folder.resolve("model").resolve("tokenizer_config.json");
    Files.writeString(config, "{}");
    Snapshot snapshot = workshop.prepare(workshop.text("a.txt", lines(40)), SPLIT, DOCUMENT);
    List<Row> examples = workshop.preparation.examples(snapshot).collectAsList();
    assertThat(examples).hasSize(40);
    for (Row row : examples) {
      byte[] bytes = row.<String>getAs("text").getBytes(StandardCharsets.UTF_8);
      // The tokenizer has a token for each byte.
      List<Integer> ids = IntStream.range(0, bytes.length).mapToObj(i -> bytes[i] & 0xff).toList();
      assertThat(row.getList(row.fieldIndex("input_ids"))).isEqualTo(ids);
      assertThat(row.getList(row.fieldIndex("trained")))
          .isEqualTo(Collections.nCopies(bytes.length, true));
      assertThat(row.<Integer>getAs("target_tokens")).isEqualTo(bytes.length - 1);
    }
  }

  @Test
  void specialTokensThatTheModelExpectsAroundATextAreTrainedToo() throws IOException {
    Path file = folder.resolve("model").resolve("tokenizer.json");
    ObjectNode tokenizer = (ObjectNode) Json.read(Files.readAllBytes(file));
    tokenizer.set(
        "post_processor",
        Json.read(
            Json.write(
                    Map.of(
                        "type",
                        "TemplateProcessing",
                        "single",
                        List.of(
                            Map.of("SpecialToken", Map.of("id", "<|im_start|>", "type_id", 0)),
                            Map.of("Sequence", Map.of("id", "A", "type_id", 0)),
                            Map.of("SpecialToken", Map.of("id", "<|im_end|>", "type_id", 0))),
                        "pair",
                        List.of(
                            Map.of("Sequence", Map.of("id", "A", "type_id", 0)),
                            Map.of("Sequence", Map.of("id", "B", "type_id", 0))),
                        "special_tokens",
                        Map.of(
                            "<|im_start|>",
                            special(256, "<|im_start|>"),
                            "<|im_end|>",
                            special(257, "<|im_end|>"))))
                .getBytes(StandardCharsets.UTF_8)));
    Files.writeString(file, Json.write(tokenizer));
    Snapshot snapshot = workshop.prepare(workshop.text("a.txt", lines(40)), SPLIT, DOCUMENT);
    for (Row row : workshop.preparation.examples(snapshot).collectAsList()) {
      List<Integer> ids = row.getList(row.fieldIndex("input_ids"));
      assertThat(row.<String>getAs("text")).matches("<\\|im_start\\|>Été \\d+<\\|im_end\\|>");
      assertThat(ids.get(0)).isEqualTo(256);
      assertThat(ids.get(ids.size() - 1)).isEqualTo(257);
      assertThat(row.<Integer>getAs("target_tokens")).isEqualTo(ids.size() - 1);
    }
  }

  private static Map<String, Object> special(int id, String content) {
    return Map.of("id", content, "ids", List.of(id), "tokens", List.of(content));
  }

  @Test
  void aTextWithNothingToPredictIsToldByItsRow() throws IOException {
    assertThatThrownBy(
            () -> workshop.prepare(workshop.text("a.txt", lines(40) + "x\n"), SPLIT, DOCUMENT))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageMatching(
            """
            words row [0-9a-f]{32}: has no trained token: its text has fewer than two\\. \\[row-not-rendered]
              1 row cannot be rendered by data\\.prepare\\.text\\. .*""");
  }

  @Test
  void aColumnThatIsNoTextIsRefused() throws IOException {
    assertThatThrownBy(
            () ->
                workshop.prepare(
                    workshop.jsonl("a.jsonl", "{\"text\":1}\n{\"text\":2}\n"), SPLIT, DOCUMENT))
        .hasMessage(
            "data.prepare.text.render.text: column \"text\" is bigint. [wrong-column-type]\n"
                + "  Make it text with a select before it, such as \"string(text)\".");
    assertThatThrownBy(
            () ->
                workshop.prepare(
                    workshop.text("b.txt", lines(4)),
                    SPLIT,
                    new TransformSpec.Document("text", "texts")))
        .hasMessageContaining("names the column \"texts\", which is not there.");
  }

  @Test
  void whatWouldBeHeldOutIsToldWithoutSpark() throws IOException {
    Snapshot snapshot = workshop.prepare(workshop.text("a.txt", lines(40)), SPLIT, DOCUMENT);
    for (Row row : workshop.preparation.examples(snapshot).collectAsList()) {
      assertThat(Transforms.isHeldOut(0.25, 7, row.getAs("text")))
          .isEqualTo(row.<String>getAs("split").equals("evaluation"));
    }
  }
}
