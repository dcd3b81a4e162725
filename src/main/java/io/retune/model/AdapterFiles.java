package io.retune.model;

import io.retune.config.TrainSpec;
import io.retune.store.Json;
import io.retune.store.SafeTensors;
import io.retune.store.SafeTensors.Tensor;
import io.retune.store.Store;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.hadoop.fs.Path;

/**
 * An adapter as PEFT stores it: {@code adapter_model.safetensors} and {@code adapter_config.json}.
 * Same adapter, same bytes.
 */
public final class AdapterFiles {
  public static final String WEIGHTS = "adapter_model.safetensors";
  public static final String CONFIG = "adapter_config.json";

  private AdapterFiles() {}

  /** The tensors of a flat vector under PEFT's names, sorted. */
  public static Map<String, Tensor> tensors(AdapterLayout layout, float[] values) {
    Map<String, AdapterLayout.Tensor> sorted = new TreeMap<>();
    layout.tensors().forEach(t -> sorted.put(t.name(), t));
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    sorted.forEach(
        (name, t) ->
            tensors.put(
                name,
                Tensor.of(
                    List.of((long) t.rows(), (long) t.columns()), values, t.offset(), t.size())));
    return tensors;
  }

  /** Writes both files into {@code folder} of the store. */
  public static void write(
      Store store,
      Path folder,
      AdapterLayout layout,
      float[] values,
      TrainSpec.Lora lora,
      String baseModelName) {
    store.write(
        new Path(folder, WEIGHTS),
        out -> SafeTensors.write(out, tensors(layout, values), Map.of("format", "pt")));
    store.write(
        new Path(folder, CONFIG),
        (Json.pretty(config(lora, baseModelName)) + "\n").getBytes(StandardCharsets.UTF_8));
  }

  private static Map<String, Object> config(TrainSpec.Lora lora, String baseModelName) {
    Map<String, Object> config = new LinkedHashMap<>();
    config.put("peft_type", "LORA");
    config.put("task_type", "CAUSAL_LM");
    config.put("base_model_name_or_path", baseModelName);
    config.put("r", lora.rank());
    config.put("lora_alpha", lora.alpha());
    config.put("lora_dropout", 0.0);
    config.put("bias", "none");
    config.put("fan_in_fan_out", false);
    config.put("inference_mode", true);
    config.put("target_modules", lora.targets().stream().sorted().toList());
    return config;
  }
}
