package io.retune.job;

import io.retune.config.Experiment;
import io.retune.config.Site;
import io.retune.dataset.Snapshot;
import io.retune.job.DryRun.Findings;
import io.retune.job.DryRun.Shown;
import io.retune.lineage.Withheld;
import io.retune.plan.Plan;
import io.retune.store.Json;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/**
 * {@code retune check CONF}: what the configuration is, once it has no problem, and what a run of
 * it would be. Trains nothing and writes nothing but the cache.
 */
public final class CheckJob {
  /** Of the texts of rows that are not declared public. */
  public enum Texts {
    /** They are shown to somebody who watches, and stand in no log. */
    TO_WATCHERS,
    SHOWN
  }

  /** A longer example is cut when it is shown. */
  private static final int SHOWN_CHARACTERS = 1500;

  private final Experiment experiment;
  private final Terminal terminal = new Terminal(false);
  private final Texts texts;

  public CheckJob(Experiment experiment, Texts texts) {
    this.experiment = experiment;
    this.texts = texts;
  }

  /** The configuration alone: nothing is started. */
  public void configuration(boolean json) {
    sayConfiguration();
    if (json) {
      System.out.println(Json.write(configuration()));
    }
  }

  private void sayConfiguration() {
    terminal.say("%s: no problems.", experiment.recipe().name());
    terminal.say("fingerprint %s", experiment.fingerprint());
    if (!experiment.unexplained().isEmpty()) {
      terminal.say(
          "Changed from the default without a reason (say it under `why`): %s",
          String.join(", ", experiment.unexplained()));
    }
  }

  private Map<String, Object> configuration() {
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("experiment", experiment.fingerprint());
    result.put("unexplained", experiment.unexplained());
    return result;
  }

  /**
   * And the dry run: data and model are fetched, rows rendered and planned, a micro-batch tried.
   *
   * @throws io.retune.config.InvalidInputException with every problem of data, model and plan
   */
  public void dryRun(Site site, boolean json) {
    try (ScratchStore scratch = ScratchStore.open(site);
        Workspace workspace = Workspace.open(scratch.site(), true)) {
      Findings found = new DryRun(workspace, scratch, site, experiment.recipe()).findings();
      sayConfiguration();
      say(found);
      terminal.say("checked   in %s", workspace.times());
      if (json) {
        System.out.println(Json.write(result(found)));
      }
    }
  }

  private void say(Findings found) {
    terminal.say("");
    sayRows(found.snapshot());
    found.examples().forEach(this::say);
    terminal.say("");
    sayPlan(found);
    sayMachine(found);
  }

  private void sayRows(Snapshot snapshot) {
    terminal.say("rows      of them, after each transform");
    for (Snapshot.Count count : snapshot.counts()) {
      terminal.say("          %,10d  %s (%s)", count.rows(), count.transform(), count.kind());
    }
    terminal.say(
        "          %,d to train on, %,d held out",
        snapshot.trainExamples(), snapshot.evaluationExamples());
  }

  private void say(Shown example) {
    terminal.say("");
    terminal.say(
        "example   %s, %s, of which %,d are trained: [[so]]",
        example.dataset(), Terminal.count(example.count(), "token"), example.targets());
    if (isShown(example.dataset())) {
      MarkedTokens.ASCII
          .excerpt(example.tokens(), SHOWN_CHARACTERS)
          .lines()
          .forEach(line -> terminal.say("          %s", line));
    } else {
      terminal.say(
          "          its text is not written into a log, since its privacy is not public; --texts writes it");
    }
  }

  private boolean isShown(String dataset) {
    return texts == Texts.SHOWN || terminal.isInteractive() || mayBeRead(dataset);
  }

  private boolean mayBeRead(String dataset) {
    return !Withheld.of(experiment).has(dataset);
  }

