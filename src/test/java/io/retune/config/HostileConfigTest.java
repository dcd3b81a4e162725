package io.retune.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Configurations written by somebody who means harm, or by accident. */
class HostileConfigTest {
  @TempDir Path folder;

  private Path runs;

  @BeforeEach
  void makeFolders() throws IOException {
    runs = Files.createDirectories(folder.resolve("conf/runs"));
  }

  @Test
  void anIncludedUrlIsNeverAskedFor() throws IOException {
    AtomicInteger requests = new AtomicInteger();
    HttpServer server =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext(
        "/",
        exchange -> {
          requests.incrementAndGet();
          exchange.sendResponseHeaders(200, -1);
          exchange.close();
        });
    server.start();
    try {
      String url = "http://127.0.0.1:" + server.getAddress().getPort() + "/x.conf";
      assertThat(
              problemsOf(
                  "include url(\"%1$s\")\ninclude \"%1$s\"\ninclude required(url(\"%1$s\"))"
                      .formatted(url)))
          .contains("include of the URL " + url + " is refused.")
          .contains("FILE:1: ");
      problemsOf("name = x", "train={include url(\"" + url + "\")}");
    } finally {
      server.stop(0);
    }
    assertThat(requests).hasValue(0);
  }

  @Test
  void onlyFilesOfTheConfigurationsFolderAreIncluded() throws IOException {
    Files.writeString(folder.resolve("secret.conf"), "name = secret");
    Files.createSymbolicLink(runs.resolve("link.conf"), folder.resolve("secret.conf"));
    assertThat(
            problemsOf(
                """
                include "../../secret.conf"
                include "link.conf"
                include file("/etc/hostname")
                include classpath("reference.conf")
                include "/etc/hostname"
                include "none.conf"
                """))
        .isEqualTo(
            """
            FILE:1: include of "../../secret.conf" leaves the folder ROOT. [include-refused]
            FILE:2: include of "link.conf" leaves the folder ROOT. [include-refused]
            FILE:3: include file("/etc/hostname") is refused. [include-refused]
            FILE:4: include classpath("reference.conf") is refused. [include-refused]
            FILE:5: include of "/etc/hostname" is refused. [include-refused]
            FILE:6: include of "none.conf": there is no DIR/none.conf. [include-refused]
              Include a file under the folder conf by its relative path: include "../data/x.conf".
            """);
  }

  @Test
  void includesInACircleEnd() throws IOException {
    Files.writeString(runs.resolve("a.conf"), "x { include \"run.conf\" }");
    assertThat(problemsOf("y { include \"a.conf\" }")).contains("includes itself.");
  }

  @Test
  void aBombIsMeasuredNotExploded() throws IOException {
    StringBuilder bomb = new StringBuilder("a0 = xxxxxxxxxxxxxxxx\n");
    StringBuilder blocks = new StringBuilder("a0 { x = 1 }\n");
    for (int i = 1; i <= 40; i++) {
      bomb.append("a%1$d = ${a%2$d}${a%2$d}%n".formatted(i, i - 1));
      blocks.append("a%1$d { x = ${a%2$d}, y = ${a%2$d} }%n".formatted(i, i - 1));
    }
    String expected =
        """
        FILE: grows beyond 4194304 characters when its substitutions are filled in. [beyond-limits]
          Use fewer ${...} of one another.
        """;
    assertThat(problemsOf(bomb.toString())).isEqualTo(expected);
    assertThat(problemsOf(blocks.toString())).isEqualTo(expected);
    assertThat(problemsOf("a = x\n" + "a = ${a}${a}\n".repeat(40)))
        .contains("${a} refers to itself.");
  }

  @Test
  void depthIsBoundedBeforeAnyoneRecurses() throws IOException {
    String expected =
        "FILE:1: is nested more than 64 levels deep. [beyond-limits]\n  Write the configuration flatter.\n";
    assertThat(problemsOf("{a:".repeat(100_000))).isEqualTo(expected);
    assertThat(problemsOf("a=" + "[".repeat(100_000))).isEqualTo(expected);
    assertThat(problemsOf("a" + ".a".repeat(100_000) + "=1")).isEqualTo(expected);
  }

  @Test
  void sizeIsBounded() throws IOException {
    assertThat(problemsOf("#".repeat(ConfigFiles.MAX_FILE_BYTES + 1)))
        .isEqualTo(
            """
            FILE: is 1048577 bytes long. [beyond-limits]
              A configuration file has at most 1048576 bytes, with everything it includes at most 4194304.
            """);
  }

  @Test
  void theEnvironmentIsNotRead() throws IOException {
    assertThat(problemsOf("name = ${PATH}\ndescription = ${java.home}"))
        .contains("FILE:1: ${PATH} stands for nothing in this configuration.");
  }

  private String problemsOf(String text, String... overrides) throws IOException {
    Path file = Files.writeString(runs.resolve("run.conf"), text);
    InvalidInputException problems =
        catchThrowableOfType(
            InvalidInputException.class, () -> ConfigLoader.load(file, List.of(overrides)));
    assertThat(problems).isNotNull();
    return problems
            .getMessage()
            .replace(file.toString(), "FILE")
            .replace(runs.toString(), "DIR")
            .replace(runs.getParent().toString(), "ROOT")
        + "\n";
  }
}
