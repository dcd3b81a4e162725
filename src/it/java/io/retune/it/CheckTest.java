package io.retune.it;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A dry run as a user asks for it, with the quickstart's model and data. */
class CheckTest {
  @TempDir Path folder;

  private RetuneProcess start(String... arguments) throws IOException {
    Path temporary = Files.createDirectories(folder.resolve("tmp"));
    return RetuneProcess.start(Map.of(), List.of("-Djava.io.tmpdir=" + temporary), arguments);
  }

  private List<Path> scratch() {
    try (Stream<Path> left = Files.list(folder.resolve("tmp"))) {
      return left.filter(path -> path.getFileName().toString().startsWith("retune-")).toList();
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  @Test
  void aDryRunSaysWhatARunWouldBeAndWritesNoStore() throws IOException {
    Path store = folder.resolve("store");
    RetuneProcess check =
        start("check", "conf/runs/smoke.conf", "--store", store.toString(), "--json").waitFor();
    JsonNode found = check.json();
    assertThat(store).doesNotExist();
    assertThat(scratch()).isEmpty();
    assertThat(found.path("steps").asInt()).isEqualTo(4);
    assertThat(found.path("parameters").asLong()).isEqualTo(134_515_008);
    assertThat(found.path("trained_parameters").asLong()).isEqualTo(4_884_480);
    assertThat(found.path("rows").get(0).path("rows").asLong()).isPositive();
    assertThat(found.path("seconds").path("least").asDouble()).isPositive();
    assertThat(found.path("examples").get(0).asText())
        .contains("<|im_start|>assistant\n[[")
        .contains("<|im_end|>]]");
    assertThat(check.stderr())
        .startsWith("smoke: no problems.\nfingerprint ")
        .containsPattern(Pattern.compile("(?m)^lanes {5}1 rank x "))
        .containsPattern(Pattern.compile("(?m)^time {6}training and evaluation \\d"));
    System.out.print(check.stderr());
  }

  @Test
  void anInterruptedDryRunLeavesNothing() throws IOException {
    RetuneProcess check =
        start("check", "conf/runs/smoke.conf", "--store", folder.resolve("store").toString());
    assertThat(
            check.runsUntil(
                () -> scratch().stream().anyMatch(path -> Files.exists(path.resolve("datasets")))))
        .isTrue();
    check.stop();
    assertThat(check.exitCode()).isEqualTo(143);
    assertThat(scratch()).isEmpty();
    assertThat(folder.resolve("store")).doesNotExist();
  }

  @Test
  void theFastCheckStartsNothing() throws IOException {
    RetuneProcess check = start("check", "conf/runs/smoke.conf", "--fast", "--json").waitFor();
    assertThat(check.json().path("experiment").asText()).matches("[0-9a-f]{64}");
    assertThat(check.stderr()).startsWith("smoke: no problems.\n").doesNotContain("example");
  }
}