  private void sayPlan(Findings found) {
    int[] lengths = found.lengths();
    Plan plan = found.plan();
    terminal.say(
        "lengths   %,d to %,d tokens, half have at most %,d, 95 of 100 at most %,d; %.0f %% of the tokens are trained",
        lengths[0],
        lengths[lengths.length - 1],
        quantile(lengths, 0.5),
        quantile(lengths, 0.95),
        100.0 * found.targetTokens() / java.util.Arrays.stream(lengths).asLongStream().sum());
    terminal.say(
        "plan      %,d steps, %.2f epochs, %,d tokens of which %,d are targets; micro-batches %.0f %% full",
        plan.steps().size(),
        found.epochs(),
        tokens(plan),
        targets(plan),
        100.0 * tokens(plan) / (microBatches(plan) * plan.tokensPerMicroBatch()));
    terminal.say(
        "model     %,d parameters, %,d trained (%.2f %%)",
        found.budget().parameters(),
        found.budget().trainedParameters(),
        100.0 * found.budget().trainedParameters() / found.budget().parameters());
  }

  private static int quantile(int[] ascending, double share) {
    return ascending[(int) Math.min(ascending.length - 1L, (long) (share * ascending.length))];
  }

  private static long tokens(Plan plan) {
    return plan.steps().stream().mapToLong(Plan.Step::tokens).sum();
  }

  private static long targets(Plan plan) {
    return plan.steps().stream().mapToLong(Plan.Step::targetTokens).sum();
  }

  private static long microBatches(Plan plan) {
    return plan.steps().stream().mapToLong(Plan.Step::microBatches).sum();
  }

  private void sayMachine(Findings found) {
    Budget budget = found.budget();
    terminal.say("lanes     %s", found.laneUse().described());
    sayParts("memory", budget.memory(), budget.memoryNeeded(), budget.memoryThere());
    sayParts("disk", budget.disk(), budget.diskNeeded(), budget.diskThere());
    if (budget.seconds().isPresent()) {
      terminal.say(
          "time      training and evaluation %s to %s, by a micro-batch tried on one lane: %.0f tokens/s",
          Pace.clock(Math.round(budget.seconds().get().least())),
          Pace.clock(Math.round(budget.seconds().get().most())),
          1 / found.probe().orElseThrow().trainSecondsPerToken());
    } else {
      terminal.warn("time      not tried: the weights do not fit into the memory that is left");
    }
  }

  private void sayParts(String what, Map<String, Long> parts, long needed, long there) {
    terminal.say(
        "%-9s about %s%s", what, size(needed), there == 0 ? "" : " of " + size(there) + " left");
    parts.forEach((part, bytes) -> terminal.say("          %10s  %s", size(bytes), part));
    if (there > 0 && needed > there) {
      terminal.warn(
          "warning   a run is likely to fail for want of %s: use fewer lanes, shorter micro-batches or another machine",
          what);
    }
  }

  static String size(long bytes) {
    double mib = bytes / (1024.0 * 1024.0);
    return mib < 1024
        ? String.format(Locale.ROOT, "%.1f MiB", mib)
        : String.format(Locale.ROOT, "%.1f GiB", mib / 1024);
  }

  private Map<String, Object> result(Findings found) {
    Map<String, Object> result = configuration();
    Budget budget = found.budget();
    Plan plan = found.plan();
    result.put("model_sha256", found.model().sha256().hex());
    result.put("snapshot_sha256", found.snapshot().root().hex());
    result.put("plan_sha256", plan.root().hex());
    result.put("rows", found.snapshot().counts());
    result.put("train_examples", found.snapshot().trainExamples());
    result.put("evaluation_examples", found.snapshot().evaluationExamples());
    result.put("longest_tokens", found.lengths()[found.lengths().length - 1]);
    result.put("median_tokens", quantile(found.lengths(), 0.5));
    result.put("steps", plan.steps().size());
    result.put("epochs", found.epochs());
    result.put("tokens", tokens(plan));
    result.put("target_tokens", targets(plan));
    result.put("parameters", budget.parameters());
    result.put("trained_parameters", budget.trainedParameters());
    result.put("idle_lanes", found.laneUse().idle());
    result.put("memory_bytes", budget.memory());
    result.put("memory_bytes_there", budget.memoryThere());
    result.put("disk_bytes", budget.disk());
    result.put("disk_bytes_there", budget.diskThere());
    budget.seconds().ifPresent(seconds -> result.put("seconds", seconds));
    result.put(
        "examples",
        found.examples().stream()
            .filter(example -> texts == Texts.SHOWN || mayBeRead(example.dataset()))
            .map(example -> MarkedTokens.AS_IT_IS.excerpt(example.tokens(), SHOWN_CHARACTERS))
            .toList());
    return result;
  }
}
