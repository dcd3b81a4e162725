package io.retune.it;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.retune.RetuneHere;
import io.retune.Said;
import io.retune.job.RunId;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.commons.io.FileUtils;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code retune diff}, of configurations and of runs of the real model. */
class DiffTest {
  @TempDir static Path folder;
  private static Path smoke;
  private static Path slower;
  private static Path smaller;

  @BeforeAll
  static void write() throws IOException {
    FileUtils.copyDirectory(Path.of("conf").toFile(), folder.resolve("conf").toFile());
    SmokeStore.into(store());
    smoke = folder.resolve(Path.of("conf", "runs", "smoke.conf"));
    slower = changed("slower", "lr = 5e-4", "lr = 1e-4", "\"The way", "\"A way");
    smaller = changed("smaller", "keep = 160", "keep = 120", "lr = 5e-4", "lr = 1e-4");
  }

  private static Path changed(String name, String... replaced) throws IOException {
    String text = Files.readString(smoke);
    for (int i = 0; i < replaced.length; i += 2) {
      assertThat(text).contains(replaced[i]);
      text = text.replace(replaced[i], replaced[i + 1]);
    }
    return Files.writeString(smoke.resolveSibling(name + ".conf"), text);
  }

  private static Path store() {
    return folder.resolve("store");
  }

  private static Said diff(Object one, Object other, String... more) {
    List<String> arguments =
        new ArrayList<>(
            List.of("diff", one.toString(), other.toString(), "--store", store().toString()));
    arguments.addAll(List.of(more));
    return RetuneHere.run(arguments.toArray(String[]::new));
  }

  /** The name of the run. */
  private static String run(Path conf, String request, String... settings) {
    List<String> arguments =
        new ArrayList<>(
            List.of("run", conf.toString(), "--store", store().toString(), "--request", request));
    List<String> all =
        new ArrayList<>(List.of("order.steps=1", "order.micro-batches=2", "evaluation.prompts=[]"));
    all.addAll(List.of(settings));
    all.forEach(setting -> arguments.addAll(List.of("--set", setting)));
    arguments.add("--json");
    RetuneHere.run(arguments.toArray(String[]::new)).json();
    return RunId.of("smoke", request);
  }

  @Test
  void configurationsThatHaveNotRun() {
    Path nowhere = folder.resolve("nowhere");
    Said fair =
        RetuneHere.run(
            "diff",
            smoke.toString(),
            slower.toString(),
            "--intended",
            "train.optimizer",
            "--store",
            nowhere.toString());
    assertThat(fair.exitCode()).as(fair::stderr).isZero();
    assertThat(fair.stdout())
        .containsPattern("configuration +train.optimizer.adamw.lr +0.0005 +0.0001 +yes +2e-4 needs")
        .containsPattern("configuration +description +The way of .* +yes")
        .endsWith("Fair: nothing else differs.\n");
    assertThat(nowhere).doesNotExist();

    Said unfair = diff(smoke, smaller, "--intended", "train.optimizer.adamw.lr");
    assertThat(unfair.exitCode()).isEqualTo(4);
    assertThat(unfair.stderr())
        .startsWith(
            smoke
                + " and "
                + smaller
                + ": differ in data.prepare.small.sample.keep too, so that they compare more than"
                + " train.optimizer.adamw.lr. [unfair-comparison]\n");
    assertThat(
            diff(smoke, smaller, "--intended", "train.optimizer.adamw.lr,data.prepare").exitCode())
        .isZero();
    assertThat(diff(smoke, smaller).exitCode()).as("nobody said").isZero();
    assertThat(diff(smoke, smoke).stdout()).endsWith("Nothing differs.\n");
  }

  @Test
  void aConfigurationIsHeldAgainstWhatItExtends() throws IOException {
    Path longer =
        Files.writeString(
            smoke.resolveSibling("longer.conf"),
            """
            include "smoke.conf"
            extends = smoke.conf
            order.steps = 8
            why { "order.steps" = "four are too few" }
            """);
    Said diff =
        RetuneHere.run(
            "diff", longer.toString(), "--intended", "order.steps", "--store", store().toString());
    assertThat(diff.exitCode()).as(diff::stderr).isZero();
    assertThat(diff.stdout())
        .containsPattern("configuration +order.steps +4 +8 +yes +four are too few")
        .endsWith("Fair: nothing else differs.\n");
  }

  @Test
  void runs() {
    String base = run(smoke, "base");
    String rate = run(smoke, "rate", "train.optimizer.adamw.lr=1e-4");
    String data = run(smaller, "data", "train.optimizer.adamw.lr=5e-4");
    JsonNode byRate = diff(base, rate, "--json").json();
    assertThat(byRate.path("differences")).hasSize(1);
    JsonNode only = byRate.path("differences").path(0);
    assertThat(only.path("key").asText()).isEqualTo("train.optimizer.adamw.lr");
    assertThat(only.path("one").asText()).isEqualTo("0.0005");
    assertThat(only.path("intended").asBoolean()).isFalse();
    assertThat(byRate.path("fair").asBoolean()).isFalse();

    Said byData = diff(base, data, "--intended", "data.prepare");
    assertThat(byData.exitCode()).as(byData::stderr).isZero();
    assertThat(byData.stdout())
        .containsPattern("data +examples +[0-9a-f]{12} +[0-9a-f]{12} +yes")
        .containsPattern("order +plan +[0-9a-f]{12} +[0-9a-f]{12} +yes")
        .contains("held-out loss");
    assertThat(diff(base, smaller).stdout())
        .as("of a configuration nobody knows yet what it becomes")
        .doesNotContain("examples ");
  }
}
