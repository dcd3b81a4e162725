package io.retune.model;

import io.retune.store.SafeTensors;
import io.retune.store.SafeTensors.DType;
import io.retune.store.SafeTensors.Tensor;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * A model with an adapter added to its weights: W + s B A, worked out in float64 and rounded once
 * to float32. Same model and adapter, same bytes.
 */
public final class MergedModel {
  private final ImportedModel base;
  private final TrainedAdapter adapter;
  private final Weights weights;

  private MergedModel(ImportedModel base, TrainedAdapter adapter, Weights weights) {
    this.base = base;
    this.adapter = adapter;
    this.weights = weights;
  }

  public static MergedModel of(ImportedModel base, TrainedAdapter adapter) throws IOException {
    return new MergedModel(base, adapter, Weights.open(base.directory()));
  }

  ModelConfig config() {
    return base.config();
  }

  /** Where its tokenizer and its template are. */
  Path baseDirectory() {
    return base.directory();
  }

  /**
   * Writes a Hugging Face directory: {@code model.safetensors}, and what the base model has beside
   * its weights. What config.json says of the type is float32, as the weights are.
   */
  public void write(Path directory) throws IOException {
    for (String name : ModelImporter.besideWeights()) {
      Path from = base.directory().resolve(name);
      if (Files.exists(from)) {
        Files.copy(from, directory.resolve(name));
      }
    }
    ModelConfig.writeFloat32(
        base.directory().resolve("config.json"), directory.resolve("config.json"));
    try (OutputStream out =
        new BufferedOutputStream(
            Files.newOutputStream(directory.resolve("model.safetensors")), 1 << 20)) {
      SafeTensors.write(out, tensors(), Map.of("format", "pt"));
    }
  }

  /** By their names in a Hugging Face directory, sorted; each made when it is asked for. */
  private Map<String, Tensor> tensors() {
    ModelConfig config = base.config();
    Map<String, Tensor> tensors = new TreeMap<>();
    List<Long> table = List.of((long) config.vocabulary(), (long) config.width());
    List<Long> norm = List.of((long) config.width());
    put(tensors, "model.embed_tokens.weight", table);
    put(tensors, "model.norm.weight", norm);
    if (!config.tiedHead()) {
      put(tensors, "lm_head.weight", table);
    }
    for (int layer = 0; layer < config.layers(); layer++) {
      String prefix = "model.layers." + layer + ".";
      put(tensors, prefix + "input_layernorm.weight", norm);
      put(tensors, prefix + "post_attention_layernorm.weight", norm);
      for (String module : AdapterLayout.modules()) {
        int index = layer;
        int rows = AdapterLayout.outputs(config, module);
        int columns = AdapterLayout.inputs(config, module);
        tensors.put(
            prefix + AdapterLayout.block(module) + "." + module + ".weight",
            new Tensor(
                DType.F32,
                List.of((long) rows, (long) columns),
                () -> bytes(matrix(index, module))));
      }
    }
    return tensors;
  }

  private void put(Map<String, Tensor> tensors, String name, List<Long> shape) {
    tensors.put(name, new Tensor(DType.F32, shape, () -> bytes(unchanged(name, shape))));
  }

  private static ByteBuffer bytes(float[] values) {
    ByteBuffer bytes =
        ByteBuffer.allocate(Math.multiplyExact(values.length, 4)).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(values);
    return bytes;
  }

  /** A tensor that no adapter is for, float32 row-major. */
  float[] unchanged(String name, List<Long> shape) {
    try {
      ByteBuffer bytes = weights.float32(name, shape.stream().mapToLong(Long::longValue).toArray());
      float[] values = new float[bytes.remaining() / 4];
      bytes.asFloatBuffer().get(values);
      return values;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Of a linear module: W + s B A, float32 row-major [outputs, inputs]. */
  float[] matrix(int layer, String module) {
    int rows = AdapterLayout.outputs(base.config(), module);
    int columns = AdapterLayout.inputs(base.config(), module);
    String name = "model.layers." + layer + "." + AdapterLayout.block(module) + "." + module;
    float[] merged = unchanged(name + ".weight", List.of((long) rows, (long) columns));
    Map<Boolean, AdapterLayout.Tensor> pair = new LinkedHashMap<>();
    adapter.layout().tensors().stream()
        .filter(t -> t.layer() == layer && t.module().equals(module))
        .forEach(t -> pair.put(t.isA(), t));
    if (!pair.isEmpty()) {
      add(merged, columns, pair.get(true), pair.get(false));
    }
    return merged;
  }

  private void add(float[] merged, int columns, AdapterLayout.Tensor a, AdapterLayout.Tensor b) {
    float[] values = adapter.values();
    double scale = adapter.lora().scale();
    double[] row = new double[columns];
    for (int i = 0; i < b.rows(); i++) {
      java.util.Arrays.fill(row, 0);
      for (int r = 0; r < a.rows(); r++) {
        double factor = scale * values[b.offset() + i * b.columns() + r];
        int from = a.offset() + r * columns;
        for (int j = 0; j < columns; j++) {
          row[j] += factor * values[from + j];
        }
      }
      for (int j = 0; j < columns; j++) {
        merged[i * columns + j] = (float) (merged[i * columns + j] + row[j]);
      }
    }
  }
}
