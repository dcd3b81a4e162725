package io.retune.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.retune.config.HubSite;
import io.retune.config.HubSource;
import io.retune.config.InvalidInputException;
import io.retune.config.Secrets;
import io.retune.config.SourceSpec;
import io.retune.store.HubServer.Asked;
import io.retune.store.HubServer.Part;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HubTest {
  private static final String MODEL = "hf://models/org/name@" + HubServer.COMMIT;
  private static final String DATASET = "hf://datasets/org/name@" + HubServer.COMMIT;
  private static final String WRONG = "0".repeat(64);
  private static final byte[] WEIGHTS = new byte[300_000];

  static {
    new Random(1).nextBytes(WEIGHTS);
  }

  @TempDir Path folder;

  private final HubServer server =
      new HubServer()
          .with("org/name/config.json", "{}")
          .with("org/name/tokenizer.json", "{ }")
          .with("org/name/tokenizer_config.json", "{  }")
          .with("org/name/chat_template.jinja", "")
          .with("org/name/model.safetensors", WEIGHTS)
          .with("org/name/README.md", "no part of it")
          .with("org/name/pytorch_model.bin", "no part of it")
          .with("org/name/onnx/config.json", "no part of it")
          .with("datasets/org/name/data/train 1.jsonl", "{\"a\":1}\n")
          .with("datasets/org/name/data/train 2.jsonl", "{\"a\":2}\n")
          .with("datasets/org/name/data/test.jsonl", "{\"a\":3}\n");

  @AfterEach
  void stop() {
    server.close();
  }

  private Sources sources(Map<String, String> environment) {
    return sources(environment, Optional.empty());
  }

  private Sources sources(Map<String, String> environment, Optional<Path> tokenFile) {
    HubHttp.Patience patience = new HubHttp.Patience(Duration.ofMillis(20), Duration.ofMillis(700));
    Hub hub = new Hub(new HubSite(server.uri(), "MY_TOKEN", tokenFile), environment, patience);
    return new Sources(folder.resolve("cache"), new Configuration(), hub, false);
  }

  private Sources sources() {
    return sources(Map.of());
  }

  private static String sha256(Map<String, byte[]> files) {
    SortedMap<String, Sha256> manifest = new TreeMap<>();
    files.forEach((name, bytes) -> manifest.put(name, Sha256.of(bytes)));
    return Sha256.ofManifest(manifest).hex();
  }

  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static String modelSha256() {
    return sha256(
        Map.of(
            "config.json", utf8("{}"),
            "tokenizer.json", utf8("{ }"),
            "tokenizer_config.json", utf8("{  }"),
            "chat_template.jinja", utf8(""),
            "model.safetensors", WEIGHTS));
  }

  private Sources.Fetched model(Sources sources) {
    return sources.fetch(new SourceSpec(MODEL, modelSha256()), "model.source");
  }

  private String refusal(Sources sources, String source) {
    return catchThrowableOfType(
            InvalidInputException.class,
            () -> sources.fetch(new SourceSpec(source, WRONG), "model.source"))
        .getMessage()
        .replace(server.uri().toString(), "HUB")
        .replace(HubServer.COMMIT, "COMMIT");
  }

  @Test
  void aModelIsTheFilesOfItsFolderThatAreUsed() throws IOException {
    Sources.Fetched fetched = model(sources());

    assertThat(fetched.files().keySet())
        .containsExactly(
            "chat_template.jinja",
            "config.json",
            "model.safetensors",
            "tokenizer.json",
            "tokenizer_config.json");
    assertThat(Files.readAllBytes(fetched.files().get("model.safetensors"))).isEqualTo(WEIGHTS);
    assertThat(sources().digestOf(MODEL, "model.source").hex()).isEqualTo(modelSha256());
    assertThat(left("partial")).isEmpty();

    // What is in the cache needs no hub.
    int before = server.asked().size();
    model(sources());
    assertThat(server.asked()).hasSize(before);
  }

  @Test
  void filesOfADatasetAreChosenByTheirPath() {
    String both =
        sha256(Map.of("train 1.jsonl", utf8("{\"a\":1}\n"), "train 2.jsonl", utf8("{\"a\":2}\n")));
    SourceSpec spec = new SourceSpec(DATASET + "!data/train*.jsonl", both);
    assertThat(sources().fetch(spec, "data.source").files().keySet())
        .containsExactly("train 1.jsonl", "train 2.jsonl");
    assertThat(server.asked().get(0).path())
        .isEqualTo("/api/datasets/org/name/revision/" + HubServer.COMMIT);

    assertThat(refusal(sources(), DATASET + "!data/valid.jsonl"))
        .isEqualTo(
            "model.source: \"hf://datasets/org/name@COMMIT!data/valid.jsonl\" names no file. [source-not-found]\n"
                + "  There are: data/test.jsonl, data/train 1.jsonl, data/train 2.jsonl.");
  }

  @Test
  void otherBytesThanThePinnedOnesAreRefused() throws IOException {
    assertThat(refusal(sources(), MODEL))
        .contains("SHA-256 is " + modelSha256() + " but " + WRONG + " was pinned.");
    assertThat(left("sources")).isEmpty();
  }

  @Test
  void aBranchIsTurnedIntoItsCommitAndNeverFetched() {
    HubSource main = HubSource.parse("hf://models/org/name").orElseThrow();
    assertThat(sources().committed(main, "model.source").toString()).isEqualTo(MODEL);
    assertThat(refusal(sources(), "hf://models/org/name@main"))
        .isEqualTo(
            "model.source: \"hf://models/org/name@main\" names no commit, so its bytes may change. [source-moves]\n"
                + "  Expected hf://models/ORG/NAME@COMMIT, 40 hexadecimal digits.");
  }

  @Test
  void theTokenGoesToTheHubAndToNoOtherHost() {
    server.token = "hf_verysecrettoken";
    model(sources(Map.of("MY_TOKEN", "hf_verysecrettoken\n")));

    assertThat(server.asked(Part.FILE))
        .isNotEmpty()
        .extracting(Asked::authorization)
        .containsOnly("Bearer hf_verysecrettoken");
    assertThat(server.asked(Part.STORE))
        .isNotEmpty()
        .extracting(Asked::authorization)
        .containsOnly("");
    assertThat(Secrets.hide("it is hf_verysecrettoken")).isEqualTo("it is ***");
  }

  @Test
  void aTokenInAFileIsTakenInTheVariablesPlace() throws IOException {
    server.token = "hf_secretofafile";
    Path file = folder.resolve("token");
    Map<String, String> another = Map.of("MY_TOKEN", "hf_anothertoken");
    assertThat(refusal(sources(another, Optional.of(file)), MODEL))
        .isEqualTo(
            file
                + ": cannot be read: there is no "
                + file
                + ". [bad-credentials]\n"
                + "  Make it readable for us, or name another.");
    Files.writeString(file, "hf_wrong\n");
    assertThat(refusal(sources(another, Optional.of(file)), MODEL))
        .endsWith("put a token that may read it into the file " + file + ".");
    Files.writeString(file, "two\nlines\n");
    assertThat(refusal(sources(another, Optional.of(file)), MODEL))
        .isEqualTo(file + ": holds no token. [bad-credentials]\n  A token is one line of ASCII.");

    Files.writeString(file, "hf_secretofafile\n");
    model(sources(another, Optional.of(file)));
    assertThat(Secrets.hide("it is hf_secretofafile")).isEqualTo("it is ***");
  }

  @Test
  void whoMayNotReadIsToldWhatToDo() {
    server.token = "hf_verysecrettoken";
    String remedy =
        "  Check the name, accept its conditions on HUB, and put a token that may read it into the"
            + " environment variable MY_TOKEN.";
    assertThat(refusal(sources(), MODEL))
        .isEqualTo(
            "model.source: \"hf://models/org/name@COMMIT\" is not given to everybody: status 401,"
                + " Access to it is restricted. [hub-refuses]\n"
                + remedy);
    assertThat(refusal(sources(Map.of("MY_TOKEN", "hf_anothertoken")), MODEL))
        .contains("is not given to this token: status 401")
        .doesNotContain("hf_anothertoken");
    assertThat(refusal(sources(Map.of("MY_TOKEN", "two\nlines")), MODEL))
        .isEqualTo("MY_TOKEN: holds no token. [bad-credentials]\n  A token is one line of ASCII.");
  }

  @Test
  void whatIsNotThereIsSaid() {
    assertThat(refusal(sources(), "hf://models/org/other@" + HubServer.COMMIT))
        .isEqualTo(
            "model.source: \"hf://models/org/other@COMMIT\" is not on HUB: status 404, Repository"
                + " not found. [source-not-found]\n"
                + "  Check name and revision; what is private needs a token in the environment variable MY_TOKEN.");
  }

  @ParameterizedTest
  @ValueSource(ints = {408, 429, 500, 502, 503, 504})
  void whatMayWorkTheNextTimeIsTriedAgain(int status) {
    HubServer.Fault fault = HubServer.status(status, "Retry-After", "0");
    server.failing(Part.LISTING, fault, fault);
    server.failing(Part.FILE, fault, fault);
    server.failing(Part.STORE, fault, fault, fault, fault);
    assertThat(model(sources()).files()).hasSize(5);
  }

  @Test
  void thereIsAnEndToTryingAgain() {
    for (int i = 0; i < 5; i++) {
      server.failing(Part.LISTING, HubServer.status(500));
    }
    assertThat(refusal(sources(), MODEL))
        .isEqualTo(
            "model.source: \"hf://models/org/name@COMMIT\" could not be fetched from HUB: status"
                + " 500. [source-not-fetched]\n"
                + "  Try again: a download goes on where it broke off. Check hub.endpoint and proxy"
                + " settings.");
    server.failing(Part.LISTING, HubServer.status(429, "Retry-After", "3600"));
    assertThat(refusal(sources(), MODEL)).contains("could not be fetched from HUB: status 429.");
  }

  @Test
  void aBrokenDownloadGoesOnWhereItBrokeOff() {
    String weights = "org/name/model.safetensors";
    server.failing(
        Part.STORE,
        server.brokenAfter(weights, 100_000),
        server.brokenAfter(weights, 50_000),
        HubServer.status(503));
    model(sources());
    assertThat(server.asked(Part.STORE))
        .extracting(Asked::range)
        .startsWith("")
        .endsWith("bytes=150000-", "bytes=150000-");
  }

  @Test
  void anotherProcessGoesOnWithWhatWasLeft() throws IOException {
    server.failing(Part.STORE, server.brokenAfter("org/name/model.safetensors", 100_000));
    for (int i = 0; i < 5; i++) {
      server.failing(Part.STORE, HubServer.status(500));
    }
    assertThat(refusal(sources(), MODEL)).contains("model.safetensors could not be fetched");
    assertThat(left("sources")).isEmpty();
    int before = server.asked(Part.STORE).size();

    model(sources());
    assertThat(server.asked(Part.STORE).subList(before, before + 1))
        .extracting(Asked::range)
        .containsExactly("bytes=100000-");
    assertThat(left("partial")).isEmpty();
  }

  @Test
  void aServerThatKnowsNoRangesSendsItFromTheBeginning() {
    server.failing(
        Part.STORE,
        server.brokenAfter("org/name/model.safetensors", 100_000),
        exchange -> {
          exchange.sendResponseHeaders(200, WEIGHTS.length);
          exchange.getResponseBody().write(WEIGHTS);
        });
    assertThat(model(sources()).files()).hasSize(5);
  }

  @Test
  void anAnswerThatEndsEarlyWithoutSayingSoIsNoticed() {
    server.failing(
        Part.STORE,
        exchange -> {
          exchange.sendResponseHeaders(200, 0); // chunked
          exchange.getResponseBody().write(WEIGHTS, 0, 1000);
        });
    assertThat(model(sources()).files()).hasSize(5);
    assertThat(server.asked(Part.STORE)).extracting(Asked::range).contains("bytes=1000-");
  }

  @Test
  void whatIsSilentIsGivenUp() {
    server.failing(
        Part.STORE,
        exchange -> {
          exchange.sendResponseHeaders(200, WEIGHTS.length);
          exchange.getResponseBody().write(WEIGHTS, 0, 1000);
          exchange.getResponseBody().flush();
          sleep();
        });
    server.failing(Part.LISTING, exchange -> sleep());
    assertThat(model(sources()).files()).hasSize(5);
  }

  private static void sleep() throws IOException {
    try {
      Thread.sleep(20_000);
    } catch (InterruptedException e) {
      throw new IOException(e);
    }
  }

  @Test
  void bytesThatAreNotWhatTheHubSaysAreRefused() throws IOException {
    server.linkedEtag = "1".repeat(64);
    assertThat(refusal(sources(), MODEL))
        .isEqualTo(
            "model.source: \"hf://models/org/name@COMMIT\": model.safetensors is not what HUB says"
                + " it is. [digest-differs]\n"
                + "  Something changes bytes on the way, or hub.endpoint is no true mirror.");
    assertThat(left("sources")).isEmpty();

    server.linkedEtag = "";
    server.sha = "f".repeat(40);
    assertThat(refusal(sources(), MODEL))
        .contains("HUB answers with the commit " + "f".repeat(40) + ".");
  }

  @Test
  void aBeginningThatIsWrongIsFetchedAgain() throws IOException {
    server.failing(
        Part.STORE,
        exchange -> {
          exchange.sendResponseHeaders(200, WEIGHTS.length);
          exchange.getResponseBody().write(new byte[1000]);
          throw new IOException("broken off");
        });
    for (int i = 0; i < 5; i++) {
      server.failing(Part.STORE, HubServer.status(500));
    }
    assertThat(refusal(sources(), MODEL)).contains("could not be fetched");
    assertThat(model(sources()).files()).hasSize(5);
  }

  @Test
  void aRedirectLeadsToWebServersOnly() {
    server.failing(Part.FILE, HubServer.status(302, "Location", "file:///etc/passwd"));
    assertThat(refusal(sources(), MODEL))
        .contains("it redirects to another protocol, which is not followed");
    String circle = server.uri() + "/org/name";
    for (int i = 0; i < 6; i++) {
      server.failing(Part.FILE, HubServer.status(302, "Location", circle));
    }
    assertThat(refusal(sources(), MODEL)).contains("it redirects in a circle");
  }

  @Test
  void namesOfFilesLeadNowhereElse() {
    server.with("org/evil/..", "x").with("org/evil/../../evil.json", "x").with("org/evil/a", "a");
    SourceSpec all =
        new SourceSpec("hf://models/org/evil@" + HubServer.COMMIT + "!*", Sha256.of("a").hex());
    assertThat(sources().fetch(all, "model.source").files().keySet()).containsExactly("a");
  }

  @Test
  void offlineOnlyTheCacheAndLocalFilesAreUsed() throws IOException {
    model(sources());
    int before = server.asked().size();
    Hub hub = new Hub(new HubSite(URI.create("http://127.0.0.1:1"), "MY_TOKEN", Optional.empty()));
    Sources offline = new Sources(folder.resolve("cache"), new Configuration(), hub, true);

    assertThat(model(offline).files()).hasSize(5);
    Path file = Files.writeString(folder.resolve("a.txt"), "a");
    assertThat(offline.digestOf("file:" + file, "data.source")).isEqualTo(Sha256.of("a"));
    for (String source : new String[] {MODEL, "pip:a==1!b", "maven:g:a:1!b", "s3a://b/c"}) {
      assertThat(refusal(offline, source))
          .isEqualTo(
              "model.source: \""
                  + source.replace(HubServer.COMMIT, "COMMIT")
                  + "\" is not in the cache "
                  + folder.resolve("cache")
                  + " as 000000000000, and this site is offline. [offline]\n"
                  + "  Fetch it once with --set offline=false, or bring the folder sources/"
                  + WRONG
                  + " of a cache that has it.");
    }
    assertThat(server.asked()).hasSize(before);
  }

  @Test
  void aRevisionWithSlashesIsOnePartOfThePath() {
    HubSource pull = HubSource.parse("hf://models/org/name@refs/pr/3").orElseThrow();
    assertThat(sources().committed(pull, "model.source").toString()).isEqualTo(MODEL);
  }

  @Test
  void aDateToAskAgainAtIsReadAsSecondsAre() {
    DateTimeFormatter form = DateTimeFormatter.RFC_1123_DATE_TIME;
    ZonedDateTime now = ZonedDateTime.now(ZoneOffset.UTC);
    server.failing(
        Part.LISTING, HubServer.status(429, "Retry-After", form.format(now.plusHours(1))));
    assertThat(refusal(sources(), MODEL)).contains("could not be fetched from HUB: status 429.");
    server.failing(
        Part.LISTING, HubServer.status(429, "Retry-After", form.format(now.minusHours(1))));
    assertThat(model(sources()).files()).hasSize(5);
  }

  @Test
  void aQuotaIsWaitedForLongerThanAFault() {
    server.failing(Part.LISTING, HubServer.status(429), HubServer.status(429));
    long start = System.nanoTime();
    assertThat(model(sources()).files()).hasSize(5);
    assertThat(Duration.ofNanos(System.nanoTime() - start))
        .isGreaterThan(Duration.ofMillis(8 * (20 + 40)));
  }

  @Test
  void aCommitThatIsInTheCacheIsNotFetchedForItsDigest() throws IOException {
    assertThat(sources().digestOf(MODEL, "MODEL").hex()).isEqualTo(modelSha256());
    int before = server.asked().size();
    Hub hub = new Hub(new HubSite(server.uri(), "MY_TOKEN", Optional.empty()));
    Sources offline = new Sources(folder.resolve("cache"), new Configuration(), hub, true);

    assertThat(sources().digestOf(MODEL, "MODEL").hex()).isEqualTo(modelSha256());
    assertThat(offline.digestOf(MODEL, "MODEL").hex()).isEqualTo(modelSha256());
    assertThat(server.asked()).hasSize(before);

    // Without the files it is fetched again.
    Scratch.delete(folder.resolve("cache/sources").resolve(modelSha256()));
    assertThat(sources().digestOf(MODEL, "MODEL").hex()).isEqualTo(modelSha256());
    assertThat(server.asked().size()).isGreaterThan(before);
  }

  private List<Path> left(String name) throws IOException {
    Path inside = folder.resolve("cache").resolve(name);
    if (!Files.isDirectory(inside)) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(inside)) {
      return files.toList();
    }
  }
}
