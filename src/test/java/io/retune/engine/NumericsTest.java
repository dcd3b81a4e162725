package io.retune.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.retune.store.Json;
import io.retune.store.Sha256;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class NumericsTest {
  @Test
  void theFactsSayWhatDecidesBitsAndTheDigestIsTheirs() {
    Numerics numerics = Numerics.probe();

    assertThat(numerics.facts())
        .containsKeys(
            "architecture",
            "instructions",
            "kernels",
            "lane-threads",
            "precision",
            "probe",
            "products",
            "torch");
    assertThat(numerics.facts().get("probe")).matches("[0-9a-f]{48}");
    assertThat(numerics.facts().get("torch")).isEqualTo("2.7.1");
    assertThat(numerics.sha256()).isEqualTo(Sha256.of(Json.write(numerics.facts())));
    assertThat(Numerics.probe()).isEqualTo(numerics);
  }

  /** One processor or all of them, one OpenMP thread or three: the same facts and bits. */
  @Test
  void aMachineWithAnotherNumberOfProcessorsHasTheSameNumerics() throws Exception {
    String here = Numerics.probe().sha256().hex();

    assertThat(inProcessOfItsOwn(1, "1")).isEqualTo(here);
    assertThat(inProcessOfItsOwn(7, "3")).isEqualTo(here);
  }

  private static String inProcessOfItsOwn(int processors, String openMpThreads) throws Exception {
    List<String> command = new ArrayList<>();
    command.add(ProcessHandle.current().info().command().orElse("java"));
    command.addAll(
        List.of(
            "-XX:ActiveProcessorCount=" + processors,
            "-XX:TieredStopAtLevel=1",
            "-cp",
            System.getProperty("java.class.path"),
            NumericsTest.class.getName()));
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    Map<String, String> environment = builder.environment();
    environment.put("OMP_NUM_THREADS", openMpThreads);
    environment.put("HOSTNAME", "another-" + processors);
    Process process = builder.start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).as(said).isZero();
    return said.lines()
        .filter(line -> line.startsWith("sha256="))
        .findFirst()
        .orElse(said)
        .substring(7);
  }

  /** What the processes above run. */
  public static void main(String[] arguments) {
    System.out.println("sha256=" + Numerics.probe().sha256().hex());
  }
}
