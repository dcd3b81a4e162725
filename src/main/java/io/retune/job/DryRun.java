package io.retune.job;

import static org.apache.spark.sql.functions.col;

import io.retune.config.DatasetSpec;
import io.retune.config.InvalidInputException;
import io.retune.config.Problem;
import io.retune.config.Recipe;
import io.retune.config.Site;
import io.retune.dataset.DatasetVersion;
import io.retune.dataset.Datasets;
import io.retune.dataset.Preparation;
import io.retune.dataset.Snapshot;
import io.retune.job.TimeSplit.Stage;
import io.retune.model.AdapterLayout;
import io.retune.model.ImportedModel;
import io.retune.model.ModelImporter;
import io.retune.plan.MicroBatch;
import io.retune.plan.Plan;
import io.retune.plan.PlanReader;
import io.retune.plan.Planner;
import io.retune.text.RenderedChat;
import io.retune.text.Token;
import io.retune.text.Tokenizer;
import io.retune.train.Machine;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Supplier;
import java.util.stream.LongStream;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;

/** The way of a row up to training in a {@link ScratchStore}, and what it shows. */
final class DryRun {
  /** Examples that are shown. */
  private static final int SHOWN = 2;

  private final Workspace workspace;
  private final ScratchStore scratch;
  private final Site site;
  private final Recipe recipe;
  private final Stages stages;

  /**
   * @param workspace of {@code scratch}
   * @param site that a run would have
   */
  DryRun(Workspace workspace, ScratchStore scratch, Site site, Recipe recipe) {
    this.workspace = workspace;
    this.scratch = scratch;
    this.site = site;
    this.recipe = recipe;
    this.stages = new Stages(workspace, recipe, workspace.terminal());
  }

  /**
   * An example as it is trained on.
   *
   * @param tokens what is to be seen of them
   */
  record Shown(String dataset, int count, int targets, List<Token> tokens) {
    Shown {
      tokens = List.copyOf(tokens);
    }
  }

  /**
   * What was found.
   *
   * @param lengths tokens of the training examples, ascending
   * @param epochs passes over the training examples
   * @param probe empty if there is not memory enough for it
   * @param writtenBytes by preparing, which a run would write to its own store
   */
  record Findings(
      ImportedModel model,
      SortedMap<String, DatasetVersion> datasets,
      Snapshot snapshot,
      Plan plan,
      int[] lengths,
      long targetTokens,
      double epochs,
      List<Shown> examples,
      LaneUse laneUse,
      Budget budget,
      Optional<Probe> probe,
      long writtenBytes) {}

  /**
   * @throws InvalidInputException with all problems that do not hide one another
   */
  Findings findings() {
    List<Problem> problems = new ArrayList<>();
    collect(
        problems,
        () -> {
          RunJob.requireAllowed(recipe, site);
          return true;
        });
    Optional<ImportedModel> model =
        collect(
            problems,
            () ->
                timed(
                    Stage.IMPORT,
                    () ->
                        new ModelImporter(workspace.store(), workspace.sources())
                            .borrowModel(recipe.model())));
    SortedMap<String, DatasetVersion> versions = datasets(problems);
    if (model.isEmpty() || versions.size() < recipe.data().datasets().size()) {
      throw new InvalidInputException(problems);
    }
    Optional<Snapshot> snapshot = collect(problems, () -> stages.prepare(versions, model.get()));
    Optional<Plan> plan = snapshot.flatMap(it -> collect(problems, () -> stages.plan(it)));
    if (!problems.isEmpty()) {
      throw new InvalidInputException(problems);
    }
    return findings(model.get(), versions, snapshot.orElseThrow(), plan.orElseThrow());
  }

  private static <T> Optional<T> collect(List<Problem> problems, Supplier<T> part) {
    try {
      return Optional.of(part.get());
    } catch (InvalidInputException e) {
      problems.addAll(e.problems());
      return Optional.empty();
    }
  }

  private <T> T timed(Stage stage, Supplier<T> work) {
    return workspace.times().measure(stage, work);
  }

  private SortedMap<String, DatasetVersion> datasets(List<Problem> problems) {
    SortedMap<String, DatasetVersion> versions = new TreeMap<>();
    workspace.spark();
    recipe
        .data()
        .datasets()
        .forEach(
            (name, spec) ->
                collect(problems, () -> timed(Stage.IMPORT, () -> version(name, spec)))
                    .ifPresent(version -> versions.put(name, version)));
    return versions;
  }

