package io.retune.job;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** What recording takes of the processors is counted, wherever it is done. */
class RecordingCpuTest {
  private static final Duration BUSY = Duration.ofMillis(100);

  private static void beBusy(Duration time) {
    java.lang.management.ThreadMXBean bean =
        java.lang.management.ManagementFactory.getThreadMXBean();
    long end = bean.getCurrentThreadCpuTime() + time.toNanos();
    while (bean.getCurrentThreadCpuTime() < end) {
      Thread.onSpinWait();
    }
  }

  private static Thread start(String name, Thread tested) {
    Thread thread =
        new Thread(
            () -> {
              beBusy(BUSY);
              join(tested);
            },
            name);
    thread.start();
    return thread;
  }

  private static void join(Thread thread) {
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Test
  void theWorkOfWhoTakesEventsCounts() {
    RecordingCpu cpu = new RecordingCpu();
    Consumer<Duration> counted = cpu.counting(RecordingCpuTest::beBusy);
    beBusy(BUSY);
    assertThat(cpu.soFar()).isLessThan(BUSY);
    counted.accept(BUSY);
    counted.accept(BUSY);
    assertThat(cpu.soFar()).isBetween(BUSY.multipliedBy(2), BUSY.multipliedBy(3));
  }

  @Test
  void theThreadsThatKeepTablesAndServerUpCountAndNoOthers() throws InterruptedException {
    RecordingCpu cpu = new RecordingCpu();
    Thread me = Thread.currentThread();
    Thread other = start("retune-lane", me);
    Thread recorder = start("retune-recorder", me);
    Thread publisher = start("retune-tracking", me);
    long deadline = System.nanoTime() + Duration.ofSeconds(20).toNanos();
    while (cpu.soFar().compareTo(BUSY.multipliedBy(2)) < 0 && System.nanoTime() < deadline) {
      Thread.sleep(10);
    }
    assertThat(cpu.soFar()).isBetween(BUSY.multipliedBy(2), BUSY.multipliedBy(3));
    for (Thread thread : new Thread[] {other, recorder, publisher}) {
      thread.interrupt();
      thread.join();
    }
  }
}
