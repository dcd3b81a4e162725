package io.retune.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SiteLoaderTest {
  private static final Site DEFAULTS =
      new Site(
          "./retune-store",
          System.getProperty("user.home") + "/.cache/retune",
          Optional.empty(),
          Optional.empty(),
          Optional.empty(),
          3072,
          Optional.empty(),
          Optional.empty(),
          HubSite.DEFAULT,
          false,
          false);

  @TempDir Path folder;

  @Test
  void withoutAFileEverythingHasItsDefault() {
    assertThat(SiteLoader.load(Optional.empty(), List.of())).isEqualTo(DEFAULTS);
    assertThat(SiteLoader.load(Optional.of(Path.of("jobs/sites/laptop.conf")), List.of()))
        .isEqualTo(DEFAULTS);
  }

  @Test
  void overridesWinOverTheFile() throws IOException {
    Path file =
        Files.writeString(folder.resolve("site.conf"), "store = a, executors = 2, lanes = 3");
    assertThat(
            SiteLoader.load(
                Optional.of(file),
                List.of(
                    "executors=4",
                    "store=s3a://bucket/retune",
                    "master=local-cluster[2,1,1024]",
                    "executor-cores=2",
                    "executor-memory=1536m",
                    "cache=/tmp/c")))
        .isEqualTo(
            new Site(
                "s3a://bucket/retune",
                "/tmp/c",
                Optional.of("local-cluster[2,1,1024]"),
                Optional.of(4),
                Optional.of(2),
                1536,
                Optional.of(3),
                Optional.empty(),
                HubSite.DEFAULT,
                false,
                false));
  }

  @Test
  void theHubMayBeAMirrorAndOfflineNobodyPublishes() throws IOException {
    Path file =
        Files.writeString(
            folder.resolve("site.conf"),
            """
            hub { endpoint = "http://mirror:8080/hf", token-variable = MIRROR_TOKEN }
            tracking.mlflow.uri = "http://127.0.0.1:5000"
            """);
    Site online = SiteLoader.load(Optional.of(file), List.of());
    assertThat(online.hub())
        .isEqualTo(
            new HubSite(URI.create("http://mirror:8080/hf"), "MIRROR_TOKEN", Optional.empty()));
    assertThat(online.tracking()).isPresent();
    Site offline = SiteLoader.load(Optional.of(file), List.of("offline=true"));
    assertThat(offline.offline()).isTrue();
    assertThat(offline.tracking()).isEmpty();

    assertThat(
            catchThrowableOfType(
                InvalidInputException.class,
                () ->
                    SiteLoader.load(
                        Optional.empty(),
                        List.of(
                            "hub.endpoint=\"https://me:pw@hub\"",
                            "hub.token-variable=hf_mytoken"))))
        .hasMessage(
            """
            --set hub.endpoint: hub.endpoint holds a user name or a password. [secret-inline]
              Expected https://host:port, without user, password or query; credentials have keys of their own.
            --set hub.token-variable: hub.token-variable is no variable's name. [not-a-variable]
              Expected the name of an environment variable, such as MLFLOW_TRACKING_PASSWORD.""");
  }

  @Test
  void theTokenOfTheHubIsInAFileOrInAVariable() {
    assertThat(SiteLoader.load(Optional.empty(), List.of("hub.token-file=/run/t")).hub())
        .isEqualTo(
            new HubSite(HubSite.DEFAULT.endpoint(), "HF_TOKEN", Optional.of(Path.of("/run/t"))));
    List<String> both = List.of("hub.token-variable=T", "hub.token-file=/run/t");
    assertThat(
            catchThrowableOfType(
                InvalidInputException.class, () -> SiteLoader.load(Optional.empty(), both)))
        .hasMessage(
            """
            --set hub.token-file: hub.token-file = "/run/t" is given beside token-variable. [keys-conflict]
              Keep one of them.""");
  }

  @Test
  void everyProblemIsSaidAtOnce() throws IOException {
    Path file =
        Files.writeString(
            folder.resolve("site.conf"),
            "executors = 0\nexecutor-memory = 100m\nexecutor-core = 1\n");
    InvalidInputException problems =
        catchThrowableOfType(
            InvalidInputException.class,
            () -> SiteLoader.load(Optional.of(file), List.of("lanes=many")));
    assertThat(problems.getMessage().replace(file.toString(), "FILE"))
        .isEqualTo(
            """
            FILE:1: executors = 0 is out of range. [out-of-range]
              Expected a whole number of at least 1.
            FILE:2: executor-memory = "100m" is out of range. [out-of-range]
              Expected an amount of memory of at least 512m, such as 3g.
            FILE:3: unknown key "executor-core". [unknown-key]
              Did you mean "executor-cores"?
            --set lanes: lanes = "many" is not a whole number. [not-a-number]
              Expected a whole number of at least 1.""");
  }

  @Test
  void siteKeysAreToldFromRecipeKeys() {
    assertThat(
            List.of(
                "store",
                "cache",
                "master",
                "executors",
                "executor-cores",
                "executor-memory",
                "lanes"))
        .allMatch(SiteLoader::isSiteKey);
    assertThat(List.of("train.seed", "order.steps", "name", "stores"))
        .noneMatch(SiteLoader::isSiteKey);
  }
}
