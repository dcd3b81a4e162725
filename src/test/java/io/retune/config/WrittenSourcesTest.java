package io.retune.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.retune.config.WrittenSources.Unpinned;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WrittenSourcesTest {
  private static final String DIGEST = "1".repeat(63) + "a";
  private static final String COMMIT = "0123456789abcdef0123456789abcdef01234567";

  @TempDir Path folder;

  private Path write(String name, String text) throws IOException {
    Path file = folder.resolve(name);
    Files.createDirectories(file.getParent());
    return Files.writeString(file, text);
  }

  /** Every source that is not pinned, with the digest above, and at the commit or version 7. */
  private static List<String> pinAll(Path file) {
    WrittenSources sources = WrittenSources.of(file);
    List<String> said = new ArrayList<>();
    for (Unpinned unpinned : sources.unpinned()) {
      String source =
          HubSource.parse(unpinned.source())
              .map(hub -> hub.at(COMMIT).toString())
              .orElse(unpinned.source().replaceFirst("^(delta:.*[^0-9])$", "$1@7"));
      said.addAll(sources.pin(unpinned, new SourceSpec(source, DIGEST)));
    }
    sources.write();
    return said;
  }

  private void assertPinned(String before, String after) throws IOException {
    Path file = write("run.conf", before);
    pinAll(file);
    assertThat(Files.readString(file))
        .isEqualTo(after.replace("DIGEST", DIGEST).replace("COMMIT", COMMIT));
    assertThat(WrittenSources.of(file).unpinned()).isEmpty();
  }

  @Test
  void valuesAreWrittenInPlaceAndEverythingElseStays() throws IOException {
    assertPinned(
        """
        # A model, source = "x"
        model {
          source  = "hf://models/a/b@main"   # the newest
          licence = mine
        }
        data.datasets.mine = { source = "file:a.jsonl", sha256 = ..., format = jsonl }   // source = "x"
        data {
          datasets."my-other" { format = csv, source : "file:b.csv" }
          datasets.third {
            source  = "pip:a==1!b"
            sha256  = "0000000000000000000000000000000000000000000000000000000000000000"  # later
          }
        }
        order { steps = x }
        """,
        """
        # A model, source = "x"
        model {
          source  = "hf://models/a/b@COMMIT"   # the newest
          sha256  = DIGEST
          licence = mine
        }
        data.datasets.mine = { source = "file:a.jsonl", sha256 = DIGEST, format = jsonl }   // source = "x"
        data {
          datasets."my-other" { format = csv, source : "file:b.csv", sha256 = DIGEST }
          datasets.third {
            source  = "pip:a==1!b"
            sha256  = "DIGEST"  # later
          }
        }
        order { steps = x }
        """);
  }

  @Test
  void keysMayBePathsAndLinesMayEndAsWindowsEndsThem() throws IOException {
    assertPinned(
        "model.source = \"file:m.gguf\"\r\ndata.datasets.\"a\".source = \"delta:/t\"",
        "model.source = \"file:m.gguf\"\r\nmodel.sha256 = DIGEST\r\n"
            + "data.datasets.\"a\".source = \"delta:/t@7\"\ndata.datasets.\"a\".sha256 = DIGEST");
  }

  @Test
  void aKeyInQuotesStaysOne() throws IOException {
    assertPinned(
        """
        "model" { "source": "file:m.gguf" }
        "data" {
          "datasets" {
            "a" {
              "source" : "file:a.jsonl"
              "format" : "jsonl"
            }
            b."source" = "file:b"
          }
        }
        """,
        """
        "model" { "source": "file:m.gguf", "sha256" = DIGEST }
        "data" {
          "datasets" {
            "a" {
              "source" : "file:a.jsonl"
              "sha256" : DIGEST
              "format" : "jsonl"
            }
            b."source" = "file:b"
            b."sha256" = DIGEST
          }
        }
        """);
  }

  @Test
  void quotesAndLineEndsOfAQueryAreUnderstood() throws IOException {
    assertPinned(
        "model { source = \"file:m\", sha256 = "
            + "2".repeat(64)
            + " }\n"
            + "data.datasets.a { source = \"sql:SELECT \\\"x\\\" FROM t VERSION AS OF 1\" }\n"
            + "data.datasets.b {\n  source = \"\"\"sql:SELECT \"y\"\n FROM t\"\"\"\n}\n",
        "model { source = \"file:m\", sha256 = "
            + "2".repeat(64)
            + " }\n"
            + "data.datasets.a { source = \"sql:SELECT \\\"x\\\" FROM t VERSION AS OF 1\", sha256 ="
            + " DIGEST }\n"
            + "data.datasets.b {\n  source = \"\"\"sql:SELECT \"y\"\n FROM t\"\"\"\n  sha256 = DIGEST\n}\n");
  }

  @Test
  void whatIsPinnedStaysAsItIs() throws IOException {
    String pinned =
        "model { source = \"file:m\", sha256 = "
            + DIGEST
            + " }\n"
            + "data.datasets.a { source = \"delta:/t@3\", sha256 = "
            + DIGEST
            + " }\n";
    assertPinned(pinned, pinned);
  }

  @Test
  void anIncludedFileIsChangedWhereTheSourceStands() throws IOException {
    Path model = write("conf/models/m.conf", "source = \"file:m.gguf\"\n");
    Path file =
        write(
            "conf/runs/run.conf",
            """
            model { include "../models/m.conf" }
            data.datasets.a.source = "file:a.csv"
            """);
    assertThat(pinAll(file))
        .containsExactly(
            folder + "/conf/models/m.conf:1: model.sha256 = " + DIGEST,
            file + ":2: data.datasets.a.sha256 = " + DIGEST);
    assertThat(Files.readString(model))
        .isEqualTo("source = \"file:m.gguf\"\nsha256 = " + DIGEST + "\n");
  }

  @Test
  void whatIsPutTogetherIsLeftToItsWriter() throws IOException {
    Path file =
        write(
            "run.conf",
            "name = m, model { source = \"file:\"${name}\".gguf\" }\n"
                + "data.datasets.a { source = \"file:a\", sha256 = "
                + DIGEST
                + " }\n");
    WrittenSources sources = WrittenSources.of(file);
    assertThat(
            catchThrowableOfType(
                InvalidInputException.class,
                () ->
                    sources.pin(sources.unpinned().get(0), new SourceSpec("file:m.gguf", DIGEST))))
        .hasMessage(
            file
                + ":1: cannot be changed in place: the value is put together, or there are two of"
                + " it. [not-pinnable]\n  Write it yourself: model.sha256 = "
                + DIGEST);
  }

  @Test
  void sourcesThatCannotBePinnedAreAllNamed() throws IOException {
    Path file =
        write(
            "run.conf",
            """
            model { source = "hf://datasets/a/b@main!x" }
            data.datasets {
              a { source = "pip:a!b" }
              b { source = "hf:a/b" }
              c { sha256 = 0 }
            }
            """);
    assertThat(
            catchThrowableOfType(InvalidInputException.class, () -> pinAll(file))
                .getMessage()
                .replace(file.toString(), "FILE"))
        .startsWith(
            """
            FILE:1: model.source = "hf://datasets/a/b@main!x" is a dataset. [not-a-source]
              Expected hf://models/ORG/NAME@COMMIT.
            FILE:3: data.datasets.a.source = "pip:a!b" names no exact version, so its bytes may change. [source-moves]
              Pin it: pip:a==VERSION!path.
            FILE:4: data.datasets.b.source = "hf:a/b" is no source on the hub. [not-a-source]
              Expected hf://datasets/ORG/NAME@COMMIT!path.
            FILE:5: data.datasets.c.source is missing. [missing-key]
              Expected file:PATH, pip:""");
  }

  @Test
  void aRecipeIsToldWhatWritesItsPins() throws IOException {
    Path file =
        write(
            "run.conf",
            ConfigLoaderTest.SMALLEST
                .replaceFirst("model \\{.*\\}", "model.source = \"hf://models/a/b\"")
                .replaceFirst("\"file:lines.txt\"", "\"delta:/t\""));
    assertThat(
            catchThrowableOfType(
                    InvalidInputException.class, () -> ConfigLoader.load(file, List.of()))
                .getMessage()
                .replace(file.toString(), "FILE"))
        .isEqualTo(
            """
            FILE:2: model.source = "hf://models/a/b" names no commit but "main", which may be moved. [source-moves]
              ./retune pin CONF writes the commit of now.
            FILE:2: model.sha256 is missing. [missing-key]
              Expected 64 lower-case hexadecimal digits; ./retune pin CONF writes it.
            FILE:4: data.datasets.lines.source = "delta:/t" names no version, so its rows may change. [source-moves]
              ./retune pin CONF writes the newest: delta:/t@VERSION.
            FILE:4: data.datasets.lines.format = "text" is given for a table. [keys-conflict]
              Leave it out: a table has its own columns.""");
  }
}
