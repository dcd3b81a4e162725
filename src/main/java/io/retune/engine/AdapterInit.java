package io.retune.engine;

import io.retune.model.AdapterLayout;
import java.util.List;

/**
 * The adapter before the first step, as PEFT starts it: A uniform in ±1/sqrt(inputs)
 * (kaiming_uniform with a = sqrt 5), B zero.
 */
public final class AdapterInit {
  private AdapterInit() {}

  /** Values of the flat vector; a function of layout and seed alone. */
  public static float[] values(AdapterLayout layout, long seed) {
    float[] values = new float[layout.size()];
    List<AdapterLayout.Tensor> tensors = layout.tensors();
    for (int stream = 0; stream < tensors.size(); stream++) {
      AdapterLayout.Tensor tensor = tensors.get(stream);
      if (!tensor.isA()) {
        continue;
      }
      float bound = (float) (1 / Math.sqrt(tensor.columns()));
      for (int i = 0; i < tensor.size(); i++) {
        values[tensor.offset() + i] = (2 * CounterHash.uniform(seed, stream, i) - 1) * bound;
      }
    }
    return values;
  }
}
