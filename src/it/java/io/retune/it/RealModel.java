package io.retune.it;

import io.retune.config.ConfigLoader;
import io.retune.config.Recipe;
import io.retune.config.SourceSpec;
import io.retune.model.ImportedModel;
import io.retune.model.ModelImporter;
import io.retune.store.Sources;
import io.retune.store.Store;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.apache.hadoop.conf.Configuration;

/** The quickstart's model and data, fetched and imported once under {@code target/real-model}. */
final class RealModel {
  private static final Path HOME = Path.of(System.getProperty("retune.home", "")).toAbsolutePath();
  private static final Path FOLDER = HOME.resolve(Path.of("target", "real-model"));
  private static final Sources SOURCES = new Sources(FOLDER, new Configuration());

  private RealModel() {}

  static Recipe quickstart() {
    return ConfigLoader.load(HOME.resolve("conf/runs/quickstart.conf"), List.of()).recipe();
  }

  /** As {@link ModelImporter} imports it. */
  static synchronized ImportedModel imported() {
    Store store = Store.open(FOLDER.resolve("store").toString(), new Configuration());
    return new ModelImporter(store, SOURCES).importModel(quickstart().model());
  }

  /** The GGUF file it is imported from. */
  static synchronized Path gguf() {
    return files(quickstart().model()).values().iterator().next();
  }

  /** WordNet's data files by name. */
  static synchronized Map<String, Path> wordNet() {
    return files(quickstart().data().datasets().get("wordnet").origin());
  }

  private static Map<String, Path> files(SourceSpec source) {
    return SOURCES.fetch(source, "tests").files();
  }

  /** Where prepared weights are kept. */
  static Path cache() {
    return FOLDER;
  }
}
