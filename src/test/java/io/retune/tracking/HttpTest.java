package io.retune.tracking;

import static io.retune.tracking.Answers.answer;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.retune.config.InvalidInputException;
import io.retune.config.TrackingSite;
import io.retune.config.TrackingSite.CredentialsFile;
import io.retune.config.TrackingSite.TokenVariable;
import io.retune.config.TrackingSite.UserVariables;
import io.retune.store.Sha256;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HttpTest {
  private static final Duration SECOND = Duration.ofSeconds(1);
  private static final Map<String, String> ENVIRONMENT =
      Map.of("WHO", "ann", "WORD", "s3cr3t-word", "TOKEN", "t0ken-of-ann\n");

  private static Http.Call get() {
    return new Http.Call("GET", "/x", Optional.empty(), true);
  }

  private static Http.Call creation() {
    return new Http.Call("POST", "/create", Optional.of(Upload.Content.of("json", "{}")), false);
  }

  private static Http.Call put(Path file, Sha256 sha256) {
    return new Http.Call("PUT", "/file", Optional.of(Upload.Content.of(file, sha256)), true);
  }

  private static Http http(TrackingSite site) {
    return new Http(site, ENVIRONMENT);
  }

  private static TrackingSite patient(Answers server) {
    return Sites.at(server.uri(), Duration.ofSeconds(10), Duration.ofSeconds(20));
  }

  @Test
  void whatMayBeRepeatedIsRepeatedUntilItWorks() {
    try (Answers server =
        Answers.of(answer(503, ""), answer(500, "{}"), answer(429, ""), answer(200, "{\"a\":1}"))) {
      assertThat(http(patient(server)).send(get())).isEqualTo("{\"a\":1}");
      assertThat(server.asked()).hasSize(4);
    }
  }

  @Test
  void twoWhoWriteTheSameAtOnceBothSucceed() {
    String said =
        "{\"error_code\":\"BAD_REQUEST\",\"message\":\"(sqlite3.IntegrityError) UNIQUE constraint failed: params.key\"}";
    try (Answers server = Answers.of(answer(400, said), answer(200, "{}"))) {
      assertThat(http(patient(server)).send(get())).isEqualTo("{}");
    }
  }

  @Test
  void aCreationIsSentOnceWhateverBecomesOfIt() {
    try (Answers server = Answers.of(answer(502, "bad gateway"), answer(200, "{}"))) {
      assertThatThrownBy(() -> http(patient(server)).send(creation()))
          .isInstanceOf(MlflowUnreachableException.class)
          .hasMessage(
              "MLflow at %s: does not answer: status 502, bad gateway. [tracking-unreachable]\n  What it has not received is sent by `./retune sync RUN`, when it is back.",
              server.uri());
      assertThat(server.asked()).hasSize(1);
    }
  }

  @Test
  void whoAsksToBeLeftAloneForAWhileIsLeftAlone() {
    try (Answers server = Answers.of(answer(429, "slow", "Retry-After", "1"), answer(200, "{}"))) {
      long begun = System.nanoTime();
      http(patient(server)).send(get());
      assertThat(Duration.ofNanos(System.nanoTime() - begun)).isGreaterThanOrEqualTo(SECOND);
      assertThat(server.asked()).hasSize(2);
    }
  }

  @Test
  void aDateToComeBackIsUnderstood() {
    String later =
        ZonedDateTime.now(ZoneOffset.UTC)
            .plusSeconds(3)
            .format(DateTimeFormatter.RFC_1123_DATE_TIME);
    try (Answers server = Answers.of(answer(503, "", "Retry-After", later), answer(200, "{}"))) {
      long begun = System.nanoTime();
      http(patient(server)).send(get());
      assertThat(Duration.ofNanos(System.nanoTime() - begun)).isGreaterThan(SECOND);
    }
  }

  @Test
  void nobodyWaitsLongerThanPatienceLasts() {
    try (Answers server = Answers.of(answer(503, "", "Retry-After", "3600"))) {
      long begun = System.nanoTime();
      assertThatThrownBy(() -> http(patient(server)).send(get()))
          .isInstanceOf(MlflowUnreachableException.class);
      assertThat(Duration.ofNanos(System.nanoTime() - begun)).isLessThan(Duration.ofSeconds(5));
      assertThat(server.asked()).hasSize(1);
    }
  }

  @Test
  void aServerThatFailsForEverIsGivenUp() {
    try (Answers server = Answers.of(answer(500, ""))) {
      TrackingSite site = Sites.at(server.uri(), SECOND, SECOND);
      assertThatThrownBy(() -> http(site).send(get()))
          .isInstanceOf(MlflowUnreachableException.class)
          .hasMessageContaining("status 500");
      assertThat(server.asked()).hasSizeBetween(2, 10);
    }
  }

  @Test
  void anAnswerThatNeverComesIsNotWaitedFor() {
    try (Answers server = Answers.of(exchange -> {}, answer(200, "{}"))) {
      http(Sites.at(server.uri(), Duration.ofMillis(300), Duration.ofSeconds(20))).send(get());
      assertThat(server.asked()).hasSize(2);
    }
  }

  @Test
  void anAnswerThatStopsInTheMiddleIsNotWaitedFor() {
    try (Answers server =
        Answers.of(
            exchange -> {
              exchange.sendResponseHeaders(200, 100);
              exchange.getResponseBody().write('{');
              exchange.getResponseBody().flush();
            },
            answer(200, "{}"))) {
      http(Sites.at(server.uri(), Duration.ofMillis(300), Duration.ofSeconds(20))).send(get());
      assertThat(server.asked()).hasSize(2);
    }
  }

  @Test
  void aServerThatIsNotThereIsNamed() throws IOException {
    int port;
    try (ServerSocket socket = new ServerSocket(0)) {
      port = socket.getLocalPort();
    }
    TrackingSite site = Sites.at(URI.create("http://127.0.0.1:" + port), SECOND, SECOND);
    assertThatThrownBy(() -> http(site).send(get()))
        .isInstanceOf(MlflowUnreachableException.class)
        .hasMessageContaining(
            "MLflow at http://127.0.0.1:" + port + ": does not answer: ConnectException");
  }

  @Test
  void whoIsRefusedIsToldWhatToLookAtAndNoSecret() {
    try (Answers server = Answers.of(exchange -> echo(exchange))) {
      TrackingSite site = Sites.with(patient(server), new UserVariables("WHO", "WORD"));
      Throwable refusal = catchThrowable(() -> http(site).send(get()));
      assertThat(refusal)
          .isInstanceOf(MlflowRefusedException.class)
          .hasMessage(
              "MLflow at %s: refuses: status 401, {\"you\":\"Basic ***\"}. [tracking-refuses]\n  Check the user in the environment variable WHO and the password in WORD; then `./retune sync RUN` sends what is missing. Some servers also want to know the names they are called by (--allowed-hosts).",
              server.uri());
      assertThat(server.asked()).hasSize(1);
      assertThat(server.asked().get(0).header("Authorization"))
          .isEqualTo("Basic YW5uOnMzY3IzdC13b3Jk");
    }
  }

  private static void echo(com.sun.net.httpserver.HttpExchange exchange) throws IOException {
    String header = exchange.getRequestHeaders().getFirst("Authorization");
    answer(401, "{\"you\":\"" + header + "\"}").to(exchange);
  }

  @Test
  void aTokenIsSentAndNeverShown() {
    try (Answers server = Answers.of(exchange -> echo(exchange))) {
      TrackingSite site = Sites.with(patient(server), new TokenVariable("TOKEN"));
      assertThatThrownBy(() -> http(site).send(get()))
          .hasMessageContaining("Bearer ***")
          .hasMessageContaining("Check the token in the environment variable TOKEN");
      assertThat(server.asked().get(0).header("Authorization")).isEqualTo("Bearer t0ken-of-ann");
    }
  }

  @Test
  void aFileOfCredentialsIsReadAgainForEachRequest(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("credentials");
    Files.writeString(
        file, "[mlflow]\nmlflow_tracking_username = ann\nmlflow_tracking_password = s3cr3t-word\n");
    try (Answers server = Answers.of(answer(200, "{}"))) {
      Http http = http(Sites.with(patient(server), new CredentialsFile(file)));
      http.send(get());
      Files.writeString(file, "mlflow_tracking_token = t0ken-of-bob\n");
      http.send(get());
      assertThat(server.asked())
          .extracting(asked -> asked.header("Authorization"))
          .containsExactly("Basic YW5uOnMzY3IzdC13b3Jk", "Bearer t0ken-of-bob");
    }
  }

  @Test
  void credentialsThatAreNotThereAreSaidAtOnce() {
    TrackingSite site =
        Sites.with(
            Sites.at(URI.create("http://127.0.0.1:1"), SECOND, SECOND),
            new UserVariables("WHO", "ABSENT"));
    assertThatThrownBy(() -> http(site))
        .isInstanceOf(InvalidInputException.class)
        .hasMessage(
            "tracking.mlflow.credentials: the environment variable ABSENT is not set. [bad-credentials]\n  Set it for the driver, or leave the credentials out if the server asks for none.");
  }

  @Test
  void aTokenThatNoHeaderCarriesIsNotShown() {
    TrackingSite site =
        Sites.with(
            Sites.at(URI.create("http://127.0.0.1:1"), SECOND, SECOND), new TokenVariable("T"));
    assertThatThrownBy(() -> new Http(site, Map.of("T", "s3cr3t\nword")))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageNotContaining("s3cr3t");
  }

  @Test
  void credentialsAreNotTakenWhereAServerPointsTo() {
    try (Answers elsewhere = Answers.of(answer(200, "{}"));
        Answers server =
            Answers.of(
                answer(
                    307,
                    "",
                    "Location",
                    "http://u:p@127.0.0.1:" + elsewhere.port() + "/x?token=abc"))) {
      TrackingSite site = Sites.with(patient(server), new UserVariables("WHO", "WORD"));
      assertThatThrownBy(() -> http(site).send(get()))
          .isInstanceOf(MlflowRefusedException.class)
          .hasMessageContaining(
              "status 307, to http://127.0.0.1:" + elsewhere.port() + "/x. [tracking-refuses]\n")
          .hasMessageContaining("Name that address in the site (tracking.mlflow.uri)");
      assertThat(server.asked()).hasSize(1);
      assertThat(elsewhere.asked()).isEmpty();
    }
  }

  @Test
  void aPageForPeopleIsNoAnswer() {
    try (Answers server = Answers.of(answer(200, "<html>Please log in</html>"))) {
      assertThatThrownBy(() -> http(patient(server)).send(get()))
          .isInstanceOf(MlflowRefusedException.class)
          .hasMessageContaining("does not answer as MLflow does");
    }
  }

  @Test
  void anAuthorityIsTrustedWhenItIsNamedAndNotOtherwise(@TempDir Path folder) {
    OwnAuthority authority = new OwnAuthority(folder);
    try (Answers server = Answers.overTls(authority.server(), answer(200, "{}"))) {
      assertThat(http(Sites.trusting(patient(server), authority.certificate())).send(get()))
          .isEqualTo("{}");
      assertThatThrownBy(() -> http(patient(server)).send(get()))
          .isInstanceOf(MlflowRefusedException.class)
          .hasMessageContaining("shows a certificate that is not trusted")
          .hasMessageContaining("mlflow.ca-certificate");
      TrackingSite otherName =
          Sites.at(URI.create("https://localhost:" + server.port()), SECOND, Duration.ofSeconds(5));
      assertThatThrownBy(() -> http(Sites.trusting(otherName, authority.certificate())).send(get()))
          .isInstanceOf(MlflowRefusedException.class)
          .hasMessageContaining("localhost");
      assertThat(server.asked()).hasSize(1);
    }
  }

  @Test
  void aFileThatHoldsNoCertificateIsSaid(@TempDir Path folder) throws IOException {
    Path file = Files.writeString(folder.resolve("ca.pem"), "");
    TrackingSite site =
        Sites.trusting(Sites.at(URI.create("https://127.0.0.1:1"), SECOND, SECOND), file);
    assertThatThrownBy(() -> http(site))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining("Expected a PEM file");
  }

  @Test
  void whatIsSentGoesThroughTheProxyThatWasNamed() {
    try (Answers proxy = Answers.of(answer(200, "{}"))) {
      TrackingSite site =
          Sites.behind(
              Sites.at(URI.create("http://mlflow.example:5000/here"), SECOND, SECOND), proxy.uri());
      http(site).send(get());
      assertThat(proxy.asked())
          .extracting(Answers.Asked::uri)
          .containsExactly(URI.create("http://mlflow.example:5000/here/x"));
    }
  }

  @Test
  void aFileArrivesAsItsDigestSays(@TempDir Path folder) throws IOException {
    Path file = Files.write(folder.resolve("f"), new byte[3_000_000]);
    Path empty = Files.write(folder.resolve("e"), new byte[0]);
    try (Answers server = Answers.of(answer(200, ""))) {
      http(patient(server)).send(put(file, Sha256.of(file)));
      http(patient(server)).send(put(empty, Sha256.of(empty)));
      assertThat(server.asked())
          .extracting(asked -> Sha256.of(asked.body()))
          .containsExactly(Sha256.of(file), Sha256.of(empty));
    }
  }

  @Test
  void aFileThatHasChangedNeverArrivesWhole(@TempDir Path folder) throws IOException {
    Path file = Files.write(folder.resolve("f"), new byte[100_000]);
    Sha256 before = Sha256.of(file);
    byte[] other = new byte[100_000];
    other[99_999] = 1;
    Files.write(file, other);
    try (Answers server = Answers.of(answer(200, ""))) {
      assertThatThrownBy(() -> http(patient(server)).send(put(file, before)))
          .isInstanceOf(UncheckedIOException.class)
          .hasMessage("Nothing was published: %s changed since its digest was taken", file);
      assertThat(server.asked()).isEmpty();
    }
  }

  @Test
  void anUploadHasTimeAsLongAsItMoves(@TempDir Path folder) throws IOException {
    Path file = Files.write(folder.resolve("f"), new byte[60 << 20]);
    try (SlowReader server = new SlowReader(1 << 20, Duration.ofMillis(40))) {
      TrackingSite site =
          Sites.at(
              URI.create("http://127.0.0.1:" + server.port()),
              Duration.ofMillis(800),
              Duration.ofMillis(100));
      long begun = System.nanoTime();
      http(site).send(put(file, Sha256.of(file)));
      assertThat(Duration.ofNanos(System.nanoTime() - begun)).isGreaterThan(SECOND);
    }
  }

  @Test
  void whoIsInterruptedStopsWaiting() throws InterruptedException {
    try (Answers server = Answers.of(exchange -> {})) {
      Http http = http(patient(server));
      Throwable[] end = new Throwable[1];
      Thread thread = new Thread(() -> end[0] = catchThrowable(() -> http.send(get())));
      thread.start();
      while (server.asked().isEmpty()) {
        Thread.sleep(5);
      }
      thread.interrupt();
      thread.join(SECOND.toMillis());
      assertThat(end[0]).isInstanceOf(MlflowUnreachableException.class);
    }
  }
}
