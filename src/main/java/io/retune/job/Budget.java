package io.retune.job;

import io.retune.config.Recipe;
import io.retune.model.AdapterLayout;
import io.retune.plan.Plan;
import io.retune.train.Machine;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * What a run takes of a machine, by part, against what there is.
 *
 * @param memory bytes of all ranks together, which are on this machine
 * @param memoryThere bytes that programs may still take; 0 where the system does not tell
 * @param disk bytes in the store
 * @param diskThere bytes free where the store is or will be
 * @param seconds of training and evaluation; empty without a probe
 */
record Budget(
    long parameters,
    long trainedParameters,
    Map<String, Long> memory,
    long memoryThere,
    Map<String, Long> disk,
    long diskThere,
    Optional<Seconds> seconds) {
  /** Adapter and AdamW's two moments, of each rank and in each checkpoint. */
  private static final int VECTORS_OF_A_RANK = 3;

  /** Adapter, gradient and zeros in native memory, sum and summand of a leaf in Java's. */
  private static final int VECTORS_OF_A_LANE = 5;

  /**
   * Least: each lane is as fast as the one that was tried alone. Most: the lanes of a machine share
   * one memory, and beside each other none is faster than one.
   */
  record Seconds(double least, double most) {}

  Budget {
    memory = Collections.unmodifiableMap(new LinkedHashMap<>(memory));
    disk = Collections.unmodifiableMap(new LinkedHashMap<>(disk));
  }

  /**
   * @param ownMemory bytes that this process holds before anything is computed
   * @param prepared bytes that preparation wrote, and a run will write again
   * @param store where the run's store is or will be
   */
  static Budget of(
      long parameters,
      AdapterLayout layout,
      Recipe recipe,
      Plan plan,
      LaneUse use,
      Optional<Probe> probe,
      long ownMemory,
      long prepared,
      Path store) {
    long vector = (long) layout.size() * Float.BYTES;
    Map<String, Long> memory = new LinkedHashMap<>();
    // The driver is such a process, and so is each executor beside it.
    int processes = use.ranks() == 1 ? 1 : 1 + use.ranks();
    memory.put("Java and Spark", processes * ownMemory);
    memory.put("weights, mapped once", parameters * Float.BYTES);
    memory.put("adapter and moments", (long) use.ranks() * VECTORS_OF_A_RANK * vector);
    memory.put("gradients", (long) use.ranks() * use.lanes() * VECTORS_OF_A_LANE * vector);
    probe.ifPresent(
        p -> memory.put("activations", (long) use.ranks() * use.lanes() * p.memoryBytes()));
    Map<String, Long> disk = new LinkedHashMap<>();
    disk.put("model, data, snapshot and plan that are not there yet", prepared);
    int every = recipe.train().checkpointEvery();
    int checkpoints = (plan.steps().size() + every - 1) / every;
    disk.put(
        Terminal.count(checkpoints, "checkpoint"), (long) checkpoints * VECTORS_OF_A_RANK * vector);
    disk.put("adapter", vector);
    return new Budget(
        parameters,
        layout.size(),
        memory,
        available(ownMemory),
        disk,
        free(store),
        probe.map(p -> seconds(p, recipe, plan, use)));
  }

  /** Without this process, which is gone when a run begins. */
  private static long available(long ownMemory) {
    long left = Machine.availableMemory();
    return left == 0 ? 0 : left + ownMemory;
  }

  private static long free(Path store) {
    Path there = store.toAbsolutePath();
    while (there.getParent() != null && !Files.exists(there)) {
      there = there.getParent();
    }
    return there.toFile().getUsableSpace();
  }

  private static Seconds seconds(Probe probe, Recipe recipe, Plan plan, LaneUse use) {
    double least = 0;
    double most = 0;
    for (Plan.Step step : plan.steps()) {
      double leaf = probe.trainSecondsPerToken() * step.tokens() / step.leaves();
      least += use.rounds(step.leaves()) * leaf;
      most += step.leaves() * leaf;
    }
    int every = recipe.train().evaluateEvery();
    int steps = plan.steps().size();
    int evaluations = 2 + (every > 0 ? (steps - 1) / every : 0);
    int batches = plan.evaluation().stream().mapToInt(Plan.Part::count).sum();
    double batch = probe.scoreSecondsPerToken() * plan.tokensPerMicroBatch();
    least += evaluations * use.rounds(batches) * batch;
    most += (double) evaluations * batches * batch;
    return new Seconds(least, most);
  }

  long memoryNeeded() {
    return memory.values().stream().mapToLong(Long::longValue).sum();
  }

  long diskNeeded() {
    return disk.values().stream().mapToLong(Long::longValue).sum();
  }
}
