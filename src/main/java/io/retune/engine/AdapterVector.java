package io.retune.engine;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDManager;
import io.retune.model.AdapterLayout;
import java.nio.FloatBuffer;
import java.util.List;
import java.util.stream.Stream;

/** An adapter, or its gradient, in native memory: one flat vector, and its parts by layer. */
final class AdapterVector {
  private final FloatBuffer values;
  private final NDArray[][] layers;

  /** Zeros, in the layout's order. */
  AdapterVector(PtNDManager manager, AdapterLayout layout, int layers) {
    NDArray flat = manager.zeros(new Shape(layout.size()));
    this.values = flat.toByteBuffer(true).asFloatBuffer();
    this.layers = new NDArray[layers][];
    for (int layer = 0; layer < layers; layer++) {
      this.layers[layer] = views(manager, flat, layout, layer);
    }
  }

  private static NDArray[] views(
      PtNDManager manager, NDArray flat, AdapterLayout layout, int layer) {
    List<AdapterLayout.Tensor> tensors =
        layout.tensors().stream().filter(t -> t.layer() == layer).toList();
    return AdapterLayout.groups().stream()
        .flatMap(
            group ->
                Stream.concat(
                    Stream.of(stacked(manager, flat, tensors, group)),
                    group.stream().map(module -> outputs(manager, flat, tensors, module))))
        .toArray(NDArray[]::new);
  }

  private static NDArray stacked(
      PtNDManager manager, NDArray flat, List<AdapterLayout.Tensor> tensors, List<String> group) {
    List<AdapterLayout.Tensor> matrices =
        tensors.stream().filter(t -> t.isA() && group.contains(t.module())).toList();
    if (matrices.isEmpty()) {
      return manager.create(new Shape(0));
    }
    int rows = matrices.stream().mapToInt(AdapterLayout.Tensor::rows).sum();
    return view(flat, matrices.get(0).offset(), rows, matrices.get(0).columns());
  }

  private static NDArray outputs(
      PtNDManager manager, NDArray flat, List<AdapterLayout.Tensor> tensors, String module) {
    return tensors.stream()
        .filter(t -> !t.isA() && t.module().equals(module))
        .map(t -> view(flat, t.offset(), t.rows(), t.columns()))
        .findFirst()
        .orElseGet(() -> manager.create(new Shape(0)));
  }

  private static NDArray view(NDArray flat, int offset, int rows, int columns) {
    return flat.get(new NDIndex(offset + ":" + (offset + rows * columns))).reshape(rows, columns);
  }

  void set(float[] vector) {
    values.put(0, vector);
  }

  void get(float[] vector) {
    values.get(0, vector);
  }

  /**
   * The P, or the G, of layer.ts as views of the flat vector: of each group of modules its A
   * matrices as one, then a B for each module; where there is no adapter, an empty one.
   */
  NDArray[] layer(int layer) {
    return layers[layer];
  }
}
