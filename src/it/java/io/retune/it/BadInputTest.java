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

  private RetuneProcess run(String... options) {
    List<String> arguments =
        new ArrayList<>(List.of("run", SMOKE, "--store", folder.resolve("store").toString()));
    arguments.addAll(List.of(options));
    return RetuneProcess.run(arguments.toArray(String[]::new));
  }
}
