package io.retune.train;

import java.util.List;

/**
 * A rank's place among the others of an attempt, as Spark gave it.
 *
 * @param rank from 0
 * @param world how many ranks there are
 * @param host by which the other ranks reach this one
 * @param gpus addresses of the devices that are this rank's own; none where Spark has none to give
 */
public record Seat(int rank, int world, String host, List<String> gpus) {
  public Seat {
    if (rank < 0 || rank >= world) {
      throw new IllegalArgumentException("No rank " + rank + " among " + world);
    }
    gpus = List.copyOf(gpus);
  }
}
