package io.retune.job;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadInfo;
import java.lang.management.ThreadMXBean;
import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;

/**
 * What recording takes of the processors while a run trains: the threads that keep tables and
 * tracking server up, which nothing waits for, and the work on the journal, which the ranks do.
 */
final class RecordingCpu {
  /** {@link Recorder}'s own, the publisher's, and those of the JDK's HTTP client. */
  private static final List<String> THREADS =
      List.of("retune-recorder", "retune-tracking", "HttpClient-");

  private static final ThreadMXBean BEAN = ManagementFactory.getThreadMXBean();

  private final long before = behindTheScenes();
  private long journalNanos;

  /** From when this was made. */
  synchronized Duration soFar() {
    // A thread that has ended takes what it had with it.
    return Duration.ofNanos(journalNanos + Math.max(0, behindTheScenes() - before));
  }

  /** The same, whose work counts as the journal's. */
  <T> Consumer<T> counting(Consumer<T> work) {
    return what -> {
      long start = BEAN.getCurrentThreadCpuTime();
      try {
        work.accept(what);
      } finally {
        add(BEAN.getCurrentThreadCpuTime() - start);
      }
    };
  }

  private synchronized void add(long nanos) {
    journalNanos += nanos;
  }

  private static long behindTheScenes() {
    long nanos = 0;
    for (ThreadInfo thread : BEAN.getThreadInfo(BEAN.getAllThreadIds())) {
      if (thread != null && THREADS.stream().anyMatch(thread.getThreadName()::startsWith)) {
        nanos += Math.max(0, BEAN.getThreadCpuTime(thread.getThreadId()));
      }
    }
    return nanos;
  }
}
