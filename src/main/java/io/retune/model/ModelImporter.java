package io.retune.model;

import io.retune.config.ErrorCode;
import io.retune.config.InvalidInputException;
import io.retune.config.SourceSpec;
import io.retune.store.Sha256;
import io.retune.store.Sources;
import io.retune.store.Store;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * Brings models into the store, each as a Hugging Face directory under the digest of its files.
 * What has been imported is found, not made again.
 */
public final class ModelImporter {
  /** Part of the index's key: raised when an import of the same bytes would give other files. */
  private static final int IMPORT_VERSION = 1;

  /** What a Hugging Face directory is taken over for; other files of it are left out. */
  private static final List<String> TAKEN =
      List.of(
          "config.json",
          "generation_config.json",
          "tokenizer.json",
          "tokenizer_config.json",
          "special_tokens_map.json",
          "chat_template.jinja",
          Weights.INDEX);

  private static final String PLACE = "model.source";

  private static final String EXPECTED_FILES =
      "Give one GGUF file, or a folder with config.json, tokenizer.json and safetensors.";

  private final Store store;
  private final Sources sources;

  public ModelImporter(Store store, Sources sources) {
    this.store = store;
    this.sources = sources;
  }

  /**
   * @throws InvalidInputException if the source is not what was pinned, damaged, or of an
   *     architecture or quantisation we cannot read
   */
  public ImportedModel importModel(SourceSpec spec) {
    org.apache.hadoop.fs.Path index =
        store.path("models", "by-source", spec.sha256() + "-" + IMPORT_VERSION);
    Optional<ImportedModel> before = imported(index);
    if (before.isPresent()) {
      return before.get();
    }
    try {
      Sha256 sha256 = make(sources.fetch(spec, PLACE));
      store.write(index, (sha256.hex() + "\n").getBytes(StandardCharsets.UTF_8));
      return ImportedModel.open(store, sha256);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private Optional<ImportedModel> imported(org.apache.hadoop.fs.Path index) {
    if (!store.exists(index)) {
      return Optional.empty();
    }
    Sha256 sha256 = new Sha256(new String(store.read(index), StandardCharsets.UTF_8).trim());
    return store.exists(store.path("models", sha256.hex(), "config.json"))
        ? Optional.of(ImportedModel.open(store, sha256))
        : Optional.empty();
  }

  /**
   * As {@link #importModel}, for those who only look: a Hugging Face directory that was not
   * imported is used where it lies, since to copy it takes room and time.
   *
   * @throws InvalidInputException as {@link #importModel} does
   */
  public ImportedModel borrowModel(SourceSpec spec) {
    Optional<ImportedModel> before =
        imported(store.path("models", "by-source", spec.sha256() + "-" + IMPORT_VERSION));
    if (before.isPresent()) {
      return before.get();
    }
    Sources.Fetched fetched = sources.fetch(spec, PLACE);
    Path config = fetched.files().get("config.json");
    if (config == null) {
      return importModel(spec);
    }
    requireTokenizer(fetched.files());
    return inPlace(config.getParent());
  }

  private Sha256 make(Sources.Fetched fetched) throws IOException {
    org.apache.hadoop.fs.Path staged = store.stage(store.path("models", "import"));
    try {
      Path directory = store.local(staged);
      Map<String, Path> files = fetched.files();
      if (files.containsKey("config.json")) {
        take(files, directory);
        requireWhole(directory, files.get("config.json").getParent());
      } else {
        GgufImport.into(directory, GgufFile.open(onlyGguf(files)));
        requireWhole(directory, onlyGguf(files));
      }
      Sha256 sha256 = digest(directory);
      store.publish(staged, store.path("models", sha256.hex()));
      return sha256;
    } finally {
      store.delete(staged);
    }
  }

  /**
   * What renders and measures text: configuration, tokenizer and template, without weights.
   *
   * @param scratch a folder that they may be written to
   * @return a folder in Hugging Face's layout
   * @throws InvalidInputException if it is no model that we can read
   */
  public static Path withoutWeights(Sources.Fetched fetched, Path scratch) throws IOException {
    Map<String, Path> files = fetched.files();
    if (files.containsKey("config.json")) {
      return files.get("config.json").getParent();
    }
    GgufImport.withoutWeights(scratch, GgufFile.open(onlyGguf(files)));
    return scratch;
  }

  private static Path onlyGguf(Map<String, Path> files) {
    if (files.size() != 1) {
      throw InvalidInputException.of(
          ErrorCode.UNEXPECTED_FILES,
          PLACE,
          "gives the files " + files.keySet() + ".",
          EXPECTED_FILES);
    }
    return files.values().iterator().next();
  }

  private static void take(Map<String, Path> files, Path directory) throws IOException {
    for (Map.Entry<String, Path> file : files.entrySet()) {
      if (isTaken(file.getKey())) {
        Files.copy(file.getValue(), directory.resolve(file.getKey()));
      }
    }
    requireTokenizer(files);
  }

  private static void requireTokenizer(Map<String, Path> files) {
    for (String needed : List.of("tokenizer.json", "tokenizer_config.json")) {
      if (!files.containsKey(needed)) {
        throw InvalidInputException.of(
            ErrorCode.NOT_A_MODEL,
            files.get("config.json").getParent().toString(),
            "has no " + needed + ".",
            "Save the model with its tokenizer (save_pretrained of both).");
      }
    }
  }

  /**
   * @param source that {@code directory} was made of, for messages
   */
  private static void requireWhole(Path directory, Path source) throws IOException {
    try {
      requireWhole(directory);
    } catch (InvalidInputException e) {
      throw e.toldOf(directory.toString(), source.toString());
    }
  }

  /** Every tensor that the configuration calls for is there, in the shape it says. */
  private static void requireWhole(Path directory) throws IOException {
    ModelConfig config = ModelConfig.read(directory.resolve("config.json"));
    Weights weights = Weights.open(directory);
    weights.float32("model.norm.weight", config.width());
    weights.float32("model.embed_tokens.weight", config.vocabulary(), config.width());
    if (!config.tiedHead()) {
      weights.float32("lm_head.weight", config.vocabulary(), config.width());
    }
    for (int layer = 0; layer < config.layers(); layer++) {
      String prefix = "model.layers." + layer + ".";
      weights.float32(prefix + "input_layernorm.weight", config.width());
      weights.float32(prefix + "post_attention_layernorm.weight", config.width());
      for (String module : AdapterLayout.modules()) {
        weights.float32(
            prefix + AdapterLayout.block(module) + "." + module + ".weight",
            AdapterLayout.outputs(config, module),
            AdapterLayout.inputs(config, module));
      }
    }
  }

  /**
   * A Hugging Face directory as it lies there, with the digest that importing it would give it. To
   * compute with it no tokenizer is needed.
   *
   * @throws InvalidInputException if it is no model, or of an architecture we cannot read
   */
  public static ImportedModel inPlace(Path directory) {
    try {
      ModelConfig config = ModelConfig.read(directory.resolve("config.json"));
      requireWhole(directory);
      return new ImportedModel(digest(directory), directory, config);
    } catch (NoSuchFileException e) {
      throw InvalidInputException.of(
          ErrorCode.NOT_A_MODEL,
          directory.toString(),
          "is no model: there is no " + e.getFile() + ".",
          EXPECTED_FILES);
    } catch (IOException e) {
      throw unreadable(directory, e);
    }
  }

  /** Of a model's file or folder. */
  static InvalidInputException unreadable(Path model, IOException e) {
    return InvalidInputException.notReadable(
        ErrorCode.SOURCE_NOT_READABLE,
        model.toString(),
        e,
        "Check who may read it, and that all of it is there.");
  }

  /**
   * Holds a model's files against its digest.
   *
   * @throws InvalidInputException if they are not what was imported, or cannot be read
   */
  public static void requireUnchanged(ImportedModel model) {
    String found;
    try {
      found = digest(model.directory()).hex();
    } catch (IOException e) {
      throw unreadable(model.directory(), e);
    }
    if (!found.equals(model.sha256().hex())) {
      throw InvalidInputException.of(
          ErrorCode.MODEL_CHANGED,
          model.directory().toString(),
          "was changed since it was imported: its files' SHA-256 is " + found + ".",
          "Delete the folder; the next run imports the model again.");
    }
  }

  /** What a Hugging Face directory has beside weights. */
  static List<String> besideWeights() {
    return TAKEN.stream()
        .filter(name -> !name.equals("config.json") && !name.equals(Weights.INDEX))
        .toList();
  }

  private static boolean isTaken(Path file) {
    return isTaken(file.getFileName().toString());
  }

  private static boolean isTaken(String name) {
    return TAKEN.contains(name) || name.matches("model.*\\.safetensors");
  }

  private static Sha256 digest(Path directory) throws IOException {
    SortedMap<String, Sha256> manifest = new TreeMap<>();
    try (Stream<Path> files = Files.list(directory)) {
      for (Path file : (Iterable<Path>) files.filter(ModelImporter::isTaken)::iterator) {
        manifest.put(file.getFileName().toString(), Sha256.of(file));
      }
    }
    return Sha256.ofManifest(manifest);
  }
}
