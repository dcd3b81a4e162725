package io.retune.it;

import static java.util.stream.Collectors.toMap;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.retune.Programs;
import io.retune.config.Site;
import io.retune.config.SiteLoader;
import io.retune.config.TrackingSite.UserVariables;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/**
 * {@code deploy/}: what can be known of its texts without a container daemon and without a cluster.
 * Image, pods and the profile that names them agree.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class DeployTest {
  private static final String KUBERNETES = "1.34";

  private Path folder;
  private Manifests manifests;
  private Map<String, String> profile;

  @BeforeAll
  void read(@TempDir Path folder) throws IOException {
    this.folder = folder;
    manifests = new Manifests(folder.resolve("documents.json"));
    profile = SparkProfile.kubernetes();
  }

  private static String execute(List<Object> command) {
    return Programs.run(new ProcessBuilder(command.stream().map(Object::toString).toList()));
  }

  @Test
  void hadolintFindsNothing() throws IOException {
    assertThat(
            execute(
                List.of(
                    Manifests.tool("hadolint"),
                    Image.DOCKERFILE,
                    Image.DEPLOY.resolve(Path.of("mlflow", "Dockerfile")))))
        .isEmpty();
  }

  @Test
  void everyManifestIsValidWithNothingUnknownInIt() throws IOException {
    List<Object> command =
        new ArrayList<>(List.of(Manifests.tool("kubernetes-validate"), "-k", KUBERNETES));
    command.addAll(List.of("--strict"));
    command.addAll(Manifests.files());
    assertThat(execute(command).lines())
        .hasSameSizeAs(manifests.documents())
        .allMatch(line -> line.contains(" passed for resource "));
  }

  @Test
  void whatTheProfileNamesIsThere() {
    String namespace = profile.get("spark.kubernetes.namespace");
    assertThat(Manifests.names(manifests.ofKind("Namespace"))).containsExactly(namespace);
    assertThat(manifests.documents())
        .filteredOn(d -> !Set.of("Namespace", "Pod").contains(d.path("kind").asText()))
        .allMatch(d -> d.at("/metadata/namespace").asText().equals(namespace));
    String account = profile.get("spark.kubernetes.authenticate.driver.serviceAccountName");
    assertThat(Manifests.names(manifests.ofKind("ServiceAccount"))).containsExactly(account);
    assertThat(manifests.only("RoleBinding").at("/subjects/0/name").asText()).isEqualTo(account);
    assertThat(manifests.only("RoleBinding").at("/roleRef/name").asText())
        .isEqualTo(manifests.only("Role").at("/metadata/name").asText());
    assertThat(manifests.pods().get("submission").at("/spec/serviceAccountName").asText())
        .isEqualTo(account);
    for (String role : List.of("driver", "executor")) {
      String volumes = "spark.kubernetes." + role + ".volumes.";
      assertThat(profile)
          .containsEntry(volumes + "persistentVolumeClaim.store.mount.path", "/store")
          .containsEntry(volumes + "emptyDir.cache.mount.path", "/cache");
      assertThat(Manifests.names(manifests.ofKind("PersistentVolumeClaim")))
          .contains(profile.get(volumes + "persistentVolumeClaim.store.options.claimName"));
    }
    assertThat(manifests.ofKind("PersistentVolumeClaim"))
        .filteredOn(claim -> claim.at("/metadata/name").asText().equals("retune-store"))
        .allMatch(claim -> claim.at("/spec/accessModes/0").asText().equals("ReadWriteMany"));
  }

  @Test
  void whatPodsMountAndReadIsThere() {
    Set<String> claims = Manifests.names(manifests.ofKind("PersistentVolumeClaim"));
    Set<String> configurations = Manifests.names(manifests.ofKind("ConfigMap"));
    for (JsonNode pod : manifests.pods().values()) {
      Map<String, JsonNode> volumes =
          pod.at("/spec/volumes")
              .valueStream()
              .collect(toMap(volume -> volume.path("name").asText(), volume -> volume));
      for (JsonNode mount : pod.at("/spec/containers/0/volumeMounts")) {
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
    assertThat(manifests.ofKind("Secret")).as("secrets are made by hand").isEmpty();
  }

  /** As the namespace enforces it: the Pod Security Standard restricted; and a read-only root. */
  @Test
  void podsMayDoNothingThatTheyNeedNot() throws IOException {
    assertThat(
            manifests
                .only("Namespace")
                .at("/metadata/labels")
                .path("pod-security.kubernetes.io/enforce")
                .asText())
        .isEqualTo("restricted");
    assertThat(Files.readString(Image.DOCKERFILE))
        .contains("\nUSER " + Image.USER + ":" + Image.USER + "\n");
    for (JsonNode pod : manifests.pods().values()) {
      JsonNode context = pod.at("/spec/securityContext");
      assertThat(context.path("runAsNonRoot").asBoolean()).isTrue();
      assertThat(context.path("runAsUser").asLong()).isEqualTo(Image.USER);
      assertThat(context.path("fsGroup").asLong()).isEqualTo(Image.USER);
      assertThat(context.at("/seccompProfile/type").asText()).isEqualTo("RuntimeDefault");
      JsonNode container = pod.at("/spec/containers/0/securityContext");
      assertThat(container.path("allowPrivilegeEscalation").asBoolean(true)).isFalse();
      assertThat(container.path("readOnlyRootFilesystem").asBoolean()).isTrue();
      assertThat(container.at("/capabilities/drop/0").asText()).isEqualTo("ALL");
      assertThat(pod.at("/spec/containers/0/volumeMounts"))
          .as("Java and Spark write to /tmp")
          .anyMatch(mount -> mount.path("mountPath").asText().equals("/tmp"));
    }
    assertThat(
            manifests
                .pods()
                .get("executor")
                .at("/spec/automountServiceAccountToken")
                .asBoolean(true))
        .isFalse();
  }

  @Test
  void whoMayTalkToWhomIsSaidByLabelsThatPodsHave() {
    Set<String> components = new TreeSet<>();
    Set<String> programs = new TreeSet<>();
    for (JsonNode pod : manifests.pods().values()) {
      components.add(Manifests.component(pod));
      programs.add(pod.at("/metadata/labels").path("app.kubernetes.io/name").asText());
    }
    assertThat(programs).containsExactly("mlflow", "retune");
    for (JsonNode policy : manifests.ofKind("NetworkPolicy")) {
      JsonNode selector = policy.at("/spec/podSelector");
      String name = selector.path("matchLabels").path("app.kubernetes.io/name").asText("retune");
      assertThat(programs).contains(name);
      for (JsonNode value : selector.at("/matchExpressions/0/values")) {
        assertThat(components).contains(value.asText());
      }
    }
    assertThat(Manifests.names(manifests.ofKind("NetworkPolicy"))).contains("nobody");
  }

  /** An address that is not known is one to be filled in, not all that there are. */
  @Test
  void nobodyMayReachEverybody() throws IOException {
    for (JsonNode policy : manifests.ofKind("NetworkPolicy")) {
      assertThat(policy.at("/spec/egress")).allMatch(rule -> !rule.path("to").isEmpty());
      assertThat(policy.at("/spec/ingress")).allMatch(rule -> !rule.path("from").isEmpty());
    }
    assertThat(Files.readString(Path.of("deploy", "kubernetes", "network.yaml")))
        .contains("{cidr: 192.0.2.1/32}");
    assertThat(Files.readString(Image.DEPLOY.resolve("README.md"))).contains(" 192.0.2.1,");
  }

  /** A checkout keeps others out under some umasks, and the image's user is another. */
  @Test
  void whatIsCopiedOutOfTheCheckoutCanBeReadByAll() throws IOException {
    String dockerfile = Files.readString(Image.DOCKERFILE);
    String last = dockerfile.substring(dockerfile.lastIndexOf("\nFROM "));
    List<String> copied =
        Pattern.compile("(?m)^COPY [^-]\\S* (\\S+)$")
            .matcher(last)
            .results()
            .map(copy -> copy.group(1))
            .toList();
    assertThat(copied).hasSizeGreaterThan(3);
    String opened = last.lines().filter(line -> line.contains("chmod -R a+rX ")).findFirst().get();
    for (String path : copied) {
      assertThat(opened + " ").contains(" " + path.replaceFirst("/$", "/LICENSE") + " ");
    }
  }

  /** What a page has people make in the clone is no change of it, and in no image. */
  @Test
  void whatAirflowIsInstalledIntoIsIgnored() throws IOException {
    String page = Files.readString(Path.of("jobs", "airflow", "README.md"));
    assertThat(page).contains("-m venv airflow ").contains("AIRFLOW_HOME=$PWD/airflow-home\n");
    assertThat(Files.readAllLines(Path.of(".gitignore"))).contains("/airflow/", "/airflow-home/");
    assertThat(Files.readAllLines(Image.DEPLOY.resolve("Dockerfile.dockerignore")))
        .contains("airflow", "airflow-home");
  }

  @Test
  void theSiteIsOneAndMlflowAnswersToItsAddress() throws IOException {
    Site site = SiteLoader.load(Optional.of(site()), List.of());
    assertThat(site.store()).isEqualTo("/store");
    assertThat(site.cache()).startsWith("/cache/");
    String address = site.tracking().orElseThrow().uri().toString();
    JsonNode service = manifests.only("Service");
    String host =
        service.at("/metadata/name").asText() + ":" + service.at("/spec/ports/0/port").asText();
    assertThat(address).isEqualTo("http://" + host);
    assertThat(List.of(mlflowOption("--allowed-hosts").split(","))).contains(host);
    assertThat(mlflowOption("--port"))
        .isEqualTo(
            manifests.pods().get("mlflow").at("/spec/containers/0/ports/0/containerPort").asText());
    Set<String> given = new TreeSet<>();
    manifests
        .pods()
        .get("driver")
        .at("/spec/containers/0/env")
        .forEach(variable -> given.add(variable.path("name").asText()));
    UserVariables read = (UserVariables) site.tracking().orElseThrow().credentials().orElseThrow();
    assertThat(given).contains(read.user(), read.password());
  }

  private Path site() throws IOException {
    String text =
        manifests.ofKind("ConfigMap").stream()
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
    return manifests
        .pods()
        .get("mlflow")
        .at("/spec/containers/0/args")
        .valueStream()
        .map(JsonNode::asText)
        .toList();
  }

  /** The server as the manifest starts it, with its paths and port elsewhere. */
  @Test
  void mlflowAnswersProbesAndItsOwnNamesAndAsksForAPassword() throws Exception {
    Path data = Files.createDirectories(folder.resolve("mlflow"));
    JsonNode container = manifests.pods().get("mlflow").at("/spec/containers/0");
    int port = MlflowServer.freePort();
    List<String> arguments =
        mlflowArguments().stream()
            .map(argument -> argument.replace("/mlflow", data.toString()))
            .map(argument -> argument.replace("--port=5000", "--port=" + port))
            .map(argument -> argument.replace("0.0.0.0", "127.0.0.1"))
            .toList();
    String ini =
        manifests.ofKind("ConfigMap").stream()
            .map(configuration -> configuration.at("/data").path("basic-auth.ini").asText())
            .filter(text -> !text.isEmpty())
            .findAny()
            .orElseThrow();
    Files.writeString(data.resolve("basic-auth.ini"), ini.replace("/mlflow", data.toString()));
    ProcessBuilder builder = MlflowServer.command(arguments).directory(data.toFile());
    for (JsonNode variable : container.path("env")) {
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
      Programs.kill(server);
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
