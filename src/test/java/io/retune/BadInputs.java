package io.retune;

import io.retune.config.ConfigLoader;
import io.retune.config.Experiment;
import io.retune.config.Recipe;
import io.retune.dataset.DatasetVersion;
import io.retune.dataset.Datasets;
import io.retune.dataset.Preparation;
import io.retune.dataset.Snapshot;
import io.retune.dataset.SparkForTests;
import io.retune.evaluate.Comparison;
import io.retune.evaluate.GroupComparison;
import io.retune.job.RunId;
import io.retune.lineage.Journal;
import io.retune.lineage.JournalEntry;
import io.retune.lineage.JournalEntry.Asked;
import io.retune.lineage.JournalEntry.Declared;
import io.retune.lineage.JournalEntry.Ended;
import io.retune.lineage.LineageTables;
import io.retune.model.AdapterFiles;
import io.retune.model.AdapterLayout;
import io.retune.model.GgufBytes;
import io.retune.model.ImportedModel;
import io.retune.model.ModelImporter;
import io.retune.plan.Plan;
import io.retune.plan.Planner;
import io.retune.store.Json;
import io.retune.store.Lease;
import io.retune.store.Sha256;
import io.retune.store.Sources;
import io.retune.store.Store;
import io.retune.train.TinyDecoder;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.sql.SparkSession;

/**
 * What bad inputs are made of, and the program that they are given to. In the folder of each lie,
 * where it names them:
 *
 * <ul>
 *   <li>{@code base.conf} and {@code site.conf}, both without a mistake
 *   <li>{@code tiny}: a small model; {@code tiny.gguf}: a smaller one
 *   <li>{@code chats.jsonl}, {@code many.jsonl}, {@code words.csv}, {@code words.parquet}: rows
 *   <li>{@code table}: a Delta table of two versions; {@code swept}: one whose first is gone
 *   <li>{@code retune-store}: a store with the finished run {@code bad-a7937b64b8} of base.conf,
 *       and with one that is only begun, {@code bad-16367aacb6}
 * </ul>
 *
 * Beside a text a given file may be: {@code copy of FILE}, {@code first N bytes of FILE}, {@code
 * FILE with TEXT for TEXT}, {@code gzip of FILE}, {@code bytes HEX}, {@code N times TEXT}, {@code
 * not there}, or {@code held} by a driver.
 */
final class BadInputs implements AutoCloseable {
  private static final List<String> PARTS =
      List.of(
          "base.conf",
          "site.conf",
          "tiny",
          "tiny.gguf",
          "chats.jsonl",
          "many.jsonl",
          "words.csv",
          "words.parquet",
          "table",
          "swept",
          "retune-store");

  private static final Pattern DIGEST = Pattern.compile("@sha256\\(([^)]*)\\)");

  private static final int ROWS = 40;

  /** More than there may be groups. */
  private static final int MANY_ROWS = 60;

  private final Path fixtures;
  private final Path work;
  private final WrongServer server = new WrongServer();
  private final List<Lease> leases = new ArrayList<>();

  /** What one command said and left. */
  record Outcome(int exit, String stderr, String stdout, List<String> changed) {}

  BadInputs(Path folder) throws IOException {
    fixtures = Files.createDirectories(folder.resolve("fixtures"));
    work = Files.createDirectories(folder.resolve("work"));
    rows();
    model();
    tables();
    configuration();
    runs();
  }

  private void rows() throws IOException {
    Files.write(fixtures.resolve("chats.jsonl"), chats(ROWS));
    Files.write(fixtures.resolve("many.jsonl"), chats(MANY_ROWS));
    Files.writeString(
        fixtures.resolve("words.csv"), "word,gloss\nharbor,a shelter\nviolin,\"a, b\"\n");
  }

  private static List<String> chats(int rows) {
    return IntStream.range(0, rows)
        .mapToObj(
            i ->
                ("{\"id\":%d,\"lemma\":\"word%1$d\",\"messages\":[{\"role\":\"user\",\"content\":\"What is %1$d?\"},"
                        + "{\"role\":\"assistant\",\"content\":\"A number.\"}]}")
                    .formatted(i))
        .toList();
  }

  private void model() throws IOException {
    Store models = Store.open(work.resolve("models").toString(), new Configuration());
    Files.move(models.localPath("models", TinyDecoder.into(models)), fixtures.resolve("tiny"));
    Files.write(fixtures.resolve("tiny.gguf"), GgufBytes.whole().bytes());
  }

