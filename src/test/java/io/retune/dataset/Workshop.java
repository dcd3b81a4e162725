package io.retune.dataset;

import io.retune.config.DataSpec;
import io.retune.config.DatasetSpec;
import io.retune.config.SourceSpec;
import io.retune.config.TransformSpec;
import io.retune.store.Sha256;
import io.retune.store.Sources;
import io.retune.store.Store;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.sql.SparkSession;

/** A store in a temporary folder, and short ways to put data into it. */
public final class Workshop {
  public final SparkSession spark = SparkForTests.session();
  public final Store store;
  public final Datasets datasets;
  public final Preparation preparation;
  private final Path folder;
  private final Path model;

  public Workshop(Path folder) throws IOException {
    this.folder = folder;
    this.store = Store.open(folder.resolve("store").toString(), new Configuration());
    this.datasets =
        new Datasets(spark, store, new Sources(folder.resolve("cache"), new Configuration()));
    this.preparation = new Preparation(spark, store);
    this.model = TinyModel.write(folder.resolve("model"));
  }

  public DatasetSpec file(
      String name,
      String content,
      DatasetSpec.Format format,
      List<String> key,
      TransformSpec... prepare)
      throws IOException {
    return file(Files.writeString(folder.resolve(name), content), format, key, prepare);
  }

  public DatasetSpec file(
      Path file, DatasetSpec.Format format, List<String> key, TransformSpec... prepare)
      throws IOException {
    return new DatasetSpec(
        new SourceSpec("file:" + file, Sha256.of(file).hex()),
        format,
        Optional.empty(),
        key,
        "CC0-1.0",
        "public",
        List.of(prepare));
  }

  public DatasetSpec jsonl(String name, String content, TransformSpec... prepare)
      throws IOException {
    return file(name, content, DatasetSpec.Format.JSONL, List.of(), prepare);
  }

  public DatasetSpec text(String name, String content, TransformSpec... prepare)
      throws IOException {
    return file(name, content, DatasetSpec.Format.TEXT, List.of(), prepare);
  }

  /** Column that the evaluation is told apart by. */
  public Optional<String> groupBy = Optional.empty();

  public Snapshot prepare(DatasetSpec dataset, TransformSpec... chain) {
    DatasetVersion version = datasets.ingest("words", dataset, "for a test");
    return prepare(Map.of("words", dataset), Map.of("words", version), chain);
  }

  public Snapshot prepare(
      Map<String, DatasetSpec> specs,
      Map<String, DatasetVersion> versions,
      TransformSpec... chain) {
    return preparation.snapshotFor(
        new DataSpec(new TreeMap<>(specs), List.of(chain), groupBy),
        new TreeMap<>(versions),
        model,
        Sha256.of("model"),
        () -> {});
  }

  /** The user asks for the column {@code word}, the assistant answers with it. */
  public static TransformSpec.Render chat() {
    return new TransformSpec.Render(
        "chat",
        List.of(
            new TransformSpec.Render.Message("user", "Say ${word}.", false),
            new TransformSpec.Render.Message("assistant", "${word}", true)),
        "");
  }

  public static TransformSpec.Split heldOut() {
    return new TransformSpec.Split("held-out", 0.25, "word", 7);
  }
}
