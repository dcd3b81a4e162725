package io.retune.model;

import com.fasterxml.jackson.databind.JsonNode;
import io.retune.config.ErrorCode;
import io.retune.config.InvalidInputException;
import io.retune.config.TrainSpec;
import io.retune.store.Json;
import io.retune.store.SafeTensors;
import io.retune.store.SafeTensors.Entry;
import io.retune.store.SafeTensors.Mapped;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * An adapter that was read from a folder that {@link AdapterFiles} wrote, or PEFT.
 *
 * @param lora with the alpha that makes its scale PEFT's
 * @param values float32, in the layout's order
 */
public record TrainedAdapter(TrainSpec.Lora lora, AdapterLayout layout, float[] values) {
  /** What makes PEFT add something else than one scale times B A x to each of the modules. */
  private static final List<String> NOT_COMPUTED =
      List.of(
          "use_dora",
          "use_qalora",
          "fan_in_fan_out",
          "bias",
          "lora_bias",
          "rank_pattern",
          "alpha_pattern",
          "modules_to_save",
          "exclude_modules",
          "target_parameters",
          "trainable_token_indices",
          "layers_to_transform",
          "layer_replication");

  private static final Set<String> NOT_SET = Set.of("", "null", "false", "[]", "{}", "\"none\"");

  /**
   * @param model that it was trained for
   * @throws InvalidInputException if it is not an adapter of that model
   */
  public static TrainedAdapter read(Path folder, ModelConfig model) throws IOException {
    TrainSpec.Lora lora = lora(folder.resolve(AdapterFiles.CONFIG));
    AdapterLayout layout = AdapterLayout.of(model, lora);
    Mapped file = SafeTensors.map(folder.resolve(AdapterFiles.WEIGHTS));
    requireNoOthers(file, layout);
    float[] values = new float[layout.size()];
    for (AdapterLayout.Tensor tensor : layout.tensors()) {
      requireShape(file, tensor);
      ByteBuffer read = Weights.float32(file, tensor.name());
      read.asFloatBuffer().get(values, tensor.offset(), tensor.size());
    }
    return new TrainedAdapter(lora, layout, values);
  }

  private static TrainSpec.Lora lora(Path file) throws IOException {
    JsonNode config = Json.read(Files.readAllBytes(file));
    requireComputed(file, config);
    List<String> named = new ArrayList<>();
    config.path("target_modules").forEach(module -> named.add(module.asText()));
    List<String> targets = AdapterLayout.modules().stream().filter(named::contains).toList();
    int rank = config.path("r").asInt();
    double alpha = config.path("lora_alpha").asDouble();
    if (rank < 1 || !(alpha > 0) || targets.isEmpty() || targets.size() != named.size()) {
      throw InvalidInputException.of(
          ErrorCode.ADAPTER_DOES_NOT_FIT,
          file.toString(),
          "has r = %s, lora_alpha = %s, target_modules = %s."
              .formatted(
                  config.path("r"), config.path("lora_alpha"), config.path("target_modules")),
          "Restore what the run exported.");
    }
    // rsLoRA (Kalajdzievski 2023, arXiv:2312.03732): alpha / sqrt(r) in place of alpha / r.
    boolean stabilised = config.path("use_rslora").asBoolean();
    return new TrainSpec.Lora(rank, stabilised ? alpha * Math.sqrt(rank) : alpha, targets);
  }

  private static void requireComputed(Path file, JsonNode config) {
    List<String> others =
        NOT_COMPUTED.stream()
            .filter(key -> !NOT_SET.contains(config.path(key).toString()))
            .map(key -> key + " = " + config.path(key))
            .collect(Collectors.toCollection(ArrayList::new));
    String start = config.path("init_lora_weights").asText();
    if (start.matches("pissa.*|olora|corda|loftq")) {
      others.add("init_lora_weights = " + start);
    }
    if (!others.isEmpty()) {
      throw InvalidInputException.of(
          ErrorCode.ADAPTER_DOES_NOT_FIT,
          file.toString(),
          "has " + String.join(", ", others) + ", which is not computed here.",
          "Give an adapter of LoRA or rsLoRA, on whole modules of an unchanged model.");
    }
  }

  /** An adapter of a larger model would be added in part. */
  private static void requireNoOthers(Mapped file, AdapterLayout layout) {
    Set<String> known =
        layout.tensors().stream().map(AdapterLayout.Tensor::name).collect(Collectors.toSet());
    for (String name : file.header().tensors().keySet()) {
      if (!known.contains(name)) {
        throw InvalidInputException.of(
            ErrorCode.ADAPTER_DOES_NOT_FIT,
            file.file().toString(),
            "has the tensor \"" + name + "\", for which the model has no place.",
            "Give the model that the adapter was trained for, or another adapter.");
      }
    }
  }

  private static void requireShape(Mapped file, AdapterLayout.Tensor tensor) {
    Entry entry = file.header().require(file.file().toString(), tensor.name());
    List<Long> expected = List.of((long) tensor.rows(), (long) tensor.columns());
    if (!entry.shape().equals(expected)) {
      throw InvalidInputException.of(
          ErrorCode.ADAPTER_DOES_NOT_FIT,
          file.file().toString(),
          "tensor \"%s\" is %s, not %s.".formatted(tensor.name(), entry.shape(), expected),
          "Give adapter_config.json and weights of the same adapter.");
    }
  }
}
