package io.retune.store;

import io.delta.kernel.defaults.engine.DefaultEngine;
import io.delta.kernel.engine.Engine;
import org.apache.hadoop.conf.Configuration;

/** Delta's Kernel, which reads and writes tables without a Spark job. */
public final class DeltaKernel {
  private DeltaKernel() {}

  /** Commits as every Delta table of a store is committed to. */
  public static Engine engine(Configuration hadoop) {
    Configuration ours = new Configuration(hadoop);
    ours.set("io.delta.kernel.logStore.file.impl", LinkLogStore.class.getName());
    return DefaultEngine.create(ours);
  }
}
