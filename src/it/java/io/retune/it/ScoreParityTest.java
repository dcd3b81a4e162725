package io.retune.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import io.retune.config.TrainSpec;
import io.retune.model.AdapterFiles;
import io.retune.model.AdapterLayout;
import io.retune.model.ImportedModel;
import io.retune.store.Json;
import io.retune.store.Store;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code retune score} of the real model against transformers and peft in float64. */
class ScoreParityTest {
  /** Of an example's loss, which is a sum over its targets, relative to it. */
  private static final double LOSS_TOLERANCE = 1e-5;

  /**
   * Relative to their float64. Near the beginning of a text, where the model's activations are
   * thousands of times as large as elsewhere, transformers' own float32 is off by 3.4e-4.
   */
  private static final double NORM_TOLERANCE = 1e-3;

  private static final TrainSpec.Lora LORA =
      new TrainSpec.Lora(4, 8, List.of("q_proj", "v_proj", "down_proj"));

  private static final String TEXTS =
      """
      {"text": "The sea was calm, and the harbour of São Tomé lay in the morning sun.", "id": 1}

      {"text": "def f(x):\\n    return x ** 2\\n"}
      """;

  private static final String CHATS =
      """
      {"messages": [{"role": "user", "content": "Name a colour."}, {"role": "assistant", "content": "Blue."}]}
      {"messages": [{"role": "system", "content": "You answer briefly."}, {"role": "user", "content": "1 + 1?"}, {"role": "assistant", "content": "2"}, {"role": "user", "content": "And 2 + 2?"}, {"role": "assistant", "content": "4"}]}
      """;

  private static final String IDS =
      """
      {"input_ids": [504, 2534, 436, 11481, 28, 284, 260], "labels": [-100, -100, 436, 11481, -100, 284, 260]}
      {"input_ids": [17, 18, 504, 2534, 436, 11481], "labels": [5, -100, -100, -100, 436, 11481]}
      {"input_ids": [7], "labels": [7]}
      """;

  @TempDir static Path folder;
  private static ImportedModel model;
  private static Path adapter;

  @BeforeAll
  static void makeAdapter() {
    model = RealModel.imported();
    AdapterLayout layout = AdapterLayout.of(model.config(), LORA);
    float[] values = RandomAdapter.of(layout);
    Store store = Store.open(folder.resolve("adapters").toString(), new Configuration());
    AdapterFiles.write(store, store.path("mine"), layout, values, LORA, "base");
    adapter = store.localPath("mine");
  }

  private static RetuneProcess score(Path directory, Path data, String... more) {
    return RetuneProcess.run(
        Stream.concat(
                Stream.of(
                    "score",
                    directory.toString(),
                    "--data",
                    data.toString(),
                    "--store",
                    folder.resolve("no-store").toString(),
                    "--set",
                    "cache=" + RealModel.cache()),
                Arrays.stream(more))
            .toArray(String[]::new));
  }

  private static void requireEqual(String lines, Path directory, String peft) throws IOException {
    Path data = Files.writeString(folder.resolve("data.jsonl"), lines);
    Path grads = folder.resolve("grads.json");
    Path out = folder.resolve("theirs.json");
    List<String> more = new ArrayList<>(List.of("--json", "--grads", grads.toString()));
    if (!peft.isEmpty()) {
      more.addAll(List.of("--adapter", peft));
    }
    JsonNode ours = score(directory, data, more.toArray(String[]::new)).json();
    Peers.run("score.py", model.directory(), data, peft, out);
    JsonNode theirs = Json.read(Files.readAllBytes(out));

    assertThat(ours.fieldNames())
        .toIterable()
        .containsExactlyInAnyOrder("loss", "targets", "examples");
    assertClose("mean", ours.path("loss"), theirs.path("loss"), LOSS_TOLERANCE);
    assertThat(ours.path("targets")).isEqualTo(theirs.path("targets"));
    assertThat(ours.path("examples")).hasSameSizeAs(theirs.path("examples"));
    for (int i = 0; i < theirs.path("examples").size(); i++) {
      JsonNode mine = ours.path("examples").path(i);
      JsonNode other = theirs.path("examples").path(i);
      assertThat(mine.path("targets")).isEqualTo(other.path("targets"));
      assertClose("example " + i, mine.path("loss"), other.path("loss"), LOSS_TOLERANCE);
    }
    JsonNode norms = Json.read(Files.readAllBytes(grads));
    assertThat(norms.fieldNames())
        .toIterable()
        .containsExactlyInAnyOrderElementsOf(() -> theirs.path("norms").fieldNames());
    norms
        .fields()
        .forEachRemaining(
            norm ->
                assertClose(
                    norm.getKey(),
                    norm.getValue(),
                    theirs.path("norms").path(norm.getKey()),
                    NORM_TOLERANCE));
    assertThat(folder.resolve("no-store")).doesNotExist();
  }