  /** One that the site's store has, or else a new one in the scratch store. */
  private DatasetVersion version(String name, DatasetSpec spec) {
    Datasets datasets = new Datasets(workspace.spark(), workspace.store(), workspace.sources());
    if (scratch.showDataset(name)) {
      boolean isThere = spec.version().isPresent() || datasets.holds(name, spec);
      if (!isThere) {
        scratch.hideDataset(name);
      }
    }
    return Stages.version(datasets, name, spec, "");
  }

  private Findings findings(
      ImportedModel model,
      SortedMap<String, DatasetVersion> versions,
      Snapshot snapshot,
      Plan plan) {
    Dataset<Row> training =
        Preparation.examples(workspace.spark(), workspace.store(), snapshot)
            .filter(col("split").equalTo("train"));
    List<Row> counts = training.select("tokens", "target_tokens").collectAsList();
    int[] lengths = counts.stream().mapToInt(row -> row.getInt(0)).sorted().toArray();
    long placed =
        Planner.ledger(workspace.spark(), workspace.store(), plan)
            .filter(col("split").equalTo("train"))
            .count();
    AdapterLayout layout = AdapterLayout.of(model.config(), recipe.train().lora());
    LaneUse laneUse = LaneUse.of(recipe.order(), site, Runtime.getRuntime().availableProcessors());
    long written = scratch.bytes();
    long ownMemory = Machine.ownMemory();
    Optional<Probe> probe = timed(Stage.LOAD, () -> probe(model, plan));
    return new Findings(
        model,
        versions,
        snapshot,
        plan,
        lengths,
        counts.stream().mapToLong(row -> row.getInt(1)).sum(),
        (double) placed / lengths.length,
        shown(model, snapshot, plan),
        laneUse,
        Budget.of(
            model.config().parameters(),
            layout,
            recipe,
            plan,
            laneUse,
            probe,
            ownMemory,
            written,
            scratch.own()),
        probe,
        written);
  }

  /** Where the weights alone do not fit into what is left, to try would end the process. */
  private Optional<Probe> probe(ImportedModel model, Plan plan) {
    long needed = model.config().parameters() * Float.BYTES;
    long there = Machine.availableMemory();
    if (there > 0 && needed > there) {
      return Optional.empty();
    }
    PlanReader reader = PlanReader.open(workspace.store(), plan.key());
    MicroBatch fullest =
        LongStream.range(0, plan.steps().get(0).microBatches())
            .mapToObj(reader::training)
            .filter(batch -> batch.targets() > 0)
            .max(Comparator.comparingInt(MicroBatch::tokens))
            .orElseThrow();
    return Optional.of(
        Probe.of(model, java.nio.file.Path.of(site.cache()), recipe.train(), fullest));
  }

  /** Those that training begins with. */
  private List<Shown> shown(ImportedModel model, Snapshot snapshot, Plan plan) {
    List<String> first =
        Planner.ledger(workspace.spark(), workspace.store(), plan)
            .filter(col("split").equalTo("train"))
            .orderBy("micro_batch", "slot")
            .limit(SHOWN)
            .select("example_id")
            .collectAsList()
            .stream()
            .map(row -> row.getString(0))
            .toList();
    List<Row> rows =
        Preparation.examples(workspace.spark(), workspace.store(), snapshot)
            .filter(col("example_id").isin(first.toArray()))
            .select("example_id", "dataset", "text", "input_ids", "trained", "target_tokens")
            .collectAsList();
    try (Tokenizer tokenizer = Tokenizer.open(model.directory())) {
      return rows.stream()
          .sorted(Comparator.comparingInt(row -> first.indexOf(row.getString(0))))
          .map(row -> shown(row, tokenizer))
          .toList();
    }
  }

  private static Shown shown(Row row, Tokenizer tokenizer) {
    List<Integer> ids = row.getList(3);
    List<Boolean> mask = row.getList(4);
    boolean[] trained = new boolean[mask.size()];
    for (int i = 0; i < trained.length; i++) {
      trained[i] = mask.get(i);
    }
    int[] inputIds = ids.stream().mapToInt(Integer::intValue).toArray();
    return new Shown(
        row.getString(1),
        inputIds.length,
        row.getInt(5),
        tokenizer.tokens(new RenderedChat(row.getString(2), inputIds, trained)));
  }
}
