package io.retune.job;

import io.retune.config.TrainSpec;
import io.retune.engine.AdapterInit;
import io.retune.engine.Decoder;
import io.retune.model.AdapterLayout;
import io.retune.model.ImportedModel;
import io.retune.plan.MicroBatch;
import io.retune.train.Lanes;
import io.retune.train.Machine;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;

/**
 * What one micro-batch takes on one lane with the real weights: computed twice, since the first
 * time also maps the weights and fills the allocator.
 *
 * @param tokens of the micro-batch
 * @param trainSeconds forward and backward, the second time
 * @param scoreSeconds forward alone
 * @param memoryBytes of activations and gradients while it was computed
 */
record Probe(int tokens, double trainSeconds, double scoreSeconds, long memoryBytes) {
  private static final long SAMPLE_MILLIS = 5;

  static Probe of(ImportedModel model, Path cache, TrainSpec train, MicroBatch batch) {
    AdapterLayout layout = AdapterLayout.of(model.config(), train.lora());
    float[] adapter = AdapterInit.values(layout, train.seed());
    float[] gradient = new float[layout.size()];
    try (Decoder decoder = Decoder.load(model, cache, layout, train.lora().scale());
        Lanes lanes = new Lanes(decoder, 1, 0)) {
      Lanes.Work trains = lane -> lane.gradient(batch, adapter, 1.0 / batch.targets(), gradient);
      long memory = peakDuring(() -> lanes.all(List.of(trains)));
      double trainSeconds = seconds(() -> lanes.all(List.of(trains)));
      double scoreSeconds =
          seconds(() -> lanes.all(List.of(lane -> lane.exampleLosses(batch, adapter))));
      return new Probe(batch.tokens(), trainSeconds, scoreSeconds, memory);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static double seconds(Runnable work) {
    long start = System.nanoTime();
    work.run();
    return (System.nanoTime() - start) / 1e9;
  }

  /** By how much the process grows, looked at while it works. */
  private static long peakDuring(Runnable work) {
    long before = Machine.ownMemory();
    AtomicLong peak = new AtomicLong(before);
    AtomicBoolean done = new AtomicBoolean();
    Thread watch =
        new Thread(
            () -> {
              while (!done.get()) {
                peak.accumulateAndGet(Machine.ownMemory(), Math::max);
                try {
                  Thread.sleep(SAMPLE_MILLIS);
                } catch (InterruptedException e) {
                  return;
                }
              }
            },
            "retune-memory-watch");
    watch.setDaemon(true);
    watch.start();
    try {
      work.run();
    } finally {
      done.set(true);
      watch.interrupt();
      join(watch);
    }
    return peak.get() - before;
  }

  private static void join(Thread thread) {
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  double trainSecondsPerToken() {
    return trainSeconds / tokens;
  }

  double scoreSecondsPerToken() {
    return scoreSeconds / tokens;
  }
}
