package io.retune.report;

import io.retune.lineage.JournalEntry;
import io.retune.lineage.JournalEntry.AttemptStarted;
import io.retune.lineage.JournalEntry.Checkpointed;
import io.retune.lineage.JournalEntry.Stepped;
import io.retune.lineage.RunHistory;
import io.retune.train.RankEvent;
import io.retune.train.StepRecord;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Where the time of a step went, parts that add up, milliseconds. The journal's own figures
 * overlap: reading is inside of computing, and added up over lanes; the longest computing of any
 * rank is inside of what rank 0 waited for.
 *
 * @param read micro-batches, on average of the lanes
 * @param compute gradients
 * @param waited of rank 0, for the others
 * @param exchanged gradients with the others
 * @param updated the weights, and digests of what they were updated by
 * @param recorded what was done, durable at the driver
 * @param saved the checkpoint behind the step
 */
record StepTimes(
    int step,
    double read,
    double compute,
    double waited,
    double exchanged,
    double updated,
    double recorded,
    double saved) {
  static StepTimes of(StepRecord step, int lanes, long checkpointMs) {
    double left = Math.max(0, (double) step.wallMs() - step.exchangeMs() - step.waitMs());
    double compute = Math.min((double) step.computeMs(), left);
    double read = Math.min((double) step.dataMs() / lanes, compute);
    return new StepTimes(
        step.step(),
        read,
        compute - read,
        step.waitMs(),
        step.exchangeMs(),
        left - compute,
        step.recordMs(),
        checkpointMs);
  }

  static List<StepTimes> of(RunHistory history) {
    Map<Integer, Long> checkpoints = new HashMap<>();
    Map<Integer, Integer> lanes = new HashMap<>();
    for (JournalEntry entry : history.entries()) {
      if (entry.event() instanceof Checkpointed written) {
        checkpoints.put(written.checkpoint().step(), written.checkpoint().wallMs());
      } else if (entry.event() instanceof AttemptStarted started) {
        int least = started.ranks().stream().mapToInt(RankEvent.Rank::lanes).min().orElse(1);
        lanes.put(started.attempt(), Math.max(1, least));
      }
    }
    List<StepTimes> times = new ArrayList<>();
    for (JournalEntry entry : history.entries()) {
      if (entry.event() instanceof Stepped stepped) {
        StepRecord step = stepped.step();
        times.add(
            of(
                step,
                lanes.getOrDefault(stepped.attempt(), 1),
                checkpoints.getOrDefault(step.step(), 0L)));
      }
    }
    return times;
  }
}
