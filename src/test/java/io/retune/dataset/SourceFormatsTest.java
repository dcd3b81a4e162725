package io.retune.dataset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.github.luben.zstd.ZstdOutputStream;
import io.retune.config.DatasetSpec;
import io.retune.config.DatasetSpec.Format;
import io.retune.config.InvalidInputException;
import io.retune.config.Problem;
import io.retune.config.SourceSpec;
import io.retune.store.Sha256;
import io.retune.store.Sources;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SourceFormatsTest {
  private static final String LINES = "{\"a\":1,\"b\":\"ö\"}\n{\"a\":2}\n";

  @TempDir Path folder;
  private Workshop workshop;

  @BeforeEach
  void open() throws IOException {
    workshop = new Workshop(folder);
  }

  @Test
  void csvFieldsAreTextsWithWhateverStandsInQuotes() throws IOException {
    DatasetSpec spec =
        csv(
            "a.csv",
            "\uFEFFid,word,note\r\n"
                + "1,\"a, b\",\"say \"\"hi\"\"\"\r\n"
                + "\r\n"
                + "2,\"two\nlines\",\n"
                + "007, c ,\"\"");
    DatasetVersion version = workshop.datasets.ingest("words", spec, "");
    Dataset<Row> rows = workshop.datasets.rows(version).select("id", "word", "note");

    assertThat(rows.schema().simpleString()).isEqualTo("struct<id:string,word:string,note:string>");
    assertThat(rows.collectAsList().stream().map(row -> row.mkString("|")))
        .containsExactlyInAnyOrder("1|a, b|say \"hi\"", "2|two\nlines|", "007| c |");
  }

  @Test
  void anEmptyTextInTheOnlyColumnIsWrittenInQuotes() throws IOException {
    DatasetVersion version =
        workshop.datasets.ingest("words", csv("a.csv", "word\n\na\n\"\"\n\n"), "");
    assertThat(
            workshop.datasets.rows(version).select("word").collectAsList().stream()
                .map(row -> row.getString(0)))
        .containsExactlyInAnyOrder("a", "");
  }

  /** Spark takes such names for its own, or for unfinished files; the digest is of all of them. */
  @Test
  void filesThatSparkWouldPassOverAreRead() throws IOException {
    Path in = Files.createDirectory(folder.resolve("in"));
    for (String name : List.of("_a.txt", ".b.txt", "c.txt", "d.txt._COPYING_")) {
      Files.writeString(in.resolve(name), "text of " + name + "\n");
    }
    DatasetVersion version = workshop.datasets.ingest("words", folderOf(in, Format.TEXT), "");
    assertThat(workshop.datasets.rows(version).select("file", "text").collectAsList())
        .extracting(row -> row.mkString(": "))
        .containsExactlyInAnyOrder(
            "_a.txt: text of _a.txt",
            ".b.txt: text of .b.txt",
            "c.txt: text of c.txt",
            "d.txt._COPYING_: text of d.txt._COPYING_");
  }

  /** Hadoop takes the dots out of a path, and follows a link after that. */
  @Test
  void aFileIsTheSameByWhateverPathItIsNamed() throws IOException {
    Path in = Files.createDirectories(folder.resolve("in/deep"));
    Files.writeString(folder.resolve("in/a.txt"), "right\n");
    Files.writeString(folder.resolve("a.txt"), "wrong\n");
    Path link = Files.createSymbolicLink(folder.resolve("link"), in);
    for (String path :
        List.of("in/a.txt", "in/./deep/../a.txt", link.getFileName() + "/../a.txt")) {
      DatasetSpec spec = workshop.file(Path.of(folder + "/" + path), Format.TEXT, List.of());
      DatasetVersion version = workshop.datasets.ingest("words", spec, "");
      assertThat(version.version()).as(path).isEqualTo(1);
      assertThat(workshop.datasets.rows(version).select("file", "text").collectAsList())
          .extracting(row -> row.mkString(": "))
          .containsExactly("a.txt: right");
    }
  }

  @Test
  void everyCsvLineThatDoesNotFitIsNamed() throws IOException {
    Path in = Files.createDirectory(folder.resolve("in"));
    Files.writeString(in.resolve("a.csv"), "a,b\n1\n\"x\ny\",2\n1,2,3\n");
    Files.writeString(in.resolve("b.csv"), "a,b\n1,2\n3,a \"b\"\n5\n");
    Files.writeString(in.resolve("c.csv"), "a,b\n1,\"open\n\n");
    Files.writeString(in.resolve("d.csv"), "a,b\n\"1\"x,2\n");
    Files.writeString(in.resolve("e.csv"), "b,a\n1,2\n");
    Files.writeString(in.resolve("f.csv"), "");
    Files.write(in.resolve("g.csv"), new byte[] {'a', ',', 'b', '\n', (byte) 0xff, ',', '1'});
    Files.writeString(in.resolve("h.csv"), "a,A\n1,2\n");

    assertThat(problems(folderOf(in, Format.CSV)))
        .extracting(problem -> problem.place() + " " + problem.message())
        .containsExactly(
            "a.csv:2 has 1 field, the header 2.",
            "a.csv:5 has 3 fields, the header 2.",
            "b.csv:3 has a quote inside a field that does not begin with one.",
            "c.csv:2 has a quote that is never closed.",
            "d.csv:2 goes on behind the quote that closes a field.",
            "e.csv:1 has the header [b, a], a.csv has [a, b].",
            "f.csv has no header.",
            "g.csv is not UTF-8.",
            "h.csv:1 has two columns with the name \"A\".",
            "h.csv:1 has the header [a, A], a.csv has [a, b].");
    assertThat(workshop.datasets.versions("words")).isEmpty();
  }

  @Test
  void compressedLinesAreTheSameRowsUnderTheDigestOfTheCompressedFile() throws IOException {
    DatasetVersion plain =
        workshop.datasets.ingest("words", workshop.jsonl("a.jsonl", LINES), "plain");
    DatasetVersion gz =
        workshop.datasets.ingest(
            "gz", workshop.file(gzip("a.jsonl.gz", LINES), Format.JSONL, List.of()), "");
    DatasetSpec zst = workshop.file(zstd("a.jsonl.zst", LINES), Format.JSONL, List.of());
    DatasetVersion zstd = workshop.datasets.ingest("zst", zst, "");

    assertThat(gz.root()).isEqualTo(plain.root());
    assertThat(zstd.root()).isEqualTo(plain.root());
    assertThat(zstd.sourceSha256()).isEqualTo(zst.origin().sha256());
    try (Stream<Path> left = Files.list(folder.resolve("cache/sources"))) {
      assertThat(left).isEmpty();
    }
  }

  @Test
  void textAndCsvMayBeCompressedTooAndKeepTheirFilesNames() throws IOException {
    DatasetVersion text =
        workshop.datasets.ingest(
            "text", workshop.file(gzip("a.txt.gz", "one\ntwo\n"), Format.TEXT, List.of()), "");
    DatasetVersion csv =
        workshop.datasets.ingest(
            "csv", workshop.file(zstd("a.csv.zst", "a\n1\n"), Format.CSV, List.of()), "");

    assertThat(
            workshop.datasets.rows(text).select("file", "text").collectAsList().stream()
                .map(Row::mkString))
        .containsExactlyInAnyOrder("a.txt.gzone", "a.txt.gztwo");
    assertThat(workshop.datasets.rows(csv).select("a").first().getString(0)).isEqualTo("1");
  }

  @Test
  void aBadLineInACompressedFileIsNamedByFileAndLine() throws IOException {
    DatasetSpec spec =
        workshop.file(gzip("a.jsonl.gz", "{\"a\":1}\n{\"a\":\n"), Format.JSONL, List.of());
    assertThat(problems(spec)).extracting(Problem::place).containsExactly("a.jsonl.gz:2");
  }

  @Test
  void whatIsNotCompressedOrCutOffIsRefusedByName() throws IOException {
    Path in = Files.createDirectory(folder.resolve("in"));
    Files.writeString(in.resolve("a.jsonl.gz"), LINES);
    byte[] gz = Files.readAllBytes(gzip("b.jsonl.gz", LINES.repeat(100)));
    Files.write(in.resolve("b.jsonl.gz"), Arrays.copyOf(gz, gz.length - 9));
    byte[] zst = Files.readAllBytes(zstd("c.jsonl.zst", LINES.repeat(100)));
    Files.write(in.resolve("c.jsonl.zst"), Arrays.copyOf(zst, zst.length - 9));
    Files.writeString(in.resolve("d.jsonl.zst"), LINES);

    assertThat(problems(folderOf(in, Format.JSONL)))
        .hasSize(4)
        .allSatisfy(problem -> assertThat(problem.message()).startsWith("cannot be decompressed: "))
        .extracting(Problem::place)
        .containsExactly("a.jsonl.gz", "b.jsonl.gz", "c.jsonl.zst", "d.jsonl.zst");
    try (Stream<Path> left = Files.list(folder.resolve("cache/sources"))) {
      assertThat(left).isEmpty();
    }
  }

  @Test
  void parquetColumnsKeepTheirTypes() throws IOException {
    Path file =
        parquet("a.parquet", "SELECT 1L AS id, array('x') AS words, date'2026-01-02' AS day");
    DatasetVersion version =
        workshop.datasets.ingest("words", workshop.file(file, Format.PARQUET, List.of("id")), "");
    Dataset<Row> rows = workshop.datasets.rows(version).select("id", "words", "day");
    assertThat(rows.schema().simpleString())
        .isEqualTo("struct<id:bigint,words:array<string>,day:date>");
    assertThat(rows.first().mkString("|")).isEqualTo("1|ArraySeq(x)|2026-01-02");
  }

  @Test
  void parquetFilesOfOtherSchemasAndOtherFilesAreRefused() throws IOException {
    Path in = Files.createDirectory(folder.resolve("in"));
    Files.move(parquet("a.parquet", "SELECT 1 AS id"), in.resolve("a.parquet"));
    Files.move(parquet("b.parquet", "SELECT 'x' AS id"), in.resolve("b.parquet"));

    assertThat(problems(folderOf(in, Format.PARQUET)))
        .extracting(Problem::toString)
        .containsExactly(
            "b.parquet: has the columns struct<id:string>, a.parquet has struct<id:int>. [columns-differ]\n"
                + "  Give files of one schema, or make them datasets of their own.");
    Files.writeString(in.resolve("_SUCCESS"), "");
    assertThat(problems(folderOf(in, Format.PARQUET)))
        .extracting(Problem::toString)
        .containsExactly(
            "_SUCCESS: is no Parquet file. [malformed-parquet]\n  Write it again; or name the files with a glob, as in *.parquet.");
  }

  @Test
  void damagedPagesOfParquetAreToldByFile() throws IOException {
    Path file = parquet("a.parquet", "SELECT repeat('harbor ', 1000) AS text");
    byte[] bytes = Files.readAllBytes(file);
    // Behind the magic number comes the header of the first page.
    Arrays.fill(bytes, 4, 24, (byte) 0xff);
    Files.write(file, bytes);

    assertThat(problems(workshop.file(file, Format.PARQUET, List.of())))
        .extracting(Problem::toString)
        .containsExactly(
            "a.parquet: is a damaged Parquet file. [malformed-parquet]\n  Write it again.");
  }

  @Test
  void parquetFilesThatSparkWouldPassOverAreRead() throws IOException {
    Path in = Files.createDirectory(folder.resolve("in"));
    Files.move(parquet("a.parquet", "SELECT 1 AS id"), in.resolve("_a.parquet"));
    Files.move(parquet("b.parquet", "SELECT 2 AS id"), in.resolve(".b.parquet"));

    DatasetVersion version = workshop.datasets.ingest("words", folderOf(in, Format.PARQUET), "");
    assertThat(workshop.datasets.rows(version).select("id").collectAsList())
        .extracting(row -> row.getInt(0))
        .containsExactlyInAnyOrder(1, 2);
  }

  private DatasetSpec csv(String name, String content) throws IOException {
    return workshop.file(name, content, Format.CSV, List.of());
  }

  private Path gzip(String name, String content) throws IOException {
    Path file = folder.resolve(name);
    try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(file))) {
      out.write(content.getBytes(StandardCharsets.UTF_8));
    }
    return file;
  }

  private Path zstd(String name, String content) throws IOException {
    Path file = folder.resolve(name);
    try (OutputStream out = new ZstdOutputStream(Files.newOutputStream(file))) {
      out.write(content.getBytes(StandardCharsets.UTF_8));
    }
    return file;
  }

  private Path parquet(String name, String query) throws IOException {
    Path written = folder.resolve(name + ".written");
    workshop.spark.sql(query).coalesce(1).write().parquet(written.toString());
    try (Stream<Path> files = Files.list(written)) {
      Path part = files.filter(f -> f.toString().endsWith(".parquet")).findFirst().orElseThrow();
      return Files.copy(part, folder.resolve(name));
    }
  }

  private DatasetSpec folderOf(Path in, Format format) {
    String source = "file:" + in;
    Sha256 sha256 =
        new Sources(folder.resolve("cache"), new Configuration()).digestOf(source, "data.source");
    return new DatasetSpec(
        new SourceSpec(source, sha256.hex()),
        format,
        Optional.empty(),
        List.of(),
        "CC0-1.0",
        "public",
        List.of());
  }

  private List<Problem> problems(DatasetSpec spec) {
    return catchThrowableOfType(
            InvalidInputException.class, () -> workshop.datasets.ingest("words", spec, ""))
        .problems();
  }
}
