package io.retune.job;

import io.retune.config.DatasetSpec;
import io.retune.config.ErrorCode;
import io.retune.config.InvalidInputException;
import io.retune.config.Recipe;
import io.retune.dataset.DatasetVersion;
import io.retune.dataset.Datasets;
import io.retune.dataset.Preparation;
import io.retune.dataset.Snapshot;
import io.retune.job.TimeSplit.Stage;
import io.retune.model.ImportedModel;
import io.retune.model.ModelImporter;
import io.retune.plan.Plan;
import io.retune.plan.Planner;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * The way of a row up to training. Each stage finds its result by the digest of its inputs, or
 * makes it.
 */
final class Stages {
  private final Workspace workspace;
  private final Recipe recipe;
  private final Terminal terminal;

  Stages(Workspace workspace, Recipe recipe, Terminal terminal) {
    this.workspace = workspace;
    this.recipe = recipe;
    this.terminal = terminal;
  }

  ImportedModel importModel() {
    ImportedModel model =
        workspace
            .times()
            .measure(
                Stage.IMPORT,
                () ->
                    new ModelImporter(workspace.store(), workspace.sources())
                        .importModel(recipe.model()));
    terminal.say("model     %s  %s", model.sha256().brief(), recipe.model().source());
    return model;
  }

  SortedMap<String, DatasetVersion> ingest(String message) {
    return ingest(recipe.data().datasets(), message);
  }

  /** Some of the recipe's datasets. */
  SortedMap<String, DatasetVersion> ingest(Map<String, DatasetSpec> asked, String message) {
    workspace.spark();
    Datasets datasets = new Datasets(workspace.spark(), workspace.store(), workspace.sources());
    SortedMap<String, DatasetVersion> versions = new TreeMap<>();
    for (Map.Entry<String, DatasetSpec> dataset : asked.entrySet()) {
      DatasetVersion version =
          workspace
              .times()
              .measure(
                  Stage.IMPORT,
                  () -> version(datasets, dataset.getKey(), dataset.getValue(), message));
      terminal.say(
          "dataset   %s  %s version %d%s, %,d rows",
          version.root().brief(),
          version.name(),
          version.version(),
          version.added() ? " (new)" : "",
          version.rows());
      versions.put(dataset.getKey(), version);
    }
    return versions;
  }

  /** The version that a recipe names, or that holds what its source has now. */
  static DatasetVersion version(Datasets datasets, String name, DatasetSpec spec, String message) {
    return spec.version()
        .map(n -> pinned(datasets, datasets.version(name, n, spec), spec))
        .orElseGet(() -> datasets.ingest(name, spec, message));
  }

  /**
   * Version numbers count what one store has seen; the digest says in every store which bytes are
   * meant.
   */
  private static DatasetVersion pinned(
      Datasets datasets, DatasetVersion version, DatasetSpec spec) {
    if (!datasets.isOf(version, spec)) {
      String key = "data.datasets." + version.name() + ".sha256";
      throw InvalidInputException.of(
          ErrorCode.DIGEST_DIFFERS,
          key,
          "pins "
              + spec.origin().sha256()
              + ", but version "
              + version.version()
              + " in this store was made of "
              + version.sourceSha256()
              + ".",
          "To train on it, pin its bytes: --set " + key + "=" + version.sourceSha256() + ".");
    }
    return version;
  }

  Snapshot prepare(SortedMap<String, DatasetVersion> versions, ImportedModel model) {
    Snapshot snapshot = workspace.times().measure(Stage.PREPARE, () -> prepared(versions, model));
    terminal.say(
        "snapshot  %s  %,d examples to train on, %,d held out",
        snapshot.root().brief(), snapshot.trainExamples(), snapshot.evaluationExamples());
    return snapshot;
  }

  private Snapshot prepared(SortedMap<String, DatasetVersion> versions, ImportedModel model) {
    return new Preparation(workspace.spark(), workspace.store())
        .snapshotFor(
            recipe.data(),
            versions,
            model.directory(),
            model.sha256(),
            () -> ModelImporter.requireUnchanged(model));
  }

  Plan plan(Snapshot snapshot) {
    Plan plan =
        workspace
            .times()
            .measure(
                Stage.PLAN,
                () ->
                    new Planner(workspace.spark(), workspace.store())
                        .planFor(snapshot, recipe.order()));
    terminal.say(
        "plan      %s  %,d steps, %,d tokens of which %,d are targets",
        plan.root().brief(),
        plan.steps().size(),
        plan.steps().stream().mapToLong(Plan.Step::tokens).sum(),
        plan.steps().stream().mapToLong(Plan.Step::targetTokens).sum());
    return plan;
  }
}
