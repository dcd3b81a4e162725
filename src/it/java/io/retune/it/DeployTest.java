package io.retune.it;

import static java.util.stream.Collectors.toCollection;
import static java.util.stream.Collectors.toMap;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.retune.config.ConfigLoader;
import io.retune.config.Experiment;
import io.retune.config.Site;
import io.retune.config.SiteLoader;
import io.retune.config.TrackingSite.UserVariables;
import io.retune.store.Json;
import io.retune.store.Store;
import io.retune.train.TinyDecoder;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.apache.commons.io.FileUtils;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/**
 * {@code deploy/}: what can be known of it without a container daemon and without a cluster. Image
 * and pods agree with the profile that names them, and what the image consists of runs as in a
 * container: its own {@code /opt}, no other user than 10001, nothing writable but its volumes.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class DeployTest {
  private static final Path DEPLOY = Path.of("deploy").toAbsolutePath();
  private static final Path IMAGE = DEPLOY.resolve("image");
  private static final Path DOCKERFILE = DEPLOY.resolve("Dockerfile");
  private static final Path MANIFESTS = DEPLOY.resolve("kubernetes");
  private static final Path PROFILE = Path.of("jobs", "profiles", "kubernetes.properties");
  private static final String KUBERNETES = "1.34";
  private static final long USER = 10001;

  /** On the disk of what it is made of, so that Spark's jars are not copied. */
  private static final Path ROOT = Path.of("target", "image-root").toAbsolutePath();

  private static final Venv VENV =
      new Venv(
          "deploy",
          List.of("requirements-deploy.txt"),
          List.of(Venv.pip("--quiet", "requirements-deploy.txt")),
          Map.of());

  private Path folder;
  private List<JsonNode> documents;
  private Map<String, String> profile;
  private Map<String, String> environment;

  @BeforeAll
  void layOut(@TempDir Path folder) throws IOException {
    this.folder = folder;
    Path out = folder.resolve("documents.json");
    List<Object> arguments = new ArrayList<>(manifests());
    arguments.add(out);
    VENV.run("yaml_documents.py", arguments.toArray());
    documents = list(Json.read(Files.readAllBytes(out)));
    profile = properties(PROFILE);
    FileUtils.deleteDirectory(ROOT.toFile());
    layOutImage();
  }

  /** Does what the Dockerfile's last stage does, by its own lines. */
  private void layOutImage() throws IOException {
    Path spark = ROOT.resolve(Path.of("stages", "spark", "opt", "spark"));
    Path out = ROOT.resolve(Path.of("stages", "retune", "out"));
    execute(IMAGE.resolve("spark.sh"), SparkCluster.home(), spark);
    execute(IMAGE.resolve("jars.sh"), spark.resolve("jars"), out);
    for (MatchResult copy : lines("COPY (?:--from=(\\w+) )?(\\S+) (\\S+)")) {
      String stage = copy.group(1);
      Path from =
          stage == null
              ? Path.of(copy.group(2))
              : ROOT.resolve("stages").resolve(stage + copy.group(2));
      Path to = ROOT.resolve(copy.group(3).substring(1));
      assertThat(from).exists();
      if (stage != null && stage.equals("spark")) {
        Files.createDirectories(to.getParent());
        Files.move(from, to);
      } else if (Files.isDirectory(from)) {
        FileUtils.copyDirectory(from.toFile(), to.toFile());
      } else {
        FileUtils.copyFileToDirectory(from.toFile(), to.toFile());
      }
    }
    try (Stream<Path> scripts = Files.walk(ROOT.resolve(Path.of("opt", "retune")))) {
      scripts
          .filter(path -> path.toString().endsWith(".sh"))
          .forEach(p -> p.toFile().setExecutable(true));
    }
    execute(
        IMAGE.resolve("libtorch.sh"),
        "cpu",
        out.resolve("libtorch.jar"),
        ROOT.resolve(Path.of("opt", "libtorch")));
    environment = new TreeMap<>();
    String env = lines("ENV ((?:[^\\n]*\\\\\\n)*[^\\n]*)").get(0).group(1);
    for (String pair : env.replace("\\\n", " ").trim().split("\\s+")) {
      environment.put(pair.split("=", 2)[0], pair.split("=", 2)[1].replace("${FLAVOR}", "cpu"));
    }
  }

  /** Instructions of the Dockerfile's last stage. */
  private static List<MatchResult> lines(String instruction) throws IOException {
    String text = Files.readString(DOCKERFILE);
    String last = text.substring(text.lastIndexOf("\nFROM "));
    return Pattern.compile("(?m)^" + instruction).matcher(last).results().toList();
  }

  private static String execute(Object... command) {
    try {
      Process process =
          new ProcessBuilder(Stream.of(command).map(Object::toString).toList())
              .redirectErrorStream(true)
              .start();
      String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      assertThat(process.waitFor()).as(said).isZero();
      return said;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  private static List<Path> manifests() throws IOException {
    try (Stream<Path> files = Files.walk(MANIFESTS)) {
      return files.filter(file -> file.toString().endsWith(".yaml")).sorted().toList();
    }
  }

  private static Map<String, String> properties(Path file) throws IOException {
    Properties properties = new Properties();
    try (InputStream in = Files.newInputStream(file)) {
      properties.load(in);
    }
    return properties.stringPropertyNames().stream()
        .collect(toMap(name -> name, properties::getProperty));
  }

  private static List<JsonNode> list(JsonNode array) {
    return StreamSupport.stream(array.spliterator(), false).toList();
  }

  private List<JsonNode> ofKind(String kind) {
    return documents.stream().filter(d -> d.path("kind").asText().equals(kind)).toList();
  }

  private JsonNode only(String kind) {
    assertThat(ofKind(kind)).hasSize(1);
    return ofKind(kind).get(0);
  }

  private static Set<String> names(List<JsonNode> documents) {
    Set<String> names = new TreeSet<>();
    documents.forEach(document -> names.add(document.at("/metadata/name").asText()));
    return names;
  }

  /** Of Job, Deployment and the two templates: the pod. */
  private Map<String, JsonNode> pods() {
    Map<String, JsonNode> pods = new TreeMap<>();
    pods.put("submission", only("Job").at("/spec/template"));
    pods.put("mlflow", only("Deployment").at("/spec/template"));
    for (JsonNode template : ofKind("Pod")) {
      pods.put(component(template), template);
    }
    assertThat(pods).containsOnlyKeys("submission", "mlflow", "driver", "executor");
    return pods;
  }

  private static String component(JsonNode pod) {
    return pod.at("/metadata/labels").path("app.kubernetes.io/component").asText();
  }

  private List<String> jobArguments() {
    return list(only("Job").at("/spec/template/spec/containers/0/args")).stream()
        .map(JsonNode::asText)
        .toList();
  }

  private static String pom(String property) throws IOException {
    return first(Files.readString(Path.of("pom.xml")), "<" + property + ">([^<]+)<");
  }

  private static String first(String text, String pattern) {
    return Pattern.compile(pattern).matcher(text).results().findFirst().orElseThrow().group(1);
  }

  @Test
  void hadolintFindsNothing() throws IOException {
    assertThat(
            execute(tool("hadolint"), DOCKERFILE, DEPLOY.resolve(Path.of("mlflow", "Dockerfile"))))
        .isEmpty();
  }

  @Test
  void everyManifestIsValidWithNothingUnknownInIt() throws IOException {
    List<Object> command = new ArrayList<>(List.of(tool("kubernetes-validate"), "-k", KUBERNETES));
    command.addAll(List.of("--strict"));
    command.addAll(manifests());
    assertThat(execute(command.toArray()).lines())
        .hasSameSizeAs(documents)
        .allMatch(line -> line.contains(" passed for resource "));
  }

  private static Path tool(String name) {
    return VENV.python().resolveSibling(name);
  }

  @Test
  void versionsAreThoseOfTheBuild() throws IOException {
    String version = pom("version");
    String dockerfile = Files.readString(DOCKERFILE);
    assertThat(first(dockerfile, "image[.]version=\"([^\"]+)\"")).isEqualTo(version);
    assertThat(environment).containsEntry("PYTORCH_VERSION", pom("pytorch.version"));
    String spark = "pyspark==" + pom("spark.version");
    assertThat(Files.readString(IMAGE.resolve("requirements-spark.txt"))).contains(spark + " ");
    assertThat(Files.readString(Path.of(Venv.script("requirements-spark.txt")))).contains(spark);
    String image = "retune:" + version;
    assertThat(profile).containsEntry("spark.kubernetes.container.image", image);
    assertThat(pods().get("submission").at("/spec/containers/0/image").asText()).isEqualTo(image);
    String mlflow =
        first(Files.readString(Path.of(Venv.script("requirements-mlflow.txt"))), "==(.*)");
    assertThat(Files.readString(DEPLOY.resolve(Path.of("mlflow", "requirements.txt"))))
        .contains("mlflow[auth]==" + mlflow + "\n");
    assertThat(pods().get("mlflow").at("/spec/containers/0/image").asText())
        .isEqualTo("retune-mlflow:" + mlflow);
    String readme = Files.readString(DEPLOY.resolve("README.md"));
    assertThat(readme).contains("-t " + image + " ").contains("-t retune-mlflow:" + mlflow + " ");
  }

  /** No base image without a digest, and none that somebody made up. */
  @Test
  void baseImagesHaveNoDefaultAndAreRefusedWithoutADigest() throws IOException {
    for (Path file : List.of(DOCKERFILE, DEPLOY.resolve(Path.of("mlflow", "Dockerfile")))) {
      String text = Files.readString(file);
      String argument = first(text, "(?m)^ARG (\\w+_IMAGE)$");
      assertThat(text)
          .contains("\nFROM ${" + argument + "}")
          .doesNotContain("ARG " + argument + "=");
      String check = first(text, "(?m)^RUN (\\[\\[ .*)$");
      for (String image :
          List.of("ubuntu:24.04", "ubuntu:24.04@sha256:1234", "ubuntu@sha256:" + "0".repeat(64))) {
        ProcessBuilder bash = new ProcessBuilder("bash", "-euo", "pipefail", "-c", check);
        bash.environment().put(argument, image);
        int code = waitFor(bash.redirectErrorStream(true).start());
        assertThat(code).as(image).isEqualTo(image.endsWith("0") ? 0 : 2);
      }
    }
  }

  private static int waitFor(Process process) {
    try {
      assertThat(process.waitFor(5, TimeUnit.MINUTES)).as("ends in time").isTrue();
      return process.exitValue();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  @Test
  void whatTheProfileNamesIsThere() {
    String namespace = profile.get("spark.kubernetes.namespace");
    assertThat(names(ofKind("Namespace"))).containsExactly(namespace);
    assertThat(documents)
        .filteredOn(d -> !Set.of("Namespace", "Pod").contains(d.path("kind").asText()))
        .allMatch(d -> d.at("/metadata/namespace").asText().equals(namespace));
    String account = profile.get("spark.kubernetes.authenticate.driver.serviceAccountName");
    assertThat(names(ofKind("ServiceAccount"))).containsExactly(account);
    assertThat(only("RoleBinding").at("/subjects/0/name").asText()).isEqualTo(account);
    assertThat(only("RoleBinding").at("/roleRef/name").asText())
        .isEqualTo(only("Role").at("/metadata/name").asText());
    assertThat(pods().get("submission").at("/spec/serviceAccountName").asText()).isEqualTo(account);
    for (String role : List.of("driver", "executor")) {
      String volumes = "spark.kubernetes." + role + ".volumes.";
      assertThat(profile)
          .containsEntry(volumes + "persistentVolumeClaim.store.mount.path", "/store")
          .containsEntry(volumes + "emptyDir.cache.mount.path", "/cache");
      assertThat(names(ofKind("PersistentVolumeClaim")))
          .contains(profile.get(volumes + "persistentVolumeClaim.store.options.claimName"));
    }
    assertThat(ofKind("PersistentVolumeClaim"))
        .filteredOn(claim -> claim.at("/metadata/name").asText().equals("retune-store"))
        .allMatch(claim -> claim.at("/spec/accessModes/0").asText().equals("ReadWriteMany"));
  }

  @Test
  void whatPodsMountAndReadIsThere() {
    Set<String> claims = names(ofKind("PersistentVolumeClaim"));
    Set<String> configurations = names(ofKind("ConfigMap"));
    for (JsonNode pod : pods().values()) {
      Map<String, JsonNode> volumes =
          list(pod.at("/spec/volumes")).stream()
              .collect(toMap(volume -> volume.path("name").asText(), volume -> volume));
      for (JsonNode mount : list(pod.at("/spec/containers/0/volumeMounts"))) {
        assertThat(volumes).containsKey(mount.path("name").asText());
      }
      for (JsonNode volume : volumes.values()) {
        JsonNode claim = volume.at("/persistentVolumeClaim/claimName");
        JsonNode configuration = volume.at("/configMap/name");
        assertThat(claim.isMissingNode() || claims.contains(claim.asText())).isTrue();
        assertThat(configuration.isMissingNode() || configurations.contains(configuration.asText()))
            .isTrue();
      }
    }
    assertThat(ofKind("Secret")).as("secrets are made by hand").isEmpty();
  }

  /** As the namespace enforces it: the Pod Security Standard restricted; and a read-only root. */
  @Test
  void podsMayDoNothingThatTheyNeedNot() throws IOException {
    assertThat(
            only("Namespace")
                .at("/metadata/labels")
                .path("pod-security.kubernetes.io/enforce")
                .asText())
        .isEqualTo("restricted");
    assertThat(Files.readString(DOCKERFILE)).contains("\nUSER " + USER + ":" + USER + "\n");
    for (JsonNode pod : pods().values()) {
      JsonNode context = pod.at("/spec/securityContext");
      assertThat(context.path("runAsNonRoot").asBoolean()).isTrue();
      assertThat(context.path("runAsUser").asLong()).isEqualTo(USER);
      assertThat(context.path("fsGroup").asLong()).isEqualTo(USER);
      assertThat(context.at("/seccompProfile/type").asText()).isEqualTo("RuntimeDefault");
      JsonNode container = pod.at("/spec/containers/0/securityContext");
      assertThat(container.path("allowPrivilegeEscalation").asBoolean(true)).isFalse();
      assertThat(container.path("readOnlyRootFilesystem").asBoolean()).isTrue();
      assertThat(container.at("/capabilities/drop/0").asText()).isEqualTo("ALL");
      assertThat(list(pod.at("/spec/containers/0/volumeMounts")))
          .as("Java and Spark write to /tmp")
          .anyMatch(mount -> mount.path("mountPath").asText().equals("/tmp"));
    }
    assertThat(pods().get("executor").at("/spec/automountServiceAccountToken").asBoolean(true))
        .isFalse();
  }

  @Test
  void whoMayTalkToWhomIsSaidByLabelsThatPodsHave() {
    Set<String> components = new TreeSet<>();
    Set<String> programs = new TreeSet<>();
    for (JsonNode pod : pods().values()) {
      components.add(component(pod));
      programs.add(pod.at("/metadata/labels").path("app.kubernetes.io/name").asText());
    }
    assertThat(programs).containsExactly("mlflow", "retune");
    for (JsonNode policy : ofKind("NetworkPolicy")) {
      JsonNode selector = policy.at("/spec/podSelector");
      String name = selector.path("matchLabels").path("app.kubernetes.io/name").asText("retune");
      assertThat(programs).contains(name);
      for (JsonNode value : list(selector.at("/matchExpressions/0/values"))) {
        assertThat(components).contains(value.asText());
      }
    }
    assertThat(names(ofKind("NetworkPolicy"))).contains("nobody");
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
    assertThat(paths).allSatisfy(path -> assertThat(ROOT.resolve(path.substring(1))).exists());
    List<String> settings = new ArrayList<>();
    for (int i = 0; i < arguments.size(); i++) {
      if (arguments.get(i).equals("--set")) {
        settings.add(arguments.get(i + 1));
      }
    }
    String conf = paths.get(3);
    Experiment asked = ConfigLoader.load(ROOT.resolve(conf.substring(1)), settings);
    Experiment here = ConfigLoader.load(Path.of(conf.replace("/opt/retune/", "")), List.of());
    assertThat(asked.recipe().model().sha256()).isEqualTo(here.recipe().model().sha256());
    assertThat(asked.recipe().order()).isEqualTo(here.recipe().order());
    JsonNode policy = only("Job").at("/spec/podFailurePolicy/rules/0/onExitCodes");
    assertThat(policy.path("containerName").asText())
        .isEqualTo(only("Job").at("/spec/template/spec/containers/0/name").asText());
    assertThat(list(policy.path("values"))).extracting(JsonNode::asInt).containsExactly(1, 2, 4);
  }

  @Test
  void theSiteIsOneAndMlflowAnswersToItsAddress() throws IOException {
    Site site = SiteLoader.load(Optional.of(site()), List.of());
    assertThat(site.store()).isEqualTo("/store");
    assertThat(site.cache()).startsWith("/cache/");
    String address = site.tracking().orElseThrow().uri().toString();
    JsonNode service = only("Service");
    String host =
        service.at("/metadata/name").asText() + ":" + service.at("/spec/ports/0/port").asText();
    assertThat(address).isEqualTo("http://" + host);
    assertThat(List.of(mlflowOption("--allowed-hosts").split(","))).contains(host);
    assertThat(mlflowOption("--port"))
        .isEqualTo(pods().get("mlflow").at("/spec/containers/0/ports/0/containerPort").asText());
    Set<String> given = new TreeSet<>();
    list(pods().get("driver").at("/spec/containers/0/env"))
        .forEach(variable -> given.add(variable.path("name").asText()));
    UserVariables read = (UserVariables) site.tracking().orElseThrow().credentials().orElseThrow();
    assertThat(given).contains(read.user(), read.password());
  }

  private Path site() throws IOException {
    String text =
        ofKind("ConfigMap").stream()
            .map(configuration -> configuration.at("/data").path("site.conf").asText())
            .filter(found -> !found.isEmpty())
            .findAny()
            .orElseThrow();
    return Files.writeString(folder.resolve("site.conf"), text);
  }

  private String mlflowOption(String name) {
    return mlflowArguments().stream()
        .filter(argument -> argument.startsWith(name + "="))
        .map(argument -> argument.substring(name.length() + 1))
        .findAny()
        .orElseThrow();
  }

  private List<String> mlflowArguments() {
    return list(pods().get("mlflow").at("/spec/containers/0/args")).stream()
        .map(JsonNode::asText)
        .toList();
  }

  /** What Spark itself calls containers, and what it tells executors by. */
  @Test
  void containersAndVariablesAreThoseOfSpark() throws Exception {
    Path jars = ROOT.resolve(Path.of("opt", "spark", "jars"));
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
      assertThat(pods().get("driver").at("/spec/containers/0/name").asText())
          .isEqualTo(texts.get("DEFAULT_DRIVER_CONTAINER_NAME"));
      assertThat(pods().get("executor").at("/spec/containers/0/name").asText())
          .isEqualTo(texts.get("DEFAULT_EXECUTOR_CONTAINER_NAME"));
      String entrypoint = Files.readString(IMAGE.resolve("entrypoint.sh"));
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
    try (Stream<Path> jars = Files.list(ROOT.resolve(folder))) {
      return jars.map(
              jar -> jar.getFileName().toString().replaceFirst("-\\d[^-]*(-[\\d.]+)?\\.jar$", ""))
          .collect(toCollection(TreeSet::new));
    }
  }

  @Test
  void theFlagsOfJavaAreThoseOfTheLauncher() throws IOException {
    assertThat(Files.readString(ROOT.resolve("opt/retune/jvm.options")))
        .isEqualTo(Files.readString(Path.of("target", "jvm.options")));
  }

  /** A process in a container, but for the daemon; see {@code src/it/sh/pod.sh}. */
  private Process pod(Map<String, String> more, String... arguments) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of("src", "it", "sh", "pod.sh").toString());
    command.addAll(List.of(ROOT.toString(), volumes().toString()));
    command.add("/opt/retune/image/entrypoint.sh");
    command.addAll(List.of(arguments));
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectError(folder.resolve("pod.err").toFile());
    builder.environment().keySet().removeIf(name -> !name.equals("PATH"));
    builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
    builder.environment().putAll(environment);
    builder.environment().putAll(more);
    return builder.start();
  }

  private String printed(Map<String, String> more, String... arguments) throws IOException {
    Process process = pod(more, arguments);
    String printed = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    int code = waitFor(process);
    assertThat(code).as(Files.readString(folder.resolve("pod.err"))).isZero();
    return printed;
  }

  private Path volumes() throws IOException {
    return Files.createDirectories(folder.resolve("volumes"));
  }

  @Test
  void nothingCanBeWrittenButTheVolumesAndNobodyIsRoot() throws IOException {
    String tried =
        "id -u; for f in / /opt /opt/retune /etc /usr /store /cache /tmp; do touch $f/x 2>/dev/null && echo $f; done; true";
    assertThat(printed(Map.of(), "bash", "-c", tried).lines())
        .containsExactly("" + USER, "/store", "/cache", "/tmp");
  }

  @Test
  void retuneStartsByItselfBySubmitAndAsSparkCallsADriver() throws IOException {
    String said = "retune " + pom("version") + "\n";
    assertThat(printed(Map.of(), "retune", "--version")).isEqualTo(said);
    assertThat(printed(Map.of(), "submit", "--master", "local[1]", "--", "--version"))
        .isEqualTo(said);
    assertThat(
            printed(
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
    Store store = Store.open(volumes().resolve("store").toString(), new Configuration());
    String model = TinyDecoder.into(store);
    Path data = volumes().resolve(Path.of("store", "data.jsonl"));
    Files.writeString(
        data, "{\"text\": \"The sea was calm.\"}\n{\"text\": \"So was the harbour.\"}\n");
    JsonNode here =
        RetuneProcess.run(
                "score", model, "--data", data.toString(), "--store", store.uri(), "--json")
            .json();
    String there =
        printed(
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
    try (Stream<Path> files = Files.walk(volumes().resolve("cache"))) {
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
        new ProcessBuilder(IMAGE.resolve("entrypoint.sh").toString(), "executor");
    builder.environment().putAll(environment);
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
                IMAGE.resolve("libtorch.sh").toString(),
                "cu128",
                ROOT.resolve("stages/retune/out/libtorch.jar").toString(),
                folder.resolve("cuda").toString(),
                "/opt/torch/lib")
            .redirectErrorStream(true)
            .start();
    assertThat(new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8))
        .isEqualTo(
            "FLAVOR=cu128: '/opt/torch/lib' has no libtorch_cuda.so. Say with --build-arg CUDA_LIBTORCH where the base image has libtorch %s.\n"
                .formatted(pom("pytorch.version")));
    assertThat(waitFor(process)).isEqualTo(2);
  }

  /** The server as the manifest starts it, with its paths and port elsewhere. */
  @Test
  void mlflowAnswersProbesAndItsOwnNamesAndAsksForAPassword() throws Exception {
    Path data = Files.createDirectories(folder.resolve("mlflow"));
    JsonNode container = pods().get("mlflow").at("/spec/containers/0");
    int port = MlflowServer.freePort();
    List<String> arguments =
        mlflowArguments().stream()
            .map(argument -> argument.replace("/mlflow", data.toString()))
            .map(argument -> argument.replace("--port=5000", "--port=" + port))
            .map(argument -> argument.replace("0.0.0.0", "127.0.0.1"))
            .toList();
    String ini =
        ofKind("ConfigMap").stream()
            .map(configuration -> configuration.at("/data").path("basic-auth.ini").asText())
            .filter(text -> !text.isEmpty())
            .findAny()
            .orElseThrow();
    Files.writeString(data.resolve("basic-auth.ini"), ini.replace("/mlflow", data.toString()));
    ProcessBuilder builder = MlflowServer.command(arguments).directory(data.toFile());
    for (JsonNode variable : list(container.path("env"))) {
      String value = variable.path("value").asText("a-secret-of-the-test");
      builder
          .environment()
          .put(variable.path("name").asText(), value.replace("/etc/mlflow", data.toString()));
    }
    Process server = builder.start();
    try {
      String probe = container.at("/readinessProbe/httpGet/path").asText();
      String password =
          "Basic "
              + Base64.getEncoder()
                  .encodeToString("admin:a-secret-of-the-test".getBytes(StandardCharsets.UTF_8));
      // The kubelet calls a pod by its address.
      long deadline = System.nanoTime() + Duration.ofMinutes(3).toNanos();
      while (status(port, probe, "10.0.0.7:5000", "") != 200) {
        assertThat(server.isAlive()).isTrue();
        assertThat(System.nanoTime()).as("see target/it-logs/mlflow.log").isLessThan(deadline);
        Thread.sleep(200);
      }
      String page = "/api/2.0/mlflow/experiments/get?experiment_id=0";
      assertThat(status(port, page, "mlflow:5000", "")).isEqualTo(401);
      assertThat(status(port, page, "mlflow:5000", password)).isEqualTo(200);
      assertThat(status(port, page, "mlflow.retune.svc:5000", password)).isEqualTo(200);
      assertThat(status(port, page, "somewhere.example:5000", password)).isEqualTo(403);
      assertThat(Files.exists(data.resolve("basic-auth.db"))).isTrue();
    } finally {
      server.descendants().forEach(ProcessHandle::destroyForcibly);
      server.destroyForcibly();
    }
  }

  /** Of a GET to this port under another host's name; 0: nobody answers. */
  private static int status(int port, String path, String host, String authorization) {
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      String request =
          "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n%s\r\n"
              .formatted(
                  path,
                  host,
                  authorization.isEmpty() ? "" : "Authorization: " + authorization + "\r\n");
      socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
      String answer =
          new String(socket.getInputStream().readAllBytes(), StandardCharsets.ISO_8859_1);
      return answer.startsWith("HTTP/1.1 ") ? Integer.parseInt(answer.substring(9, 12)) : 0;
    } catch (IOException e) {
      return 0;
    }
  }
}
