package io.retune.it;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.retune.RetuneHere;
import io.retune.job.RunId;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A store with no more room in the middle of a run. A limit of the process on the length of a file
 * stands for the full disk, since anyone may set it and it fails the same call, write(2), with
 * another word: EFBIG in place of ENOSPC.
 */
@Tag(LongForm.TAG)
class FullDiskTest {
  /** Room for a journal and for tables, not for a checkpoint. */
  private static final int MEBIBYTES = 10;

  @TempDir private static Path folder;

  private static String[] run(String request) {
    return new String[] {
      "run",
      "conf/runs/smoke.conf",
      "--set",
      "order.steps=4",
      "--set",
      "train.checkpoint-every=1",
      "--store",
      folder.toString(),
      "--request",
      request,
      "--json"
    };
  }

  @Test
  void theRunSaysSoLosesNothingAndGoesOnToTheSameWeightsWhenThereIsRoom() throws IOException {
    SmokeStore.into(folder);
    String weights = RetuneHere.run(run("roomy")).json().path("weights_sha256").asText();
    String run = RunId.of("smoke", "narrow");
    Path checkpoints = folder.resolve("runs").resolve(run).resolve("checkpoints");
    boolean killed =
        RetuneProcess.start(run("narrow"))
            .killWhen(() -> Files.exists(checkpoints.resolve("step-000001")));
    assertThat(killed).isTrue();
    List<Path> before = in(checkpoints);

    RetuneProcess narrow = RetuneProcess.startWithFilesUpTo(MEBIBYTES, run("narrow")).waitFor();
    assertThat(narrow.exitCode()).as(narrow::stderr).isEqualTo(3);
    assertThat(narrow.stderr())
        .contains(run + ": Cannot write " + checkpoints)
        .contains("File too large. [write-failed]\n  Everything up to step ")
        .contains("Make room, then ask again with --request \"narrow\" to go on.")
        .doesNotContain("defect", "attempt   3");
    assertThat(in(checkpoints)).isEqualTo(before);
    JsonNode shown = RetuneHere.run("show", run, "--store", folder.toString(), "--json").json();
    assertThat(shown.path("status").asText()).isEqualTo("interrupted");
    assertThat(shown.path("attempts").findValuesAsText("end").toString())
        .contains("driver lost", "File too large");

    JsonNode finished = RetuneHere.run(run("narrow")).json();
    assertThat(finished.path("weights_sha256").asText()).isEqualTo(weights);
  }

  private static List<Path> in(Path checkpoints) throws IOException {
    try (Stream<Path> all = Files.walk(checkpoints)) {
      return all.sorted().toList();
    }
  }
}