  private void tables() throws IOException {
    SparkSession spark = SparkForTests.session();
    var words = spark.sql("SELECT 'a' AS word, 1L AS n UNION ALL SELECT 'b', 2L").coalesce(1);
    words.write().parquet(work.resolve("parquet").toString());
    try (Stream<Path> files = Files.list(work.resolve("parquet"))) {
      Path part = files.filter(f -> f.toString().endsWith(".parquet")).findFirst().orElseThrow();
      Files.move(part, fixtures.resolve("words.parquet"));
    }
    String table = fixtures.resolve("table").toString();
    words.write().format("delta").save(table);
    words.write().format("delta").mode("overwrite").save(table);
    copy(fixtures.resolve("table"), fixtures.resolve("swept"));
    try (Stream<Path> files = Files.list(fixtures.resolve("swept/_delta_log"))) {
      for (Path first : files.filter(f -> f.toString().contains("0000.")).toList()) {
        Files.delete(first);
      }
    }
  }

  private void configuration() throws IOException {
    Files.writeString(
        fixtures.resolve("base.conf"),
        """
        name = bad
        model { source = "file:@/tiny", sha256 = @sha256(tiny) }
        data {
          datasets.words { source = "file:@/chats.jsonl", sha256 = @sha256(chats.jsonl), format = jsonl, licence = own, privacy = public }
          prepare = [
            { name = held-out, split = { evaluation = 0.3, by = id, seed = 7 } }
            { name = chat, render = { messages = messages } }
          ]
        }
        order { steps = 2, micro-batches = 2, tokens-per-micro-batch = 128 }
        """);
    Files.writeString(
        fixtures.resolve("site.conf"),
        """
        store = "@/store", cache = "@/cache", master = "local[2]", lanes = 1, offline = true
        """);
  }

  /** The way of a row up to the training, and two runs as their journals tell them. */
  private void runs() throws IOException {
    Path conf = Files.createDirectories(work.resolve("made")).resolve("base.conf");
    Files.writeString(conf, filled(Files.readString(fixtures.resolve("base.conf")), fixtures));
    Experiment experiment = ConfigLoader.load(conf, List.of());
    Recipe recipe = experiment.recipe();
    SparkSession spark = SparkForTests.session();
    Store store = Store.open(fixtures.resolve("retune-store").toString(), new Configuration());
    Sources sources = new Sources(work.resolve("cache"), new Configuration());
    ImportedModel model = new ModelImporter(store, sources).importModel(recipe.model());
    DatasetVersion words =
        new Datasets(spark, store, sources)
            .ingest("words", recipe.data().datasets().get("words"), "");
    new LineageTables(spark, store).add(words);
    Snapshot snapshot =
        new Preparation(spark, store)
            .snapshotFor(
                recipe.data(),
                new TreeMap<>(Map.of("words", words)),
                model.directory(),
                model.sha256(),
                () -> {});
    Plan plan = new Planner(spark, store).planFor(snapshot, recipe.order());
    for (String request : List.of("first", "second")) {
      String run = RunId.of(recipe.name(), request);
      try (Lease lease = Lease.take(store, store.path("runs", run), "The run " + run);
          Journal journal = Journal.open(store, run, lease)) {
        journal.append(
            new Declared(
                run,
                request,
                Asked.of(experiment),
                recipe.model(),
                model.sha256().hex(),
                List.of(words),
                snapshot,
                plan.key(),
                plan.root().hex(),
                plan.manifestSha256(),
                plan.evaluationSha256(),
                plan.steps().size(),
                0,
                0));
        if (request.equals("first")) {
          journal.append(ended(store, run, model, recipe));
        }
      }
      noteRecorded(store, run);
    }
  }

  /** As if the tables had it, which are made of the journal and named by no mistake. */
  private static void noteRecorded(Store store, String run) {
    List<JournalEntry> entries = new ArrayList<>();
    Journal.read(store, run, entries::add);
    JournalEntry last = entries.get(entries.size() - 1);
    Map<String, Object> recorded =
        Map.of("bytes", Journal.bytes(store, run), "entry", last.entry(), "seal", last.seal());
    store.write(
        store.path("runs", run, "recorded.json"),
        Json.write(recorded).getBytes(StandardCharsets.UTF_8));
  }

