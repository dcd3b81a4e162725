package io.retune.job;

import io.retune.config.OrderSpec;
import io.retune.config.Site;

/**
 * How a full step's leaves are spread over the lanes of all ranks.
 *
 * @param leaves of a full step
 * @param lanes of each rank
 * @param cores of this machine: more lanes than these share them
 */
record LaneUse(int ranks, int lanes, int leaves, int cores) {
  static LaneUse of(OrderSpec order, Site site, int cores) {
    int ranks = site.executors().orElse(1);
    int coresPerRank = site.executorCores().orElse(Math.max(1, cores / ranks));
    return new LaneUse(ranks, site.lanes().orElse(coresPerRank), order.leavesPerStep(), cores);
  }

  /** Leaves of the rank that has most of them. */
  private int leavesOfARank() {
    return (leaves + ranks - 1) / ranks;
  }

  /** How often in a step a lane takes a leaf, if each takes as long. */
  int rounds() {
    return rounds(leaves);
  }

  /** Of a step that has fewer. */
  int rounds(int leavesOfStep) {
    int ofARank = (leavesOfStep + ranks - 1) / ranks;
    return (ofARank + working() - 1) / working();
  }

  /** Lanes of a rank that compute at the same time. */
  private int working() {
    return Math.max(1, Math.min(lanes, Math.max(1, cores / ranks)));
  }

  /** Lanes of all ranks with nothing to do in a step's last round. */
  int idle() {
    int rounds = (leavesOfARank() + lanes - 1) / lanes;
    return ranks * lanes * rounds - leaves;
  }

  /** For people. */
  String described() {
    String use =
        "%s x %s for %s a step"
            .formatted(
                Terminal.count(ranks, "rank"),
                Terminal.count(lanes, "lane"),
                leaves == 1 ? "1 leaf" : leaves + " leaves");
    return idle() == 0
        ? use + ": none idles"
        : use
            + ": %s idle in the last round of each step; make order.micro-batches a multiple of %d (another experiment), or give --lanes"
                .formatted(Terminal.count(idle(), "lane"), ranks * lanes);
  }
}
