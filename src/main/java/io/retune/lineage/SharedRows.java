package io.retune.lineage;

import io.retune.config.SourceSpec;
import io.retune.dataset.DatasetVersion;
import io.retune.dataset.Snapshot;
import io.retune.lineage.JournalEntry.Asked;
import io.retune.lineage.JournalEntry.Declared;
import io.retune.model.ImportedModel;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What runs share, as rows of the tables: the same whoever writes it down. */
final class SharedRows {
  /**
   * Tables that have a thing as it was first: what is not in its name may be another in a later
   * run.
   */
  static final Set<String> AS_FIRST = Set.of("experiments", "settings", "models");

  private SharedRows() {}

  /** Everything that a run was made of, but for its plan's ledger. */
  static List<Slice> of(Declared declared, ImportedModel model) {
    List<Slice> slices = new ArrayList<>();
    declared.datasets().forEach(version -> slices.add(of(version)));
    slices.add(of(model, declared.source()));
    slices.addAll(of(declared.snapshot()));
    slices.addAll(of(declared.asked()));
    return slices;
  }

  static Slice of(DatasetVersion version) {
    Map<String, Object> row = new LinkedHashMap<>();
    row.put("name", version.name());
    row.put("version", version.version());
    row.put("delta_version", version.deltaVersion());
    row.put("root", version.root().hex());
    row.put("rows", version.rows());
    row.put("source", version.source());
    row.put("source_sha256", version.sourceSha256());
    row.put("licence", version.licence());
    row.put("privacy", version.privacy());
    row.put("message", version.message());
    return Slice.shared(
        "datasets",
        version.name() + "/" + version.version(),
        Map.of("name", version.name(), "version", version.version()),
        List.of(row));
  }

  static Slice of(ImportedModel model, SourceSpec source) {
    Map<String, Object> row = new LinkedHashMap<>();
    row.put("model_sha256", model.sha256().hex());
    row.put("source", source.source());
    row.put("source_sha256", source.sha256());
    row.put("layers", model.config().layers());
    row.put("width", model.config().width());
    row.put("vocabulary", model.config().vocabulary());
    row.put("context_tokens", model.config().contextTokens());
    String sha256 = model.sha256().hex();
    return Slice.shared("models", sha256, Map.of("model_sha256", sha256), List.of(row));
  }

  /** The snapshot, what it was prepared from, and what each transform left. */
  static List<Slice> of(Snapshot snapshot) {
    String key = snapshot.key();
    Map<String, Object> row = new LinkedHashMap<>();
    row.put("snapshot_key", key);
    row.put("snapshot_sha256", snapshot.root().hex());
    row.put("model_sha256", snapshot.model().hex());
    row.put("train_examples", snapshot.trainExamples());
    row.put("evaluation_examples", snapshot.evaluationExamples());
    List<Map<String, Object>> datasets = new ArrayList<>();
    snapshot
        .datasets()
        .forEach(
            (dataset, version) ->
                datasets.add(Map.of("snapshot_key", key, "dataset", dataset, "version", version)));
    List<Map<String, Object>> transforms = new ArrayList<>();
    for (Snapshot.Count count : snapshot.counts()) {
      Map<String, Object> transform = new LinkedHashMap<>();
      transform.put("snapshot_key", key);
      transform.put("position", transforms.size());
      transform.put("name", count.transform());
      transform.put("kind", count.kind());
      transform.put("code_sha256", count.codeSha256());
      transform.put("rows", count.rows());
      transforms.add(transform);
    }
    Map<String, Object> its = Map.of("snapshot_key", key);
    return List.of(
        Slice.shared("snapshots", key, its, List.of(row)),
        Slice.shared("snapshot_datasets", key, its, datasets),
        Slice.shared("transforms", key, its, transforms));
  }

  /** A configuration with its reasons. */
  static List<Slice> of(Asked asked) {
    Map<String, Object> row = new LinkedHashMap<>();
    row.put("experiment", asked.experiment());
    row.put("name", asked.name());
    row.put("description", asked.description());
    row.put("configuration", asked.configuration());
    row.put("reasons", asked.reasons());
    row.put("unexplained", asked.unexplained());
    List<Map<String, Object>> settings = new ArrayList<>();
    for (Setting setting : Setting.of(asked)) {
      Map<String, Object> one = new LinkedHashMap<>();
      one.put("experiment", asked.experiment());
      one.put("key", setting.key());
      one.put("value", setting.value());
      one.put("reason", setting.reason().orElse(null));
      settings.add(one);
    }
    Map<String, Object> its = Map.of("experiment", asked.experiment());
    return List.of(
        Slice.shared("experiments", asked.experiment(), its, List.of(row)),
        Slice.shared("settings", asked.experiment(), its, settings));
  }
}
