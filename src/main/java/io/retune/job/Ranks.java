package io.retune.job;

import io.retune.cluster.Executors;
import io.retune.collective.Attempt;
import io.retune.config.Recipe;
import io.retune.plan.Plan;
import io.retune.train.TrainingTask;
import java.time.Duration;
import org.apache.spark.sql.SparkSession;

/** The ranks that a session has room for, and what they are told. */
final class Ranks {
  /** A lost executor is replaced within seconds, or not soon. */
  private static final Duration REPLACEMENT_LIMIT = Duration.ofSeconds(20);

  private final Workspace workspace;
  private final Recipe recipe;

  Ranks(Workspace workspace, Recipe recipe) {
    this.workspace = workspace;
    this.recipe = recipe;
  }

  /**
   * As many as were asked for, or as there are executors once lost ones had time to be replaced;
   * never more than leaves.
   */
  int world() {
    SparkSession spark = workspace.spark();
    int asked = Executors.asked(spark);
    int there = Executors.await(spark, asked, REPLACEMENT_LIMIT);
    if (there < asked) {
      workspace
          .terminal()
          .warn("executors %d of %d are there; the weights are the same", there, asked);
    }
    return Math.max(1, Math.min(there, recipe.order().leavesPerStep()));
  }

  /**
   * @param resumeStep step of the checkpoint that they begin with; 0: none
   */
  TrainingTask task(Attempt attempt, String modelSha256, Plan plan, int resumeStep) {
    return new TrainingTask(
        attempt,
        workspace.store().uri(),
        workspace.site().cache(),
        modelSha256,
        plan.key(),
        recipe.train(),
        resumeStep,
        lanes(),
        "",
        0);
  }

  private int lanes() {
    return workspace.site().lanes().orElseGet(() -> Executors.coresOfEach(workspace.spark()));
  }
}
