package io.retune.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.retune.RetuneHere;
import io.retune.Said;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Twenty secrets, each where users have them, and every place that a run writes to. */
class SecretsTest {
  private static final String MARK = "k4nary";

  @TempDir private static Path folder;
  private static MlflowServer server;
  private static final List<Said> PROCESSES = new ArrayList<>();
  private static int secrets;

  @BeforeAll
  static void start() throws IOException {
    server = MlflowServer.guarded(Files.createDirectory(folder.resolve("server")), secret());
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  /** The next one: {@code k4nary07-...}. */
  private static String secret() {
    return "%s%02d-Zq8.x".formatted(MARK, ++secrets);
  }

  private static RetuneProcess retune(
      Map<String, String> environment, List<String> options, String... arguments) {
    RetuneProcess process = RetuneProcess.start(environment, options, arguments).waitFor();
    PROCESSES.add(process);
    return process;
  }

  private static void requireRefused(String... arguments) {
    Said refused = RetuneHere.run(arguments);
    PROCESSES.add(refused);
    assertThat(refused.exitCode()).as(String.join(" ", arguments)).isEqualTo(2);
  }

  @Test
  void noneIsInAnyTableLogReportArtifactOrException() throws IOException {
    Map<String, String> environment = new LinkedHashMap<>();
    for (String name :
        List.of(
            "AWS_SECRET_ACCESS_KEY",
            "HF_TOKEN",
            "DB_PASSWORD",
            "SERVICE_API_KEY",
            "GITHUB_TOKEN",
            "KEY_PASSPHRASE",
            "CLOUD_CREDENTIALS",
            "HARMLESS_NAME")) {
      environment.put(name, secret());
    }
    String escaped = secret() + "\"of\\\\JSON\"";
    environment.put("ESCAPED_TOKEN", escaped);
    List<String> options =
        List.of(
            "-Djavax.net.ssl.keyStorePassword=" + secret(),
            "-Dany.property=" + secret(),
            "-Dspark.hadoop.fs.s3a.secret.key=" + secret(),
            "-Dspark.some.address=jdbc:db://me:" + secret() + "@host/db",
            "-Dretune.log.level=info");
    String store = folder.resolve("store").toString();
    SmokeStore.into(folder.resolve("store"));
    Path credentials =
        Files.writeString(
            folder.resolve("credentials"),
            "[mlflow]\nmlflow_tracking_username = admin\nmlflow_tracking_password = "
                + MARK
                + "01-Zq8.x\n");
    Path wrong =
        Files.writeString(
            folder.resolve("wrong"),
            "[mlflow]\nmlflow_tracking_username = admin\nmlflow_tracking_password = "
                + secret()
                + "\n");
    Path site =
        Files.writeString(
            folder.resolve("site.conf"),
            "tracking.mlflow { uri = \"%s\", credentials.file = \"%s\" }"
                .formatted(server.uri(), credentials));
    String[] run = {
      "run",
      "conf/runs/smoke.conf",
      "--set",
      "order.steps=1",
      "--store",
      store,
      "--request",
      "marked-request",
      "--message",
      "paid for with " + escaped,
      "--site",
      site.toString(),
      "--json"
    };
    RetuneProcess finished = retune(environment, options, run);
    assertThat(finished.exitCode()).as(finished::stderr).isZero();
    assertThat(finished.stderr()).doesNotContain("has not got everything");
    requireRefused(
        "sync",
        "smoke",
        "--store",
        store,
        "--site",
        site.toString(),
        "--set",
        "tracking.mlflow.credentials.file=" + wrong,
        "--set",
        "tracking.mlflow.experiment=another");
    requireRefused("runs", "--store", "s3a://key:" + secret() + "@bucket/path");
    requireRefused("runs", "--store", "s3a://bucket/path?signature=" + secret());
    requireRefused(
        "runs",
        "--store",
        store,
        "--set",
        "tracking.mlflow.uri=\"ftp://host/?token=" + secret() + "\"");
    requireRefused(
        "run",
        "conf/runs/smoke.conf",
        "--store",
        store,
        "--set",
        "model.source=\"s3a://key:" + secret() + "@bucket/model.gguf\"");
    requireRefused(
        "runs",
        "--store",
        store,
        "--set",
        "tracking.mlflow.uri=\"http://me:" + secret() + "@host:5000\"");
    requireRefused(
        "runs",
        "--store",
        store,
        "--set",
        "tracking.mlflow.uri=\"http://host:5000\"",
        "--set",
        "tracking.mlflow.proxy=\"http://me:" + secret() + "@host:3128\"");
    for (String inside :
        List.of(
            "tracking.mlflow.password = \"" + secret() + "\"",
            "tracking.mlflow.credentials.password-variable = \"" + secret() + "\"")) {
      Path bad = Files.writeString(folder.resolve("bad-site.conf"), inside);
      requireRefused("runs", "--store", store, "--site", bad.toString());
    }
    assertThat(secrets).isGreaterThanOrEqualTo(20);
    assertThat(places(MARK)).isEmpty();
    // The search finds what is there.
    assertThat(places("marked-request")).hasSizeGreaterThan(3);
  }

  /** Everywhere: what was printed, what the store and the server hold, and rows of the tables. */
  private static List<String> places(String text) throws IOException {
    List<String> places = new ArrayList<>();
    for (int i = 0; i < PROCESSES.size(); i++) {
      note(places, "stderr of process " + i, PROCESSES.get(i).stderr(), text);
      note(places, "stdout of process " + i, PROCESSES.get(i).stdout(), text);
    }
    Path rows = folder.resolve("rows.json");
    Peers.run("table_rows.py", folder.resolve("store"), rows);
    note(places, "rows of the tables", Files.readString(rows), text);
    for (String tree : List.of("store", "server")) {
      try (Stream<Path> files = Files.walk(folder.resolve(tree))) {
        for (Path file : files.filter(Files::isRegularFile).toList()) {
          String bytes = Files.readString(file, StandardCharsets.ISO_8859_1);
          note(places, file.toString(), bytes, text);
        }
      }
    }
    return places;
  }

  private static void note(List<String> places, String place, String content, String text) {
    int at = content.indexOf(text);
    if (at >= 0) {
      places.add(place + ": " + content.substring(at, Math.min(content.length(), at + 60)));
    }
  }
}
