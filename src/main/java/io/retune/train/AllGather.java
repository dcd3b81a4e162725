package io.retune.train;

import java.util.List;

/** What the ranks tell each other before they are connected: Spark's barrier on a cluster. */
@FunctionalInterface
public interface AllGather {
  /** Waits for all ranks; what each said, by rank. */
  List<String> allGather(String mine);
}