  /** With an adapter that changes nothing. */
  private static Ended ended(Store store, String run, ImportedModel model, Recipe recipe)
      throws IOException {
    AdapterLayout layout = AdapterLayout.of(model.config(), recipe.train().lora());
    AdapterFiles.write(
        store,
        store.path("runs", run, "adapter"),
        layout,
        new float[layout.size()],
        recipe.train().lora(),
        "tiny");
    return new Ended(
        Sha256.of(store.localPath("runs", run, "adapter", AdapterFiles.WEIGHTS)).hex(),
        "runs/" + run + "/adapter",
        List.of(new GroupComparison(GroupComparison.WHOLE, 9, 90, new Comparison(3, 3, -1, 1))),
        List.of(),
        new TreeMap<>());
  }

  /** Makes the mistake. */
  Outcome said(BadInput input) throws IOException {
    Path folder = Files.createTempDirectory(work, "case-");
    UnaryOperator<String> here = text -> filled(text, folder);
    for (String part : PARTS) {
      if (isNamed(part, input)) {
        copy(fixtures.resolve(part), folder.resolve(part));
      }
    }
    for (BadInput.Given given : input.given()) {
      give(given, folder, here);
    }
    // Digests are of files as they were given.
    for (String conf : List.of("site.conf", "base.conf")) {
      if (Files.exists(folder.resolve(conf))) {
        Files.writeString(folder.resolve(conf), here.apply(Files.readString(folder.resolve(conf))));
      }
    }
    SortedMap<String, Sha256> before = files(folder);
    try {
      input.submitted().forEach(setting -> set(setting.split("=", 2)));
      Said said = RetuneHere.run(input.arguments().stream().map(here).toArray(String[]::new));
      return new Outcome(
          said.exitCode(),
          relative(said.stderr(), folder),
          relative(said.stdout(), folder),
          changes(before, files(folder)));
    } finally {
      input.submitted().forEach(setting -> System.clearProperty(setting.split("=", 2)[0]));
      leases.forEach(Lease::close);
      leases.clear();
    }
  }

  private static void set(String... setting) {
    System.setProperty(setting[0], setting[1]);
  }

  /** The configuration has data and model. */
  private static boolean isNamed(String part, BadInput input) {
    String all = input.given() + " " + input.arguments();
    boolean configured = all.contains("base.conf");
    return all.contains(part) || (configured && List.of("tiny", "chats.jsonl").contains(part));
  }

  private String filled(String text, Path folder) {
    String digested =
        DIGEST.matcher(text).replaceAll(found -> digest(folder.resolve(found.group(1))));
    return digested.replace("@/", folder + "/").replace("@PORT", "" + server.port());
  }

  private static String digest(Path path) {
    try {
      if (Files.isRegularFile(path)) {
        return Sha256.of(path).hex();
      }
      SortedMap<String, Sha256> manifest = new TreeMap<>();
      try (Stream<Path> files = Files.list(path)) {
        for (Path file : files.toList()) {
          manifest.put(file.getFileName().toString(), Sha256.of(file));
        }
      }
      return Sha256.ofManifest(manifest).hex();
    } catch (IOException e) {
      return "0".repeat(64);
    }
  }

  private void give(BadInput.Given given, Path folder, UnaryOperator<String> here)
      throws IOException {
    for (Path file : resolved(folder, given.file())) {
      give(given, file, folder, here);
    }
  }

