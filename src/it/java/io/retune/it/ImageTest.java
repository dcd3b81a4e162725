package io.retune.it;

import static java.util.stream.Collectors.toCollection;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.retune.Programs;
import io.retune.config.ConfigLoader;
import io.retune.config.Experiment;
import io.retune.store.Json;
import io.retune.store.Store;
import io.retune.train.TinyDecoder;
import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/**
 * What the image of {@code deploy/} consists of runs as in a container: its own {@code /opt}, no
 * other user than 10001, nothing writable but its volumes.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ImageTest {
  private Path folder;
  private Image image;
  private Manifests manifests;
  private Map<String, String> profile;

  @BeforeAll
  void layOut(@TempDir Path folder) throws IOException {
    this.folder = folder;
    manifests = new Manifests(folder.resolve("documents.json"));
    profile = SparkProfile.kubernetes();
    image = new Image(folder);
  }

  private static String pom(String property) throws IOException {
    return first(Files.readString(Path.of("pom.xml")), "<" + property + ">([^<]+)<");
  }

  private static String first(String text, String pattern) {
    return Pattern.compile(pattern).matcher(text).results().findFirst().orElseThrow().group(1);
  }

  @Test
  void versionsAreThoseOfTheBuild() throws IOException {
    String version = pom("version");
    String dockerfile = Files.readString(Image.DOCKERFILE);
    assertThat(first(dockerfile, "image[.]version=\"([^\"]+)\"")).isEqualTo(version);
    assertThat(image.environment()).containsEntry("PYTORCH_VERSION", pom("pytorch.version"));
    String spark = "pyspark==" + pom("spark.version");
    assertThat(Files.readString(Image.SCRIPTS.resolve("requirements-spark.txt")))
        .contains(spark + " ");
    assertThat(Files.readString(Path.of(Venv.script("requirements-spark.txt")))).contains(spark);
    String tag = "retune:" + version;
    assertThat(profile).containsEntry("spark.kubernetes.container.image", tag);
    assertThat(manifests.pods().get("submission").at("/spec/containers/0/image").asText())
        .isEqualTo(tag);
    String mlflow =
        first(Files.readString(Path.of(Venv.script("requirements-mlflow.txt"))), "==(.*)");
    assertThat(Files.readString(Image.DEPLOY.resolve(Path.of("mlflow", "requirements.txt"))))
        .contains("mlflow[auth]==" + mlflow + "\n");
    assertThat(manifests.pods().get("mlflow").at("/spec/containers/0/image").asText())
        .isEqualTo("retune-mlflow:" + mlflow);
    String readme = Files.readString(Image.DEPLOY.resolve("README.md"));
    assertThat(readme).contains("-t " + tag + " ").contains("-t retune-mlflow:" + mlflow + " ");
  }

  /** No base image without a digest, and none that somebody made up. */
  @Test
  void baseImagesHaveNoDefaultAndAreRefusedWithoutADigest() throws IOException {
    for (Path file :
        List.of(Image.DOCKERFILE, Image.DEPLOY.resolve(Path.of("mlflow", "Dockerfile")))) {
      String text = Files.readString(file);
      String argument = first(text, "(?m)^ARG (\\w+_IMAGE)$");
      assertThat(text)
          .contains("\nFROM ${" + argument + "}")
          .doesNotContain("ARG " + argument + "=");
      String check = first(text, "(?m)^RUN (\\[\\[ .*)$");
      for (String base :
          List.of("ubuntu:24.04", "ubuntu:24.04@sha256:1234", "ubuntu@sha256:" + "0".repeat(64))) {
        ProcessBuilder bash = new ProcessBuilder("bash", "-euo", "pipefail", "-c", check);
        bash.environment().put(argument, base);
        int code = Programs.exitCode(bash.redirectErrorStream(true).start());
        assertThat(code).as(base).isEqualTo(base.endsWith("0") ? 0 : 2);
      }
    }
  }

  /** Each path of the image that the Job names, and the configuration that it asks for. */
  @Test
  void theJobAsksForWhatTheImageHas() throws IOException {
    List<String> arguments = jobArguments();
    assertThat(arguments.get(0)).isEqualTo("submit");
    List<String> paths =
        arguments.stream()
            .map(argument -> argument.replaceFirst("^spark[.].*=", ""))
            .filter(argument -> argument.startsWith("/opt/"))
            .toList();
    assertThat(paths).hasSize(4);
    assertThat(paths)
        .allSatisfy(path -> assertThat(Image.ROOT.resolve(path.substring(1))).exists());
    List<String> settings = new ArrayList<>();
    for (int i = 0; i < arguments.size(); i++) {
      if (arguments.get(i).equals("--set")) {
        settings.add(arguments.get(i + 1));
      }
    }
    String conf = paths.get(3);
    Experiment asked = ConfigLoader.load(Image.ROOT.resolve(conf.substring(1)), settings);
    Experiment here = ConfigLoader.load(Path.of(conf.replace("/opt/retune/", "")), List.of());
    assertThat(asked.recipe().model().sha256()).isEqualTo(here.recipe().model().sha256());
    assertThat(asked.recipe().order()).isEqualTo(here.recipe().order());
    JsonNode policy = manifests.only("Job").at("/spec/podFailurePolicy/rules/0/onExitCodes");
    assertThat(policy.path("containerName").asText())
        .isEqualTo(manifests.only("Job").at("/spec/template/spec/containers/0/name").asText());
    assertThat(policy.path("values")).extracting(JsonNode::asInt).containsExactly(1, 2, 4);
  }

  private List<String> jobArguments() {
    return manifests
        .only("Job")
        .at("/spec/template/spec/containers/0/args")
        .valueStream()
        .map(JsonNode::asText)
        .toList();
  }

  /** What Spark itself calls containers, and what it tells executors by. */
  @Test
  void containersAndVariablesAreThoseOfSpark() throws Exception {
    Path jars = Image.ROOT.resolve(Path.of("opt", "spark", "jars"));
    try (Stream<Path> files = Files.list(jars);
        URLClassLoader spark =
            new URLClassLoader(
                new URL[] {
                  files
                      .filter(jar -> jar.getFileName().toString().startsWith("spark-kubernetes_"))
                      .findAny()
                      .orElseThrow()
                      .toUri()
                      .toURL()
                })) {
      Class<?> type = spark.loadClass("org.apache.spark.deploy.k8s.Constants$");
      Object constants = type.getField("MODULE$").get(null);
      Map<String, String> texts = new HashMap<>();
      for (var method : type.getMethods()) {
        if (method.getReturnType() == String.class && method.getParameterCount() == 0) {
          texts.put(method.getName(), (String) method.invoke(constants));
        }
      }
      assertThat(manifests.pods().get("driver").at("/spec/containers/0/name").asText())
          .isEqualTo(texts.get("DEFAULT_DRIVER_CONTAINER_NAME"));
      assertThat(manifests.pods().get("executor").at("/spec/containers/0/name").asText())
          .isEqualTo(texts.get("DEFAULT_EXECUTOR_CONTAINER_NAME"));
      String entrypoint = Files.readString(Image.SCRIPTS.resolve("entrypoint.sh"));
      String spoken =
          entrypoint.substring(entrypoint.indexOf("driver)"), entrypoint.indexOf("submit)"));
      Set<String> read =
          Pattern.compile("\\bSPARK_[A-Z_]+")
              .matcher(spoken)
              .results()
              .map(MatchResult::group)
              .collect(toCollection(TreeSet::new));
      read.remove("SPARK_HOME");
      assertThat(read).hasSizeGreaterThan(9);
      assertThat(texts.values()).containsAll(read);
      assertThat(
              spark.loadClass("org.apache.spark.scheduler.cluster.k8s.KubernetesExecutorBackend"))
          .isNotNull();
    }
  }

  @Test
  void theJarsAreRetuneAndWhatSparkLacks() throws IOException {
    Set<String> ours = artifacts("opt/retune/jars");
    assertThat(ours).contains("retune.jar", "delta-spark_4.1_2.13", "picocli", "pytorch-jni");
    assertThat(ours).noneMatch(name -> name.startsWith("pytorch-native"));
    assertThat(artifacts("opt/spark/jars"))
        .hasSizeGreaterThan(200)
        .doesNotContainAnyElementsOf(ours);
  }

  /** Names of jars without their versions. */
  private static Set<String> artifacts(String folder) throws IOException {
    try (Stream<Path> jars = Files.list(Image.ROOT.resolve(folder))) {
      return jars.map(
              jar -> jar.getFileName().toString().replaceFirst("-\\d[^-]*(-[\\d.]+)?\\.jar$", ""))
          .collect(toCollection(TreeSet::new));
    }
  }

  @Test
  void theFlagsOfJavaAreThoseOfTheLauncher() throws IOException {
    assertThat(Files.readString(Image.ROOT.resolve("opt/retune/jvm.options")))
        .isEqualTo(Files.readString(Path.of("target", "jvm.options")));
  }

  @Test
  void nothingCanBeWrittenButTheVolumesAndNobodyIsRoot() throws IOException {
    String tried =
        "id -u; for f in / /opt /opt/retune /etc /usr /store /cache /tmp; do touch $f/x 2>/dev/null && echo $f; done; true";
    assertThat(image.printed(Map.of(), "bash", "-c", tried).lines())
        .containsExactly("" + Image.USER, "/store", "/cache", "/tmp");
  }

  @Test
  void retuneStartsByItselfBySubmitAndAsSparkCallsADriver() throws IOException {
    String said = "retune " + pom("version") + "\n";
    assertThat(image.printed(Map.of(), "retune", "--version")).isEqualTo(said);
    assertThat(image.printed(Map.of(), "submit", "--master", "local[1]", "--", "--version"))
        .isEqualTo(said);
    assertThat(
            image.printed(
                Map.of("SPARK_DRIVER_BIND_ADDRESS", "127.0.0.1"),
                "driver",
                "--master",
                "local[1]",
                "--conf",
                "spark.driver.extraClassPath=/opt/retune/jars/*",
                "--class",
                "io.retune.Retune",
                "local:///opt/retune/jars/retune.jar",
                "--version"))
        .isEqualTo(said);
  }

  /** The losses of a program that unpacks libtorch itself, bit for bit, with that of the image. */
  @Test
  void theModelIsComputedWithTheLibtorchOfTheImage() throws IOException {
    Store store = Store.open(image.volumes().resolve("store").toString(), new Configuration());
    String model = TinyDecoder.into(store);
    Path data = image.volumes().resolve(Path.of("store", "data.jsonl"));
    Files.writeString(
        data, "{\"text\": \"The sea was calm.\"}\n{\"text\": \"So was the harbour.\"}\n");
    JsonNode here =
        RetuneProcess.run(
                "score", model, "--data", data.toString(), "--store", store.uri(), "--json")
            .json();
    String there =
        image.printed(
            Map.of(),
            "retune",
            "score",
            model,
            "--data",
            "/store/data.jsonl",
            "--store",
            "/store",
            "--json");
    assertThat(Json.read(there.getBytes(StandardCharsets.UTF_8))).isEqualTo(here);
    try (Stream<Path> files = Files.walk(image.volumes().resolve("cache"))) {
      List<String> unpacked = files.map(file -> file.getFileName().toString()).toList();
      assertThat(unpacked).anyMatch(name -> name.endsWith("libdjl_torch.so"));
      assertThat(unpacked).noneMatch(name -> name.endsWith("libtorch_cpu.so"));
    }
  }

  /** All that Spark tells it, in the place where its executor looks for it. */
  @Test
  void anExecutorIsStartedAsSparkAsks() throws IOException {
    Path stub = Files.createDirectories(folder.resolve("stub")).resolve("java");
    Files.writeString(stub, "#!/bin/sh\nprintf '%s\\n' \"$@\"\n");
    Files.setPosixFilePermissions(stub, PosixFilePermissions.fromString("rwxr-xr-x"));
    ProcessBuilder builder =
        new ProcessBuilder(Image.SCRIPTS.resolve("entrypoint.sh").toString(), "executor");
    builder.environment().putAll(image.environment());
    builder.environment().put("PATH", stub.getParent() + ":" + System.getenv("PATH"));
    for (int i = 0; i < 11; i++) {
      builder.environment().put("SPARK_JAVA_OPT_" + i, "-Doption." + i + "=with blanks");
    }
    builder
        .environment()
        .putAll(
            Map.of(
                "SPARK_CONF_DIR", "/opt/spark/conf",
                "SPARK_CLASSPATH", "/opt/retune/jars/*",
                "SPARK_DRIVER_URL", "spark://driver:7078",
                "SPARK_EXECUTOR_ID", "3",
                "SPARK_EXECUTOR_CORES", "2",
                "SPARK_EXECUTOR_MEMORY", "2g",
                "SPARK_APPLICATION_ID", "spark-1",
                "SPARK_EXECUTOR_POD_IP", "10.0.0.7",
                "SPARK_RESOURCE_PROFILE_ID", "0",
                "SPARK_EXECUTOR_POD_NAME", "retune-exec-3"));
    Process process = builder.redirectErrorStream(true).start();
    List<String> expected = new ArrayList<>();
    for (int i = 0; i < 11; i++) {
      expected.add("-Doption." + i + "=with blanks");
    }
    expected.addAll(List.of("-Xms2g", "-Xmx2g", "-cp"));
    expected.add("/opt/spark/conf:/opt/retune/jars/*:/opt/spark/jars/*");
    expected.add("org.apache.spark.scheduler.cluster.k8s.KubernetesExecutorBackend");
    expected.addAll(List.of("--driver-url", "spark://driver:7078", "--executor-id", "3"));
    expected.addAll(List.of("--cores", "2", "--app-id", "spark-1", "--hostname", "10.0.0.7"));
    expected.addAll(List.of("--resourceProfileId", "0", "--podName", "retune-exec-3"));
    assertThat(new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).lines())
        .containsExactlyElementsOf(expected);
  }

  @Test
  void aLibtorchForCudaThatIsNotThereIsNamed() throws IOException {
    Process process =
        new ProcessBuilder(
                Image.SCRIPTS.resolve("libtorch.sh").toString(),
                "cu128",
                Image.ROOT.resolve("stages/retune/out/libtorch.jar").toString(),
                folder.resolve("cuda").toString(),
                "/opt/torch/lib")
            .redirectErrorStream(true)
            .start();
    assertThat(new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8))
        .isEqualTo(
            "FLAVOR=cu128: '/opt/torch/lib' has no libtorch_cuda.so. Say with --build-arg CUDA_LIBTORCH where the base image has libtorch %s.\n"
                .formatted(pom("pytorch.version")));
    assertThat(Programs.exitCode(process)).isEqualTo(2);
  }
}
