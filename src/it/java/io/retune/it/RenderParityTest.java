package io.retune.it;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import io.retune.config.InvalidInputException;
import io.retune.store.Json;
import io.retune.text.ChatMessage;
import io.retune.text.ChatRenderer;
import io.retune.text.Conversation;
import io.retune.text.RenderedChat;
import io.retune.text.Token;
import io.retune.text.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.assertj.core.api.SoftAssertions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The conversations of {@code conversations.jsonl}, rendered with the templates of model families,
 * against transformers: its text and ids, or that it refuses too.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class RenderParityTest {
  private static final String SMOLLM = "smollm2";
  private static final Path CONVERSATIONS = Path.of(Venv.script("conversations.jsonl"));

  private Path shared;
  private Path models;
  private List<JsonNode> conversations;

  /** Of each family and conversation. */
  private Map<String, Theirs[]> theirs;

  /** What render.py says of a conversation. */
  private record Theirs(Rendered plain, Rendered prompted) {}

  /**
   * @param trained where the template marks what is generated
   */
  private record Rendered(
      Optional<String> refused, String text, int[] ids, Optional<int[]> trained) {}

  @BeforeAll
  void renderThere(@TempDir Path folder) throws IOException {
    shared = folder;
    models = Files.createDirectories(shared.resolve("models"));
    Path real = RealModel.imported().directory();
    for (Map.Entry<String, Templates.Family> family : Templates.families().entrySet()) {
      Templates.write(family.getValue(), real, models.resolve(family.getKey()));
    }
    Path smollm = Files.createDirectories(models.resolve(SMOLLM));
    for (String file : List.of("tokenizer.json", "tokenizer_config.json")) {
      Files.copy(real.resolve(file), smollm.resolve(file));
    }
    conversations = new ArrayList<>();
    for (String line : Files.readAllLines(CONVERSATIONS)) {
      conversations.add(Json.read(line.getBytes(UTF_8)));
    }
    Path out = shared.resolve("rendered.json");
    Peers.run("render.py", models, CONVERSATIONS, out);
    theirs = new LinkedHashMap<>();
    JsonNode all = Json.read(Files.readAllBytes(out));
    for (String family : families().toList()) {
      theirs.put(family, theirs(all.path(family)));
    }
  }

  private static Theirs[] theirs(JsonNode chats) {
    List<Theirs> theirs = new ArrayList<>();
    chats.forEach(
        chat ->
            theirs.add(new Theirs(rendered(chat.path("plain")), rendered(chat.path("prompted")))));
    return theirs.toArray(Theirs[]::new);
  }

  private static Rendered rendered(JsonNode json) {
    return json.has("refused")
        ? new Rendered(Optional.of(json.path("refused").asText()), "", new int[0], Optional.empty())
        : new Rendered(
            Optional.empty(),
            json.path("text").asText(),
            ints(json.path("ids")),
            json.path("trained").isArray()
                ? Optional.of(ints(json.path("trained")))
                : Optional.empty());
  }

  private static int[] ints(JsonNode json) {
    List<Integer> ints = new ArrayList<>();
    json.forEach(i -> ints.add(i.intValue()));
    return ints.stream().mapToInt(Integer::intValue).toArray();
  }

  static Stream<String> families() {
    return Stream.concat(Stream.of(SMOLLM), Templates.families().keySet().stream());
  }

  @ParameterizedTest
  @MethodSource("families")
  void textAndIdsAreThoseOfTransformers(String family) {
    int same = 0;
    SoftAssertions all = new SoftAssertions();
    try (ChatRenderer renderer = open(family)) {
      for (int i = 0; i < conversations.size(); i++) {
        JsonNode json = conversations.get(i);
        String name = json.path("name").asText();
        Theirs there = theirs.get(family)[i];
        same += compare(all, name, there.plain(), json, () -> renderer.show(chat(json)));
        same += compare(all, name, there.prompted(), json, () -> renderer.showPrompted(chat(json)));
      }
    }
    all.assertAll();
    // Of 40 conversations, each twice, the others being those that the template refuses.
    assertThat(same).isGreaterThan(30);
  }

  private ChatRenderer open(String family) {
    return ChatRenderer.open(models.resolve(family), Clock.system(ZoneId.systemDefault()));
  }

  private static Conversation chat(JsonNode json) {
    return Conversation.of("here", json);
  }

  private interface Rendering {
    RenderedChat render();
  }

  /** 1 if both render it. */
  private static int compare(
      SoftAssertions all, String name, Rendered there, JsonNode json, Rendering here) {
    Optional<RenderedChat> ours = Optional.empty();
    String refused = "";
    try {
      ours = Optional.of(here.render());
    } catch (InvalidInputException e) {
      refused = e.getMessage();
    }
    if (there.refused().isPresent() || ours.isEmpty()) {
      all.assertThat(ours.isEmpty())
          .as("%s: refused here (%s), there (%s)", name, refused, there.refused())
          .isEqualTo(there.refused().isPresent());
      return 0;
    }
    all.assertThat(ours.get().text()).as(name).isEqualTo(there.text());
    if (!json.path("hostile").asBoolean()) {
      all.assertThat(ours.get().inputIds()).as(name).containsExactly(there.ids());
    }
    return 1;
  }

  /** Of what is trained, text by text. */
  private static List<String> trained(Tokenizer tokenizer, RenderedChat chat) {
    List<String> runs = new ArrayList<>();
    boolean open = false;
    for (Token token : tokenizer.tokens(chat)) {
      if (token.trained()) {
        if (!open) {
          runs.add("");
        }
        runs.add(runs.remove(runs.size() - 1) + token.text());
      }
      open = token.trained();
    }
    return runs;
  }

  @ParameterizedTest
  @MethodSource("families")
  void trainedAreTheAnswersAndTheirEndOfTurnTokens(String family) {
    String end = family.equals(SMOLLM) ? "<|im_end|>" : Templates.families().get(family).end();
    boolean thinks = family.startsWith("qwen3");
    try (ChatRenderer renderer = open(family);
        Tokenizer tokenizer = Tokenizer.open(models.resolve(family))) {
      for (int i = 0; i < conversations.size(); i++) {
        JsonNode json = conversations.get(i);
        if (!json.path("exact").asBoolean()
            || theirs.get(family)[i].plain().refused().isPresent()) {
          continue;
        }
        Conversation chat = chat(json);
        List<String> expected =
            chat.messages().stream()
                .filter(ChatMessage::train)
                .map(message -> message.content().orElseThrow() + end)
                .toList();
        List<String> found = trained(tokenizer, renderer.show(chat));
        if (family.equals("mistral-v1")) {
          // Its prompt ends before the blank, which is the model's to say.
          found = found.stream().map(String::stripLeading).toList();
        }
        if (thinks) {
          found = found.stream().map(f -> f.replace("<think>\n\n</think>\n\n", "")).toList();
        }
        assertThat(found).as(json.path("name").asText()).isEqualTo(expected);
      }
    }
  }

  /** Of templates that mark what is generated, transformers says which tokens it trains. */
  @Test
  void trainedIsWhatTransformersMasks() {
    Theirs[] masked = theirs.get("llama3-generation");
    try (ChatRenderer renderer = open("llama3-generation")) {
      for (int i = 0; i < conversations.size(); i++) {
        Optional<int[]> mask = masked[i].plain().trained();
        JsonNode json = conversations.get(i);
        if (mask.isPresent() && !json.path("hostile").asBoolean()) {
          boolean[] trained = renderer.show(chat(json)).trained();
          int[] ours = new int[trained.length];
          for (int t = 0; t < ours.length; t++) {
            ours[t] = trained[t] ? 1 : 0;
          }
          assertThat(ours).as(json.path("name").asText()).containsExactly(mask.get());
        }
      }
    }
  }

  @Test
  void callsAndReasoningAreTrainedToo() throws IOException {
    assertThat(shown("qwen3", "two calls at once"))
        .containsExactly(
            """
            Let me look.
            <tool_call>
            {"name": "get_weather", "arguments": {"city": "Köln"}}
            </tool_call>
            <tool_call>
            {"name": "get_weather", "arguments": {"city": "東京", "detail": null}}
            </tool_call><|im_end|>""",
            "<think>\n\n</think>\n\nRain and sun.<|im_end|>");
    assertThat(shown("qwen3", "reasoning in several turns"))
        .containsExactly(
            "Yes.<|im_end|>", "No.<|im_end|>", "<think>\n3 * 3\n</think>\n\nNo.<|im_end|>");
    assertThat(shown("mistral-v3", "calls in two turns"))
        .containsExactly(
            """
            [TOOL_CALLS][{"name": "add", "arguments": {"a": 1, "b": 2}, "id": "abcdef123"}]</s>""",
            "3</s>",
            """
            [TOOL_CALLS][{"name": "add", "arguments": {"a": 3, "b": 4}, "id": "abcdef125"}]</s>""",
            "7</s>");
    assertThat(shown("llama3.1", "a call with its result"))
        .containsExactly(
            "{\"name\": \"add\", \"parameters\": {\"a\": 1.5, \"b\": 2}}<|eot_id|>",
            "It is 3.5.<|eot_id|>");
  }

  private List<String> shown(String family, String name) {
    try (ChatRenderer renderer = open(family);
        Tokenizer tokenizer = Tokenizer.open(models.resolve(family))) {
      JsonNode json =
          conversations.stream()
              .filter(c -> c.path("name").asText().equals(name))
              .findFirst()
              .orElseThrow();
      return trained(tokenizer, renderer.show(chat(json)));
    }
  }

  @Test
  void whatIsPreparedDoesNotDependOnTheDay() {
    Conversation chat = chat(conversations.get(0));
    try (ChatRenderer renderer = ChatRenderer.open(models.resolve("llama3.2"))) {
      assertThat(renderer.render(chat).text()).contains("Today Date: 26 Jul 2024\n");
    }
    try (ChatRenderer renderer = ChatRenderer.open(models.resolve("mistral-v7"))) {
      assertThatThrownBy(() -> renderer.render(chat))
          .hasMessageContaining("asks what day it is (strftime_now)");
    }
  }

  @Test
  void theCommandPrintsALineForEachConversation() throws IOException {
    RetuneProcess json =
        RetuneProcess.run(
            "render",
            models.resolve("llama3.1").toString(),
            "--data",
            data(0, 2).toString(),
            "--generation-prompt",
            "--json");
    assertThat(json.stderr()).isEmpty();
    assertThat(json.exitCode()).isZero();
    List<String> lines = json.stdout().lines().toList();
    assertThat(lines).hasSize(2);
    JsonNode first = Json.read(lines.get(0).getBytes(UTF_8));
    Rendered there = theirs.get("llama3.1")[0].prompted();
    assertThat(first.path("text").asText()).isEqualTo(there.text());
    assertThat(ints(first.path("input_ids"))).containsExactly(there.ids());
    assertThat(first.path("trained")).hasSameSizeAs(first.path("input_ids"));
  }

  @Test
  void aPersonSeesWhatIsTrained() throws IOException {
    Path data = data(0, 1);
    RetuneProcess text =
        RetuneProcess.run("render", models.resolve("chatml").toString(), "--data", data.toString());
    assertThat(text.stdout())
        .isEqualTo(
            """
            %s:1  28 tokens, 8 trained
            <|im_start|>user
            Define the noun "dog" in one sentence.<|im_end|>
            <|im_start|>assistant
            ⟦a member of the genus Canis<|im_end|>⟧

            """
                .formatted(data));
  }

  private Path data(int from, int to) throws IOException {
    return Files.write(
        shared.resolve("data-" + from + "-" + to + ".jsonl"),
        Files.readAllLines(CONVERSATIONS).subList(from, to));
  }

  @Test
  void everyBadLineIsSaidAtOnce() throws IOException {
    Path data =
        Files.writeString(
            shared.resolve("bad.jsonl"),
            """
            {"messages": [{"role": "user", "content": "fine"}]}
            {"messages": []}
            {"messages": [{"role": "user"}]}
            {"messages": [{"content": "x"}]}
            {"messages": [{"role": "user", "content": "x"}], "tools": "none"}

            {"messages": [{"role": "system", "content": "x"}]}
            [1]
            """);
    RetuneProcess bad =
        RetuneProcess.run("render", models.resolve("gemma2").toString(), "--data", data.toString());
    assertThat(bad.exitCode()).isEqualTo(2);
    assertThat(bad.stdout()).isEmpty();
    assertThat(bad.stderr().replace(data.toString(), "DATA"))
        .startsWith(
            """
            DATA:2: has no messages. [not-a-chat]
              A line is an object with messages, a list, and perhaps tools, a list of objects.
            DATA:3: has no content in message 1. [not-a-chat]
            DATA:4: has no role in message 1. [not-a-chat]
              A message is an object with role and content, both text; content may also be a list of parts, or give way to tool_calls.
            DATA:5: has tools that are no list of objects. [not-a-chat]
              A line is an object with messages, a list, and perhaps tools, a list of objects.
            DATA:7: the model's template refuses it: System role not supported. [template-refuses]
              Change the roles or their order.
            DATA:8: is JSON, but no object. [malformed-json]
              A line is an object with messages, a list, and perhaps tools, a list of objects.
            """);
  }
}