  private void give(BadInput.Given given, Path file, Path folder, UnaryOperator<String> here)
      throws IOException {
    Files.createDirectories(file.getParent());
    Matcher what =
        Pattern.compile(
                "copy of (?<copy>.+)|first (?<n>\\d+) bytes of (?<cut>.+)|(?<edit>\\S+) with (?<old>.+) for (?<new>.+)"
                    + "|gzip of (?<zip>.+)|bytes (?<hex>[0-9a-f ]*)|(?<times>\\d+) times (?<text>.+)|(?<word>not there|held)")
            .matcher(given.what());
    if (given.what().isEmpty()) {
      Files.writeString(file, here.apply(given.text()));
      return;
    } else if (!what.matches()) {
      throw new IllegalArgumentException(given.what());
    }
    if (what.group("copy") != null) {
      Files.deleteIfExists(file);
      copy(folder.resolve(what.group("copy")), file);
    } else if (what.group("cut") != null) {
      byte[] all = Files.readAllBytes(folder.resolve(what.group("cut")));
      Files.write(file, Arrays.copyOf(all, Integer.parseInt(what.group("n"))));
    } else if (what.group("edit") != null) {
      edit(
          what.group("edit").equals("itself") ? file : folder.resolve(what.group("edit")),
          what.group("new"),
          what.group("old"),
          file);
    } else if (what.group("zip") != null) {
      try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(file))) {
        Files.copy(folder.resolve(what.group("zip")), out);
      }
    } else if (what.group("hex") != null) {
      Files.write(file, HexFormat.of().parseHex(what.group("hex").replace(" ", "")));
    } else if (what.group("times") != null) {
      Files.writeString(
          file,
          what.group("text").replace("\\n", "\n").repeat(Integer.parseInt(what.group("times"))));
    } else {
      state(what.group("word"), file, given.file());
    }
  }

  /** One, or each that a name with a star in it is of. */
  private static List<Path> resolved(Path folder, String name) throws IOException {
    int star = name.indexOf("*/");
    if (star < 0) {
      return List.of(folder.resolve(name));
    }
    try (Stream<Path> children = Files.list(folder.resolve(name.substring(0, star)))) {
      return children.map(child -> child.resolve(name.substring(star + 2))).toList();
    }
  }

  private void state(String word, Path file, String name) throws IOException {
    switch (word) {
      case "not there" -> delete(file);
      case "held" -> {
        Path store = file.getParent().getParent();
        Store held = Store.open(store.toString(), new Configuration());
        leases.add(
            Lease.take(held, held.path("runs", file.getFileName().toString()), "The run " + name));
      }
      default -> throw new IllegalArgumentException(word);
    }
  }

  /** Bytes as ISO-8859-1, so that any file can be edited. */
  private static void edit(Path from, String old, String by, Path to) throws IOException {
    String text = Files.readString(from, StandardCharsets.ISO_8859_1);
    if (!text.contains(old)) {
      throw new IllegalArgumentException(from + " has no " + old);
    }
    Files.writeString(to, text.replace(old, by), StandardCharsets.ISO_8859_1);
  }

  /** What is the same wherever and whenever it is said. */
  private String relative(String said, Path folder) {
    return said.replace(folder + "/", "")
        .replace(folder.toString(), ".")
        .replaceAll("http://127.0.0.1:" + server.port() + "(/\\w+)?", "http://server")
        .replaceAll("(experiment|configuration is) [0-9a-f]{64}", "$1 FINGERPRINT")
        .replaceAll("plans/[0-9a-f]{64}", "plans/PLAN")
        .replaceAll("row [0-9a-f]{32}", "row ID")
        .replaceAll("seal is [0-9a-f]{64}", "seal is SEAL")
        .replaceAll("process \\d+ on \\S+, since \\S+Z", "process 4242 on HOST, since TIME");
  }

  /**
   * All but the cache, and the leases by which drivers take turns: to look at a run as nobody
   * writes to it is to hold it.
   */
  private static SortedMap<String, Sha256> files(Path folder) throws IOException {
    SortedMap<String, Sha256> files = new TreeMap<>();
    try (Stream<Path> tree = Files.walk(folder)) {
      for (Path file : (Iterable<Path>) tree.filter(Files::isRegularFile)::iterator) {
        String name = folder.relativize(file).toString();
        if (!name.startsWith("cache/") && !name.contains("/leases/")) {
          files.put(name, Sha256.of(file));
        }
      }
    }
    return files;
  }

  private static List<String> changes(Map<String, Sha256> before, Map<String, Sha256> after) {
    List<String> changes = new ArrayList<>();
    before.forEach(
        (name, sha256) -> {
          if (!sha256.equals(after.get(name))) {
            changes.add(name);
          }
        });
    after.keySet().stream().filter(name -> !before.containsKey(name)).forEach(changes::add);
    return changes;
  }

  private static void copy(Path from, Path to) throws IOException {
    try (Stream<Path> tree = Files.walk(from)) {
      for (Path path : (Iterable<Path>) tree::iterator) {
        Files.copy(path, to.resolve(from.relativize(path).toString()));
      }
    }
  }

  private static void delete(Path path) throws IOException {
    try (Stream<Path> tree = Files.walk(path)) {
      for (Path each : tree.sorted(java.util.Comparator.reverseOrder()).toList()) {
        Files.delete(each);
      }
    }
  }

  @Override
  public void close() {
    server.close();
  }
}
