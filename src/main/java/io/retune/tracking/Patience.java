package io.retune.tracking;

import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;

/** How long something that fails is tried again: pauses that double, until the time is up. */
final class Patience {
  private static final Duration FIRST_PAUSE = Duration.ofMillis(200);
  private static final Duration LONGEST_PAUSE = Duration.ofSeconds(15);

  private final long end;
  private Duration next = FIRST_PAUSE;

  Patience(Duration total) {
    end = System.nanoTime() + total.toNanos();
  }

  /**
   * Sleeps before another attempt; false, at once, when the time is up before that.
   *
   * @param asked how long the server asked to be left alone
   * @throws InterruptedException if nobody waits for the outcome any more
   */
  boolean pause(Optional<Duration> asked) throws InterruptedException {
    Duration pause = asked.orElseGet(this::jittered);
    next = shorter(next.multipliedBy(2), LONGEST_PAUSE);
    if (System.nanoTime() + pause.toNanos() - end > 0) {
      return false;
    }
    Thread.sleep(pause.toMillis());
    return true;
  }

  /**
   * Between half of the pause and all of it: drivers that failed together do not return together.
   */
  private Duration jittered() {
    long millis = next.toMillis();
    return Duration.ofMillis(millis / 2 + ThreadLocalRandom.current().nextLong(millis / 2 + 1));
  }

  private static Duration shorter(Duration a, Duration b) {
    return a.compareTo(b) < 0 ? a : b;
  }
}
