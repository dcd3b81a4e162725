package io.retune.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import io.retune.config.SourceSpec;
import io.retune.config.TrainSpec;
import io.retune.model.AdapterFiles;
import io.retune.model.AdapterLayout;
import io.retune.model.GgufExport;
import io.retune.model.GgufExport.Precision;
import io.retune.model.ImportedModel;
import io.retune.model.MergedModel;
import io.retune.model.ModelImporter;
import io.retune.model.TrainedAdapter;
import io.retune.store.Json;
import io.retune.store.Sha256;
import io.retune.store.Sources;
import io.retune.store.Store;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Exported forms of the real model, read by transformers, peft and gguf. */
class ExportParityTest {
  private static final TrainSpec.Lora LORA = new TrainSpec.Lora(4, 8, AdapterLayout.modules());

  /** Of an example's loss, relative to it: two orders of additions in float32. */
  private static final double LOSS_TOLERANCE = 1e-5;

  /** peft rounds B A to float32 before it is added, we round once. */
  private static final double MERGE_TOLERANCE = 1e-6;

  private static final String LINES =
      """
      {"text": "The sea was calm, and the harbour lay in the morning sun."}
      {"text": "def f(x):\\n    return x ** 2\\n"}
      """;

  @TempDir static Path folder;
  private static JsonNode theirs;

  @BeforeAll
  static void exportAndRead() throws IOException {
    ImportedModel model = RealModel.imported();
    Store store = Store.open(folder.toString(), new Configuration());
    AdapterLayout layout = AdapterLayout.of(model.config(), LORA);
    float[] values = RandomAdapter.of(layout);
    AdapterFiles.write(store, store.path("adapter"), layout, values, LORA, "base");
    Path adapter = store.localPath("adapter");
    MergedModel merged = MergedModel.of(model, TrainedAdapter.read(adapter, model.config()));
    merged.write(Files.createDirectories(merged()));
    GgufExport.write(merged, "test", Precision.F16, gguf(Precision.F16));
    GgufExport.write(merged, "test", Precision.Q8_0, gguf(Precision.Q8_0));
    Files.writeString(lines(), LINES);
    Path out = folder.resolve("theirs.json");
    Peers.run(
        "exported.py",
        model.directory(),
        adapter,
        merged(),
        gguf(Precision.F16),
        gguf(Precision.Q8_0),
        lines(),
        out);
    theirs = Json.read(Files.readAllBytes(out));
  }

  private static Path merged() {
    return folder.resolve("merged");
  }

  private static Path gguf(Precision precision) {
    return folder.resolve(precision + ".gguf");
  }

  private static Path lines() {
    return folder.resolve("lines.jsonl");
  }

  private static JsonNode score(Path model) {
    return RetuneProcess.run(
            "score",
            model.toString(),
            "--data",
            lines().toString(),
            "--json",
            "--store",
            folder.resolve("store").toString(),
            "--set",
            "cache=" + folder.resolve("cache"))
        .json()
        .path("examples");
  }

  @Test
  void mergedWeightsAreThoseOfPeft() {
    assertThat(theirs.path("merged").asDouble()).isPositive().isLessThan(MERGE_TOLERANCE);
  }

  @Test
  void theMergedDirectoryGivesTransformersTheLossesItGivesUs() {
    JsonNode ours = score(merged());
    for (int i = 0; i < 2; i++) {
      double loss = ours.path(i).path("loss").asDouble();
      double merged = theirs.path("losses").path(0).path(i).asDouble();
      double unmerged = theirs.path("losses").path(1).path(i).asDouble();
      assertThat(merged).isCloseTo(loss, within(loss * LOSS_TOLERANCE));
      assertThat(unmerged).isCloseTo(loss, within(loss * LOSS_TOLERANCE));
    }
  }

  @Test
  void ggufReadsEveryTensorAsItWouldHaveWrittenIt() {
    for (String file : new String[] {"f16", "q8_0"}) {
      assertThat(theirs.path(file).path("wrong")).as(file).isEmpty();
      assertThat(theirs.path(file).path("tokens").asBoolean()).as(file).isTrue();
      assertThat(theirs.path(file).path("template").asBoolean()).as(file).isTrue();
    }
    assertThat(theirs.at("/f16/types").toString()).isEqualTo("[\"F16\",\"F32\"]");
    assertThat(theirs.at("/q8_0/types").toString()).isEqualTo("[\"F32\",\"Q8_0\"]");
  }

  @Test
  void whatIsExportedIsReadAgain() throws IOException {
    JsonNode whole = score(merged());
    JsonNode half = score(gguf(Precision.F16));
    for (int i = 0; i < 2; i++) {
      double loss = whole.path(i).path("loss").asDouble();
      // Weights of eleven bits.
      assertThat(half.path(i).path("loss").asDouble()).isCloseTo(loss, within(loss * 2e-3));
    }
    Path gguf = gguf(Precision.F16);
    Store store = Store.open(folder.resolve("again").toString(), new Configuration());
    ImportedModel again =
        new ModelImporter(store, new Sources(folder.resolve("cache"), new Configuration()))
            .importModel(new SourceSpec("file:" + gguf, Sha256.of(gguf).hex()));
    assertThat(again.config().tiedHead()).isTrue();
    for (String same : new String[] {"tokenizer.json"}) {
      assertThat(again.directory().resolve(same)).hasSameTextualContentAs(merged().resolve(same));
    }
  }
}
