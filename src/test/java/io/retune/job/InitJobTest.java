package io.retune.job;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.retune.config.ConfigLoader;
import io.retune.config.Experiment;
import io.retune.config.InvalidInputException;
import io.retune.config.Recipe;
import io.retune.config.Site;
import io.retune.config.SiteForTests;
import io.retune.config.SourceSpec;
import io.retune.dataset.Preparation;
import io.retune.dataset.SparkForTests;
import io.retune.job.DryRun.Findings;
import io.retune.store.Sources;
import io.retune.store.Store;
import io.retune.text.RenderedChat;
import io.retune.text.Token;
import io.retune.text.Tokenizer;
import io.retune.train.TinyDecoder;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.IntFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class InitJobTest {
  private static final int ROWS = 40;

  /**
   * As somebody's file may be, what of a row is rendered, and what of that is trained; a row as
   * JSON has ' for ".
   */
  record File(
      String title,
      String name,
      IntFunction<String> row,
      IntFunction<String> text,
      IntFunction<String> trained) {
    private static String said(String role, String content) {
      return "{'role':'%s','content':'%s'}".formatted(role, content);
    }

    private static String chat(String... rolesAndContents) {
      StringBuilder text = new StringBuilder();
      for (int i = 0; i < rolesAndContents.length; i += 2) {
        text.append("<|im_start|>").append(rolesAndContents[i]).append('\n');
        text.append(rolesAndContents[i + 1]).append("<|im_end|>\n");
      }
      return text.toString();
    }

    @Override
    public String toString() {
      return title;
    }

    Path write(Path folder) throws IOException {
      Path file = Files.createDirectories(folder).resolve(name);
      if (name.endsWith(".parquet")) {
        return parquet(file);
      }
      byte[] text = lines().getBytes(UTF_8);
      try (OutputStream out = Files.newOutputStream(file)) {
        if (name.endsWith(".gz")) {
          GZIPOutputStream packed = new GZIPOutputStream(out);
          packed.write(text);
          packed.finish();
        } else {
          out.write(text);
        }
      }
      return file;
    }

    private String lines() {
      String header = name.endsWith(".csv") ? row.apply(-1) + "\n" : "";
      boolean tale = name.endsWith(".txt");
      return IntStream.range(0, ROWS)
          .mapToObj(i -> tale ? row.apply(i) + "\r\n\r" : row.apply(i).replace('\'', '"'))
          .collect(Collectors.joining("\n", header, "\n"));
    }

    private Path parquet(Path file) throws IOException {
      SparkSession spark = SparkForTests.session();
      Path folder = file.resolveSibling("written");
      spark
          .read()
          .json(spark.createDataset(lines().lines().toList(), Encoders.STRING()))
          .coalesce(1)
          .write()
          .parquet(folder.toString());
      try (Stream<Path> parts = Files.list(folder)) {
        Path part = parts.filter(p -> p.toString().endsWith(".parquet")).findFirst().orElseThrow();
        return Files.move(part, file);
      }
    }
  }

  static Stream<File> files() {
    return Stream.of(
        new File(
            "messages",
            "a.jsonl",
            i ->
                "{'messages':[%s,%s]}"
                    .formatted(File.said("user", "Ask " + i), File.said("assistant", "Say " + i)),
            i -> File.chat("user", "Ask " + i, "assistant", "Say " + i),
            i -> "Say " + i + "<|im_end|>"),
        new File(
            "messages with system",
            "a.jsonl",
            i ->
                "{'messages':[%s,%s,%s]}"
                    .formatted(
                        File.said("system", "Be brief"),
                        File.said("user", "Ask " + i),
                        File.said("assistant", "Say " + i)),
            i -> File.chat("system", "Be brief", "user", "Ask " + i, "assistant", "Say " + i),
            i -> "Say " + i + "<|im_end|>"),
        new File(
            "messages with more",
            "a.jsonl",
            i ->
                ("{'id':%d,'messages':[{'role':'user','content':'Ask %1$d','name':'Ann','weight':0},"
                        + "{'role':'assistant','content':'Say %1$d','weight':1},"
                        + "{'role':'user','content':'More','name':null},"
                        + "{'role':'assistant','content':'And %1$d'}],'meta':{'from':'here'}}")
                    .formatted(i),
            i ->
                File.chat(
                    "user",
                    "Ask " + i,
                    "assistant",
                    "Say " + i,
                    "user",
                    "More",
                    "assistant",
                    "And " + i),
            i -> "Say " + i + "<|im_end|>And " + i + "<|im_end|>"),
        new File(
            "sharegpt",
            "a.jsonl",
            i ->
                "{'id':'x%d','conversations':[{'from':'human','value':'Ask %1$d'},{'from':'gpt','value':'Say %1$d'}]}"
                    .formatted(i),
            i -> File.chat("user", "Ask " + i, "assistant", "Say " + i),
            i -> "Say " + i + "<|im_end|>"),
        new File(
            "sharegpt with system",
            "a.jsonl",
            i ->
                "{'system':'%s','conversations':[{'from':'human','value':'Ask %d'},{'from':'gpt','value':'Say %2$d'}]}"
                    .formatted(i % 2 == 0 ? "Be brief" : "", i),
            i ->
                i % 2 == 0
                    ? File.chat("system", "Be brief", "user", "Ask " + i, "assistant", "Say " + i)
                    : File.chat("user", "Ask " + i, "assistant", "Say " + i),
            i -> "Say " + i + "<|im_end|>"),
        new File(
            "alpaca",
            "a.jsonl",
            i ->
                "{'instruction':'Ask %d','input':'%s','output':'Say %1$d'}"
                    .formatted(i, i % 2 == 0 ? "of it" : ""),
            i ->
                File.chat(
                    "user", "Ask " + i + (i % 2 == 0 ? "\n\nof it" : ""), "assistant", "Say " + i),
            i -> "Say " + i + "<|im_end|>"),
        new File(
            "alpaca without input",
            "a.jsonl",
            i -> "{'instruction':'Ask %d','output':'Say %1$d'}".formatted(i),
            i -> File.chat("user", "Ask " + i, "assistant", "Say " + i),
            i -> "Say " + i + "<|im_end|>"),
        new File(
            "prompt and completion",
            "a.jsonl",
            i -> "{'prompt':'Ask %d','completion':'Say %1$d'}".formatted(i),
            i -> File.chat("user", "Ask " + i, "assistant", "Say " + i),
            i -> "Say " + i + "<|im_end|>"),
        new File(
            "question and answer",
            "a.jsonl",
            i -> "{'id':%d,'question':'What of %1$d?','answer':%1$d}".formatted(i),
            i -> File.chat("user", "What of " + i + "?", "assistant", "" + i),
            i -> i + "<|im_end|>"),
        new File(
            "instruction and response",
            "a.jsonl",
            i ->
                "{'instruction':'Name it','context':'Of %d','response':'It is %1$d','category':'x'}"
                    .formatted(i),
            i -> File.chat("user", "Name it\n\nOf " + i, "assistant", "It is " + i),
            i -> "It is " + i + "<|im_end|>"),
        new File(
            "raw text",
            "a.jsonl",
            i -> "{'text':'Once there was a number %d.'}".formatted(i),
            i -> "Once there was a number " + i + ".",
            i -> "Once there was a number " + i + "."),
        new File(
            "text file",
            "a tale.txt",
            i -> "The %d of \"many\", 'tis said: 100%% <|im_end|>".formatted(i),
            i -> "The " + i + " of \"many\", 'tis said: 100% <|im_end|>",
            i -> "The " + i + " of \"many\", 'tis said: 100% <|im_end|>"),
        new File(
            "csv of questions and answers",
            "a.csv",
            i -> i < 0 ? "id,question,answer" : "%d,'What, of %1$d?','It''s\n%1$d'".formatted(i),
            i -> File.chat("user", "What, of " + i + "?", "assistant", "It\"s\n" + i),
            i -> "It\"s\n" + i + "<|im_end|>"),
        new File(
            "csv of texts in a column that SQL quotes",
            "a.csv",
            i -> i < 0 ? "текст-`1`" : "Once there was a number %d.".formatted(i),
            i -> "Once there was a number " + i + ".",
            i -> "Once there was a number " + i + "."),
        new File(
            "csv of instructions",
            "a.csv",
            i ->
                i < 0
                    ? "instruction,input,output"
                    : "Ask %d,%s,Say %1$d".formatted(i, i % 2 == 0 ? "of it" : ""),
            i ->
                File.chat(
                    "user", "Ask " + i + (i % 2 == 0 ? "\n\nof it" : ""), "assistant", "Say " + i),
            i -> "Say " + i + "<|im_end|>"),
        new File(
            "compressed messages",
            "a.jsonl.gz",
            i ->
                "{'messages':[%s,%s]}"
                    .formatted(File.said("user", "Ask " + i), File.said("assistant", "Say " + i)),
            i -> File.chat("user", "Ask " + i, "assistant", "Say " + i),
            i -> "Say " + i + "<|im_end|>"),
        new File(
            "parquet of messages",
            "a.parquet",
            i ->
                "{'id':%d,'messages':[%s,%s]}"
                    .formatted(
                        i, File.said("user", "Ask " + i), File.said("assistant", "Say " + i)),
            i -> File.chat("user", "Ask " + i, "assistant", "Say " + i),
            i -> "Say " + i + "<|im_end|>"));
  }

  private Path folder;
  private Path model;
  private Sources sources;
  private final SparkSession spark = SparkForTests.session();

  @BeforeAll
  void open(@TempDir Path folder) throws IOException {
    this.folder = folder;
    this.sources = new Sources(folder.resolve("cache"), new Configuration());
    Store elsewhere = Store.open(folder.resolve("models").toString(), new Configuration());
    this.model = elsewhere.localPath("models", TinyDecoder.into(elsewhere));
  }

  private Workspace workspace() {
    return Workspace.withoutStore(SiteForTests.in(folder), true);
  }

  private Path init(Path directory, Path data) {
    return new InitJob(workspace()).execute(directory, data, Optional.of(model.toString()), false);
  }

  @ParameterizedTest
  @MethodSource("files")
  void whatItWritesRendersTheFileAsItIsMeant(File file) throws IOException {
    Path home = folder.resolve(file.title());
    Path conf = init(home, file.write(home));
    Experiment experiment = ConfigLoader.load(conf, List.of());
    Recipe recipe = experiment.recipe();
    assertThat(experiment.unexplained()).isEmpty();

    Map<String, String> trainedByText = new TreeMap<>();
    Site site = SiteForTests.in(folder);
    try (ScratchStore scratch = ScratchStore.open(site)) {
      // What check does. The session is that of all tests, so the workspace is not closed.
      Workspace workspace = Workspace.open(scratch.site(), true);
      Findings found = new DryRun(workspace, scratch, site, recipe).findings();
      Preparation preparation = new Preparation(spark, workspace.store());
      try (Tokenizer tokenizer = Tokenizer.open(found.model().directory())) {
        for (Row row : preparation.examples(found.snapshot()).collectAsList()) {
          trainedByText.put(row.getAs("text"), trained(tokenizer, row));
        }
      }
      assertThat(found.snapshot().evaluationExamples()).isBetween(4L, 12L);
      assertThat(found.plan().steps()).hasSize(recipe.order().steps().orElseThrow());
    }
    assertThat(trainedByText)
        .isEqualTo(
            IntStream.range(0, ROWS)
                .boxed()
                .collect(Collectors.toMap(file.text::apply, file.trained::apply)));
  }

  private static String trained(Tokenizer tokenizer, Row row) {
    List<Integer> ids = row.getList(row.fieldIndex("input_ids"));
    List<Boolean> mask = row.getList(row.fieldIndex("trained"));
    boolean[] trained = new boolean[mask.size()];
    for (int i = 0; i < trained.length; i++) {
      trained[i] = mask.get(i);
    }
    RenderedChat chat =
        new RenderedChat(
            row.getAs("text"), ids.stream().mapToInt(Integer::intValue).toArray(), trained);
    return tokenizer.tokens(chat).stream()
        .filter(Token::trained)
        .map(Token::text)
        .collect(Collectors.joining());
  }

  @Test
  void aShapeThatIsNotKnownIsToldWithWhatIsUnderstood() throws IOException {
    Path data =
        Files.writeString(
            folder.resolve("pairs.jsonl"),
            "{\"prompt\":\"Ask\",\"chosen\":\"a\",\"rejected\":\"b\",\"score\":1,\"tags\":[\"x\"]}\n");
    assertThatThrownBy(() -> init(folder.resolve("unknown"), data))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageStartingWith(
            "--data "
                + data
                + ": has rows of a shape that is not understood: its columns are prompt (text),"
                + " chosen (text), rejected (text), score (numbers), tags (nested). [unknown-shape]\n"
                + "  Understood are: messages = [{ role, content }];");
    assertThat(folder.resolve("unknown")).doesNotExist();
  }

  @Test
  void lengthsDecideThePortions() throws IOException {
    List<String> rows = new ArrayList<>();
    for (int i = 0; i < 300; i++) {
      rows.add(
          "{\"prompt\":\"Ask %d\",\"completion\":\"%s\"}".formatted(i, "word ".repeat(i % 70)));
    }
    Path data = Files.write(folder.resolve("long.jsonl"), rows);
    Recipe recipe = ConfigLoader.load(init(folder.resolve("long"), data), List.of()).recipe();
    // The longest has 345 bytes of answer and about 50 around it; the model's context is 512.
    assertThat(recipe.order().tokensPerMicroBatch()).isEqualTo(512);
    assertThat(recipe.model())
        .isEqualTo(
            new SourceSpec("file:" + model, sources.digestOf("file:" + model, "a test").hex()));
  }

  @ParameterizedTest
  @ValueSource(strings = {"true", "false", "null", "2024", "1e5", "include", "yes"})
  void aNameThatHoconTakesForAnotherValueIsAName(String name) throws IOException {
    String rows =
        "{\"prompt\":\"Ask\",\"completion\":\"Say\"}\n{\"prompt\":\"Ask too\",\"completion\":\"Say\"}\n";
    Path data = Files.writeString(folder.resolve(name + ".jsonl"), rows);
    Recipe recipe = ConfigLoader.load(init(folder.resolve("named"), data), List.of()).recipe();
    assertThat(recipe.name()).isEqualTo(name);
    assertThat(recipe.data().datasets()).containsOnlyKeys(name);
  }

  @Test
  void nothingIsOverwritten() throws IOException {
    Path home = folder.resolve("twice");
    Path data = files().findFirst().orElseThrow().write(home);
    Path conf = init(home, data);
    String before = Files.readString(conf);
    assertThatThrownBy(() -> init(home, data))
        .hasMessage(
            conf
                + ": is there already, and nothing is overwritten. [output-exists]\n"
                + "  Give another DIR, or move the file away.");
    assertThat(Files.readString(conf)).isEqualTo(before);
  }

  @Test
  void twoRowsAreEnoughAndOneIsNot() throws IOException {
    String row = "{\"question\":\"%s?\",\"answer\":\"No.\"}\n";
    Path one = Files.writeString(folder.resolve("one.jsonl"), row.formatted("Is it"));
    assertThatThrownBy(() -> init(folder.resolve("few"), one))
        .hasMessageContaining("has one example");
    Path two = folder.resolve("two.jsonl");
    Files.writeString(two, row.formatted("Is it") + row.formatted("Was it"));
    assertThat(init(folder.resolve("few"), two)).exists();
  }

  @Test
  void theUsualModelIsTheQuickstarts() {
    Path home = Path.of(System.getProperty("retune.home", ""));
    Recipe quickstart =
        ConfigLoader.load(home.resolve("conf/runs/quickstart.conf"), List.of()).recipe();
    assertThat(InitJob.USUAL_MODEL).isEqualTo(quickstart.model());
  }
}
