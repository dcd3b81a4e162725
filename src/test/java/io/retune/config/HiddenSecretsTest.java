package io.retune.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.retune.store.Json;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A secret in every form that it takes on its way to a reader. */
class HiddenSecretsTest {
  /** What JSON, URIs and headers each write otherwise. */
  private static final String SECRET = "k4nary \"quoted\" back\\slash\nnew/line? +ümlaut\u0001";

  private final ByteArrayOutputStream shown = new ByteArrayOutputStream();
  private final RedactedOutput out = new RedactedOutput(shown, StandardCharsets.UTF_8);

  private String shown() {
    return shown.toString(StandardCharsets.UTF_8);
  }

  @Test
  void itIsHiddenInJsonUrisHeadersAndLines() {
    Secrets.remember(SECRET);
    String json = Json.write(Map.of("password", SECRET));
    String encoded = URLEncoder.encode(SECRET, StandardCharsets.UTF_8);
    byte[] utf8 = SECRET.getBytes(StandardCharsets.UTF_8);
    List<String> forms =
        List.of(
            SECRET,
            json,
            Json.write(Map.of("body", json)),
            json.replace("ü", "\\u00fc"),
            "http://host/path?password=" + encoded,
            "http://host/" + encoded.replace("+", "%20"),
            encoded.toLowerCase(java.util.Locale.ROOT),
            "Authorization: Bearer " + Base64.getEncoder().encodeToString(utf8),
            "?sas=" + Base64.getUrlEncoder().encodeToString(utf8),
            SECRET.replaceAll("\\s+", " "),
            SECRET.lines().findFirst().orElseThrow());
    assertThat(forms)
        .allSatisfy(
            form ->
                assertThat(Secrets.hide(form))
                    .contains("***")
                    .doesNotContain("quoted", "slash", "umlaut", "mlaut")
                    .isNotEqualTo(form));
    assertThat(Secrets.hide(Json.write(Map.of("password", SECRET))))
        .isEqualTo("{\"password\":\"***\"}");
  }

  @Test
  void onlyWhatIsASecretIsHidden() {
    Secrets.remember("-----BEGIN KEY-----\nMIIEvQIBADANBgkq\n-----END KEY-----");
    Secrets.remember("short");
    Secrets.remember("20261124");
    String text = "-----BEGIN KEY----- of 20261124, in short: http://host/#/runs/1?type=a";
    assertThat(Secrets.hide(text)).isEqualTo(text);
    assertThat(Secrets.hide("the line MIIEvQIBADANBgkq")).isEqualTo("the line ***");
  }

  @Test
  void whateverIsPrintedGoesWithoutThem() throws IOException {
    Secrets.remember("k4nary-of-the-output");
    out.println("line k4nary-of-the-output");
    out.printf("%s and %d%n", "k4nary-of-the-output", 7);
    out.println("x".repeat(8185) + "k4nary-of-the-output");
    out.print("no line yet");
    assertThat(shown()).endsWith("no line yet").contains("line ***", "*** and 7", "xxx***");
    byte[] bytes = "k4nary-of-the-output".getBytes(StandardCharsets.UTF_8);
    out.write(bytes, 0, 5);
    out.write(bytes, 5, bytes.length - 5);
    out.flush();
    assertThat(shown()).endsWith("***").doesNotContain("k4nary");
  }

  @Test
  void whatIsNoTextGoesThroughByteByByte() {
    byte[] bytes = {(byte) 0xff, 0, (byte) 0xc3, '\n'};
    out.write(bytes, 0, bytes.length);
    assertThat(shown.toByteArray()).isEqualTo(bytes);
  }

  @Test
  void whatAThreadDiesOfIsHidden() throws InterruptedException {
    Secrets.remember("k4nary-of-a-thread\nof two lines");
    PrintStream before = System.err;
    System.setErr(out);
    try {
      Thread thread =
          new Thread(
              () -> {
                throw new IllegalStateException(
                    "refused: k4nary-of-a-thread\nof two lines",
                    new IOException("k4nary-of-a-thread\nof two lines"));
              },
              "dying");
      thread.start();
      thread.join();
    } finally {
      System.setErr(before);
    }
    assertThat(shown())
        .contains("Exception in thread \"dying\"", "refused: ***", "IOException: ***")
        .doesNotContain("k4nary", "two lines");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "ftp://host/?token=pw1",
        "http://host:5000/?sig=pw1#f",
        "http://me:pw1@host:5000",
        "http://pw1@host",
        "me:pw1@host:5000",
        "http://me:pw1@ho st",
        "http:me:pw1@host",
        "host:5000?key=pw1"
      })
  void anAddressThatIsRefusedIsNotRepeated(String address) {
    for (String key : List.of("uri", "proxy")) {
      assertThatThrownBy(
              () ->
                  SiteLoader.load(
                      Optional.empty(), List.of("tracking.mlflow." + key + "=\"" + address + "\"")))
          .isInstanceOf(InvalidInputException.class)
          .hasMessageContaining("tracking.mlflow." + key)
          .hasMessageContaining("without user, password or query")
          .hasMessageNotContaining("pw1");
    }
  }

  @Test
  void aPasswordInAVariablesPlaceIsNotRepeated(@TempDir Path folder) throws IOException {
    Path site =
        Files.writeString(
            folder.resolve("site.conf"), "tracking.mlflow.credentials.token-variable = pw1");
    assertThatThrownBy(() -> SiteLoader.load(Optional.of(site), List.of()))
        .hasMessageContaining("is no variable's name")
        .hasMessageNotContaining("pw1");
  }

  @Test
  void theQueryOfAnyRefusedUriIsHidden() {
    assertThat(
            new Problem(
                ErrorCode.STORE_NOT_LOCAL,
                "store s3a://b/p?sig=pw1",
                "\"https://h/x?a=pw1#b\" is refused.",
                "Not http://h?b=pw1."))
        .hasToString(
            "store s3a://b/p?***: \"https://h/x?***\" is refused. [store-not-local]\n"
                + "  Not http://h?***");
  }
}
