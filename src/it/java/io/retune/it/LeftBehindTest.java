package io.retune.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.retune.RetuneHere;
import io.retune.Said;
import io.retune.job.RunId;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What lies where a run would put its own. */
@Tag(LongForm.TAG)
class LeftBehindTest {
  @TempDir private static Path folder;

  @Test
  void anAdapterThatIsNotWhatWasTrainedIsNotTakenForIt() throws IOException {
    String[] run = {
      "run",
      "conf/runs/smoke.conf",
      "--set",
      "order.steps=2",
      "--set",
      "order.micro-batches=2",
      "--set",
      "evaluation.prompts=[]",
      "--store",
      folder.toString(),
      "--request",
      "left",
      "--json"
    };
    SmokeStore.into(folder);
    RetuneProcess victim = RetuneProcess.start(run);
    assertThat(victim.killWhen(() -> victim.stderr().contains("step 1/2"))).isTrue();
    Path adapter = folder.resolve("runs").resolve(RunId.of("smoke", "left")).resolve("adapter");
    Path foreign = Files.createDirectories(adapter).resolve("adapter_model.safetensors");
    Files.writeString(foreign, "another");

    Said refused = RetuneHere.run(run);
    assertThat(refused.exitCode()).as(refused::stderr).isEqualTo(4);
    assertThat(refused.stderr())
        .contains(adapter + ": is not what was trained: its files are ")
        .contains("Move the folder away, and ask for the same request again.");
    assertThat(foreign).hasContent("another");

    Files.move(adapter, folder.resolve("moved"));
    assertThat(RetuneHere.run(run).json().path("status").asText()).isEqualTo("finished");
  }
}
