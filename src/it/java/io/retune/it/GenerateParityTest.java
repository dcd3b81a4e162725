package io.retune.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.retune.config.TrainSpec;
import io.retune.engine.Decoder;
import io.retune.engine.Generator;
import io.retune.engine.Generator.Continuation;
import io.retune.evaluate.ChatModel;
import io.retune.evaluate.Samples;
import io.retune.model.AdapterFiles;
import io.retune.model.AdapterLayout;
import io.retune.model.ImportedModel;
import io.retune.store.Json;
import io.retune.store.Store;
import io.retune.text.ChatMessage;
import io.retune.text.ChatRenderer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/**
 * What the real model generates, untouched and with an adapter, against transformers + peft in
 * float32: the same ids. Where two tokens are so nearly as likely that rounding decides, the texts
 * may part.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class GenerateParityTest {
  private static final int LIMIT = 48;

  /** Of two logits, of which the untouched model's best is about 20. */
  private static final double NEARLY_AS_LIKELY = 1e-3;

  private static final List<String> PROMPTS =
      List.of(
          "Define the noun \"harbor\" in one sentence.",
          "Define the verb \"whisper\" in one sentence.",
          "Define the noun \"violin\" in one sentence.",
          "What is the capital of France?",
          "Why is the sky blue?",
          "Write a haiku about rain.",
          "List three prime numbers and add them up.",
          "Translate \"good morning\" into French, German and Spanish.",
          "def fibonacci(n):",
          "Say nothing but yes.",
          "Wie heißt die Hauptstadt von Österreich? 😀",
          "Hi");

  private final TrainSpec.Lora lora = RealModel.quickstart().train().lora();
  private final ImportedModel model = RealModel.imported();
  private final AdapterLayout layout = AdapterLayout.of(model.config(), lora);
  private final List<int[]> prompts = new ArrayList<>();
  private List<Continuation> base;
  private List<Continuation> adapted;
  private List<String> baseTexts;
  private List<String> adaptedTexts;
  private Set<Integer> ends;
  private Theirs theirs;

  /** What generation.py says. */
  private record Theirs(int[][] prompts, int[] ends, Answer[] base, Answer[] adapter) {}

  private record Answer(int[] ids, String text, double gap) {}

  @BeforeAll
  void generateHereAndThere(@TempDir Path folder) throws IOException {
    float[] adapter = RandomAdapter.of(layout);
    try (ChatRenderer renderer = ChatRenderer.open(model.directory());
        Decoder decoder = decoder();
        Generator generator = decoder.generator()) {
      ends = renderer.endOfTurnIds();
      for (String prompt : PROMPTS) {
        prompts.add(renderer.prompt(List.of(new ChatMessage("user", prompt, false))).inputIds());
      }
      base = generator.generate(prompts, new float[layout.size()], LIMIT, ends);
      adapted = generator.generate(prompts, adapter, LIMIT, ends);
      baseTexts = base.stream().map(c -> renderer.text(c.ids())).toList();
      adaptedTexts = adapted.stream().map(c -> renderer.text(c.ids())).toList();
    }
    Store store = Store.open(folder.toString(), new Configuration());
    AdapterFiles.write(store, store.path("adapter"), layout, adapter, lora, "base");
    Map<String, Object> task =
        Map.of(
            "prompts",
            PROMPTS,
            "limit",
            LIMIT,
            "ours",
            Map.of(
                "base", base.stream().map(Continuation::ids).toList(),
                "adapter", adapted.stream().map(Continuation::ids).toList()));
    Files.write(folder.resolve("task.json"), Json.write(task).getBytes(StandardCharsets.UTF_8));
    Peers.run("generation.py", folder, model.directory());
    theirs = Json.read(Files.readAllBytes(folder.resolve("theirs.json")), Theirs.class);
  }

  private Decoder decoder() throws IOException {
    return Decoder.load(model, RealModel.cache(), layout, lora.scale());
  }

  @Test
  void promptsAndEndsOfTurnAreThoseOfTransformers() {
    for (int i = 0; i < PROMPTS.size(); i++) {
      assertThat(prompts.get(i)).as(PROMPTS.get(i)).containsExactly(theirs.prompts()[i]);
    }
    assertThat(theirs.ends()).containsExactly(2);
    assertThat(ends).containsExactly(2);
  }

  @Test
  void theUntouchedModelGeneratesTheSameTokens() {
    assertSame("untouched", base, baseTexts, theirs.base());
  }

  @Test
  void anAdapterThatPeftLoadsGeneratesTheSameTokens() {
    assertSame("with an adapter", adapted, adaptedTexts, theirs.adapter());
    assertThat(adaptedTexts).doesNotContainAnyElementsOf(baseTexts);
  }

  private static void assertSame(
      String what, List<Continuation> ours, List<String> texts, Answer[] theirs) {
    int equal = 0;
    double largest = 0;
    for (int i = 0; i < theirs.length; i++) {
      if (theirs[i].gap() == 0) {
        assertThat(ours.get(i).ids()).as(PROMPTS.get(i)).containsExactly(theirs[i].ids());
        assertThat(texts.get(i)).isEqualTo(theirs[i].text());
        equal++;
      }
      assertThat(theirs[i].gap()).as(PROMPTS.get(i)).isLessThan(NEARLY_AS_LIKELY);
      largest = Math.max(largest, theirs[i].gap());
    }
    System.out.printf(
        Locale.ROOT,
        "Generated %s: %d of %d texts equal, largest gap where they part %.1e%n",
        what,
        equal,
        theirs.length,
        largest);
    assertThat(equal).isGreaterThanOrEqualTo(theirs.length - 2);
  }

  @Test
  void aPromptAloneGivesTheSameTokens() throws IOException {
    try (Decoder decoder = decoder();
        Generator generator = decoder.generator()) {
      for (int i = 0; i < 3; i++) {
        assertThat(
                generator
                    .generate(List.of(prompts.get(i)), RandomAdapter.of(layout), LIMIT, ends)
                    .get(0)
                    .ids())
            .isEqualTo(adapted.get(i).ids());
      }
    }
  }

  @Test
  void samplesAreTheTextsBeforeAndAfter() throws IOException {
    List<String> few = PROMPTS.subList(0, 4);
    try (ChatModel chat = ChatModel.open(model, RealModel.cache(), lora)) {
      Samples samples = Samples.of(chat, few, RandomAdapter.of(layout), LIMIT);
      assertThat(samples.samples()).hasSameSizeAs(few);
      for (int i = 0; i < few.size(); i++) {
        assertThat(samples.samples().get(i).before().text()).isEqualTo(baseTexts.get(i));
        assertThat(samples.samples().get(i).after().text()).isEqualTo(adaptedTexts.get(i));
      }
    }
  }
}