  private static void assertClose(String what, JsonNode ours, JsonNode theirs, double relative) {
    assertThat(ours.asDouble())
        .as(what)
        .isCloseTo(theirs.asDouble(), within(1e-9 + relative * Math.abs(theirs.asDouble())));
  }

  @Test
  void textsChatsAndIdsOfTheModelAlone() throws IOException {
    requireEqual(TEXTS + CHATS + IDS, model.directory(), "");
  }

  @Test
  void withAnAdapter() throws IOException {
    requireEqual(CHATS + TEXTS, model.directory(), adapter.toString());
  }

  @Test
  void idsNeedNoTokenizer() throws IOException {
    Path bare = Files.createDirectories(folder.resolve("bare"));
    for (String file : List.of("config.json", "model.safetensors")) {
      Files.createSymbolicLink(bare.resolve(file), model.directory().resolve(file));
    }
    requireEqual(IDS, bare, "");
  }

  @Test
  void everyLineThatCannotBeScoredIsSaid() throws IOException {
    Path data =
        Files.writeString(
            folder.resolve("bad.jsonl"),
            """
            {"text": "fine"}
            {"text": ""}
            [1]
            {"input_ids": [1, 2], "labels": [1]}
            {"input_ids": [1, 49152], "labels": [1, 2]}
            {"input_ids": [1, 2], "labels": [1, -1]}
            {"messages": [{"role": "user"}]}
            {"text": "broken
            """);
    RetuneProcess bad = score(model.directory(), data);
    assertThat(bad.exitCode()).isEqualTo(2);
    assertThat(bad.stdout()).isEmpty();
    assertThat(bad.stderr().replace(data.toString(), "DATA"))
        .startsWith(
            """
            DATA:2: has nothing to score. [bad-targets]
            DATA:3: is JSON, but no object. [malformed-json]
              A line is an object with text, with messages, or with input_ids and labels.
            DATA:4: has input_ids of length 2 and labels of length 1. [bad-targets]
              Give as many labels as ids: at a target's position its id, elsewhere -100.
            DATA:5: input_ids has 49152 at position 1. [bad-targets]
              The model's ids are 0 to 49151.
            DATA:6: labels has -1 at position 1. [bad-targets]
              The model's ids are 0 to 49151; -100 is no target.
            DATA:7: has no content in message 1. [not-a-chat]
              A message is an object with role and content, both text; content may also be a list of parts, or give way to tool_calls.
            DATA:8: is no JSON: """);
  }

  @Test
  void whatIsNoModelIsSaid() throws IOException {
    Path data = Files.writeString(folder.resolve("fine.jsonl"), IDS);
    assertThat(score(folder.resolve("nowhere"), data).stderr())
        .contains("nowhere\": is no directory, no digest and no source.");
    assertThat(score(Files.createDirectories(folder.resolve("empty")), data).stderr())
        .contains("empty: is no model: there is no ")
        .contains("config.json.");
    assertThat(score(model.directory(), data, "--adapter", folder.toString()).stderr())
        .contains("has no adapter_config.json.");
  }
}
