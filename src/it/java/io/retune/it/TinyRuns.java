package io.retune.it;

import io.retune.config.SourceSpec;
import io.retune.config.TrainSpec;
import io.retune.dataset.DatasetVersion;
import io.retune.dataset.Snapshot;
import io.retune.evaluate.Comparison;
import io.retune.evaluate.GroupComparison;
import io.retune.lineage.Journal;
import io.retune.lineage.JournalEntry;
import io.retune.model.AdapterFiles;
import io.retune.model.AdapterLayout;
import io.retune.model.ModelConfig;
import io.retune.store.Lease;
import io.retune.store.Sha256;
import io.retune.store.Store;
import io.retune.train.TinyDecoder;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;

/** Runs as their journals tell them, of a small model with random weights and a random adapter. */
final class TinyRuns {
  private static final TrainSpec.Lora LORA = new TrainSpec.Lora(2, 4, AdapterLayout.modules());

  private final Store store;
  private final String model;

  TinyRuns(Store store) throws IOException {
    this.store = store;
    this.model = TinyDecoder.into(store);
  }

  /** Digest of the model. */
  String model() {
    return model;
  }

  /** None of whose four steps are done. */
  void begun(String run) throws IOException {
    write(run, "{}", false);
  }

  void finished(String run) throws IOException {
    write(run, "{}", true);
  }

  /** Whose configuration says under which licence its model stands. */
  void licensed(String run, String licence) throws IOException {
    write(run, "{\"model\":{\"licence\":\"" + licence + "\"}}", true);
  }

  private void write(String run, String configuration, boolean finished) throws IOException {
    try (Lease lease = Lease.take(store, store.path("runs", run), "The run " + run);
        Journal journal = Journal.open(store, run, lease)) {
      journal.append(declared(run, configuration));
      if (finished) {
        Comparison better = new Comparison(3, 2, -1.5, -0.5);
        Comparison none = new Comparison(3, 3, -0.1, 0.1);
        journal.append(
            new JournalEntry.Ended(
                export(run),
                "runs/" + run + "/adapter",
                List.of(
                    new GroupComparison(GroupComparison.WHOLE, 9, 90, better),
                    new GroupComparison("a|b", 4, 40, none)),
                List.of(),
                new TreeMap<>()));
      }
    }
  }

  private JournalEntry.Declared declared(String run, String configuration) {
    return new JournalEntry.Declared(
        run,
        "again",
        new JournalEntry.Asked(
            run.substring(0, run.indexOf('-')),
            "Says noise.",
            "e",
            configuration,
            new TreeMap<>(Map.of("order.steps", "few are enough")),
            List.of()),
        new SourceSpec("file:/home/somebody/tiny", model),
        model,
        List.of(
            new DatasetVersion(
                "noise", 3, 7, Sha256.of("n"), 10, "CC0-1.0", "public", "", "file:x", model, true)),
        new Snapshot("s", Sha256.of("s"), new Sha256(model), new TreeMap<>(), List.of(), 9, 1),
        "p",
        "p",
        "",
        "",
        4,
        200,
        100);
  }

  private String export(String run) throws IOException {
    ModelConfig config = ModelConfig.read(store.localPath("models", model, "config.json"));
    AdapterLayout layout = AdapterLayout.of(config, LORA);
    float[] adapter = new float[layout.size()];
    Random random = new Random(1);
    for (int i = 0; i < adapter.length; i++) {
      adapter[i] = (float) (random.nextGaussian() * 0.2);
    }
    AdapterFiles.write(store, store.path("runs", run, "adapter"), layout, adapter, LORA, "tiny");
    return Sha256.of(store.localPath("runs", run, "adapter", AdapterFiles.WEIGHTS)).hex();
  }
}
