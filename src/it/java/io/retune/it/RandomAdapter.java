package io.retune.it;

import io.retune.engine.AdapterInit;
import io.retune.engine.CounterHash;
import io.retune.model.AdapterLayout;

/** An adapter whose B is not zero: else it would do nothing, and every gradient of A would be. */
final class RandomAdapter {
  private RandomAdapter() {}

  /** Float32 in the layout's order; not large, else all that a model does with it is stammer. */
  static float[] of(AdapterLayout layout) {
    float[] adapter = AdapterInit.values(layout, 3);
    for (AdapterLayout.Tensor tensor : layout.tensors()) {
      for (int i = tensor.offset(); !tensor.isA() && i < tensor.offset() + tensor.size(); i++) {
        adapter[i] = (CounterHash.uniform(5, 0, i) - 0.5f) * 0.05f;
      }
    }
    return adapter;
  }
}
