package io.retune.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.retune.Programs;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What {@code jobs/submit.sh} asks of {@code spark-submit}, for which a program stands that says
 * what it was given; {@link ClusterTest} has the real one.
 */
class SubmitTest {
  private static final String CLUSTER = "spark.submit.deployMode cluster\n";

  @TempDir private Path folder;
  private Path spark;

  @BeforeEach
  void standIn() throws IOException {
    folder = folder.toRealPath();
    spark = Files.createDirectory(folder.resolve("spark"));
    Files.createDirectory(spark.resolve("jars"));
    Files.createDirectory(spark.resolve("conf"));
    Path program = Files.createDirectory(spark.resolve("bin")).resolve("spark-submit");
    Files.writeString(program, "#!/bin/sh\nprintf '%s\\n' \"$@\"\n");
    assertThat(program.toFile().setExecutable(true)).isTrue();
  }

  private record Ended(int code, String said) {
    /** What Retune is given. */
    List<String> arguments() {
      assertThat(code).as(said).isZero();
      List<String> lines = said.lines().toList();
      return lines.subList(lines.indexOf("local:///jars/retune.jar") + 1, lines.size());
    }

    /** In cluster mode the driver, of which there is none here, leaves its exit code. */
    boolean inClusterMode() {
      return said.contains("The driver did not start");
    }
  }

  private Ended submit(List<String> options, String... arguments) throws IOException {
    return submit(Map.of(), options, arguments);
  }

  private Ended submit(Map<String, String> environment, List<String> options, String... arguments)
      throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of("jobs", "submit.sh").toAbsolutePath().toString());
    command.addAll(options);
    command.add("--");
    command.addAll(List.of(arguments));
    ProcessBuilder builder =
        new ProcessBuilder(command).directory(folder.toFile()).redirectErrorStream(true);
    builder.environment().keySet().removeAll(List.of("SPARK_CONF_DIR", "DEPLOY_MODE"));
    builder.environment().putAll(Map.of("SPARK_HOME", spark.toString(), "RETUNE_JARS", "/jars"));
    builder.environment().putAll(environment);
    Process process = builder.start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return new Ended(Programs.exitCode(process), said);
  }

  @ParameterizedTest
  @ValueSource(strings = {"--store", "--site", "--data", "--to", "--out", "--html", "--grads"})
  void whatIsMeantAsSeenFromHereIsNamedInFullInBothForms(String option) throws IOException {
    assertThat(submit(List.of(), "verb", option, "a/b").arguments())
        .containsExactly("verb", option, folder + "/a/b");
    assertThat(submit(List.of(), "verb", option + "=a/b", "a/b").arguments())
        .containsExactly("verb", option + "=" + folder + "/a/b", "a/b");
  }

  @Test
  void whatIsNoFileIsLeftAsItIs() throws IOException {
    Files.writeString(folder.resolve("a.conf"), "");
    String[] arguments = {"run", "--set", "a.conf", "--message=a.conf", "b.conf", "--json"};
    assertThat(submit(List.of(), arguments).arguments()).containsExactly(arguments);
    assertThat(submit(List.of(), "run", "--json", "a.conf").arguments())
        .containsExactly("run", "--json", folder + "/a.conf");
  }

  @ParameterizedTest
  @ValueSource(strings = {"s3a://bucket/store", "hdfs://host:8020/store", "abfss:store"})
  void aStoreThatIsOnNoDiskIsLeftToRetuneToRefuse(String store) throws IOException {
    assertThat(submit(List.of(), "run", "--store", store).arguments())
        .containsExactly("run", "--store", store);
    assertThat(submit(List.of(), "run", "--store=" + store).arguments())
        .containsExactly("run", "--store=" + store);
    Ended ended = submit(List.of("--deploy-mode", "cluster"), "run", "--store", store);
    assertThat(ended.said())
        .isEqualTo(
            "--store %s: cluster mode needs a folder that all hosts see under the same path.\n"
                .formatted(store));
    assertThat(ended.code()).isEqualTo(2);
    assertThat(folder.toFile().list()).containsExactly("spark");
  }

  @Test
  void aStoreMayBeAnAddressOfAFile() throws IOException {
    assertThat(submit(List.of(), "run", "--store=file:///shared/store").arguments())
        .containsExactly("run", "--store=/shared/store");
  }

  /** Each way in which Spark itself is told. */
  @ParameterizedTest
  @CsvSource({
    "--deploy-mode cluster, true",
    "--deploy-mode=cluster, true",
    "--conf spark.submit.deployMode=cluster, true",
    "--conf=spark.submit.deployMode=cluster, true",
    "-c spark.submit.deployMode=cluster, true",
    "--properties-file my.properties, true",
    "--properties-file=my.properties, true",
    "--properties-file=my.properties --deploy-mode client, false",
    "--deploy-mode=client --conf spark.submit.deployMode=cluster, false",
    "--name x, false",
  })
  void theDeployModeIsThatOfSpark(String options, boolean cluster) throws IOException {
    Files.writeString(folder.resolve("my.properties"), "# mine\n" + CLUSTER);
    assertThat(submit(List.of(options.split(" ")), "run", "--store", "store").inClusterMode())
        .isEqualTo(cluster);
  }

  @Test
  void theDeployModeOfSparksOwnDefaultsHoldsWhereNoFileIsNamed() throws IOException {
    Path defaults =
        Files.writeString(spark.resolve(Path.of("conf", "spark-defaults.conf")), CLUSTER);
    Files.writeString(folder.resolve("my.properties"), "spark.cores.max 2\n");
    List<String> file = List.of("--properties-file", "my.properties");
    assertThat(submit(List.of(), "run", "--store", "store").inClusterMode()).isTrue();
    assertThat(submit(file, "run", "--store", "store").inClusterMode()).isFalse();
    List<String> both = List.of("--properties-file=my.properties", "--load-spark-defaults");
    assertThat(submit(both, "run", "--store", "store").inClusterMode()).isTrue();
    Path conf = Files.createDirectory(folder.resolve("conf"));
    Map<String, String> elsewhere = Map.of("SPARK_CONF_DIR", conf.toString());
    assertThat(submit(elsewhere, List.of(), "run", "--store", "store").inClusterMode()).isFalse();
    Files.move(defaults, conf.resolve("spark-defaults.conf"));
    assertThat(submit(elsewhere, List.of(), "run", "--store", "store").inClusterMode()).isTrue();
  }
}
