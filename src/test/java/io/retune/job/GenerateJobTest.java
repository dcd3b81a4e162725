package io.retune.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.retune.config.ConfigLoader;
import io.retune.config.InvalidInputException;
import io.retune.config.Recipe;
import io.retune.config.SiteLoader;
import io.retune.evaluate.Samples;
import io.retune.model.AdapterLayout;
import io.retune.model.ImportedModel;
import io.retune.store.Sha256;
import io.retune.train.TinyDecoder;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GenerateJobTest {
  @TempDir Path folder;
  private Workspace workspace;

  @BeforeEach
  void open() {
    workspace =
        Workspace.open(
            SiteLoader.load(
                Optional.empty(),
                List.of("store=" + folder.resolve("store"), "cache=" + folder.resolve("cache"))),
            true);
  }

  @AfterEach
  void close() {
    workspace.close();
  }

  @Test
  void aRecipesPromptsAreAnsweredInItsOrderAndLength() throws IOException {
    Recipe recipe =
        ConfigLoader.load(
                Path.of("conf/runs/quickstart.conf"), List.of("evaluation.max-new-tokens=5"))
            .recipe();
    ImportedModel model =
        ImportedModel.open(workspace.store(), new Sha256(TinyDecoder.into(workspace.store())));
    float[] nothing = new float[AdapterLayout.of(model.config(), recipe.train().lora()).size()];

    Samples samples = GenerateJob.samples(workspace, recipe, model, nothing);

    assertThat(samples.maxNewTokens()).isEqualTo(5);
    assertThat(samples.samples().stream().map(Samples.Sample::prompt))
        .isEqualTo(recipe.evaluation().prompts())
        .hasSize(4);
    assertThat(samples.samples())
        .allMatch(s -> s.before().equals(s.after()) && s.after().tokens() <= 5);
  }

  @Test
  void aModelThatIsNotThereAnyMoreIsNamed() {
    assertThatThrownBy(() -> ImportedModel.open(workspace.store(), Sha256.of("gone")))
        .isInstanceOf(InvalidInputException.class)
        .hasMessage(
            "model "
                + Sha256.of("gone").brief()
                + ": is not in this store any more. [model-not-in-store]\n"
                + "  Run a configuration that uses it: it is imported again.");
  }

  @Test
  void aPromptThatCouldNotBeReadIsNotAnswered() {
    assertThatThrownBy(() -> new GenerateJob(workspace, "run", "Wie hei\ufffd\ufffdt", 5))
        .isInstanceOf(InvalidInputException.class)
        .hasMessage(
            "PROMPT: has characters that the locale of this process cannot express. [bad-argument]\n"
                + "  Set LC_ALL=C.UTF-8.");
  }
}
