package io.retune.model;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.retune.config.ErrorCode;
import io.retune.config.InvalidInputException;
import io.retune.config.Problem;
import io.retune.store.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A decoder of the Llama family, as its {@code config.json} describes it.
 *
 * @param rope how positions rotate queries and keys
 * @param tiedHead the output projection is the embedding
 */
public record ModelConfig(
    int vocabulary,
    int width,
    int feedForward,
    int layers,
    int heads,
    int keyValueHeads,
    int headWidth,
    int contextTokens,
    double rmsEpsilon,
    Rope rope,
    boolean tiedHead) {

  /**
   * Rotary embedding (Su et al. 2021, arXiv:2104.09864).
   *
   * @param inverseFrequencies float32 [headWidth / 2], any scaling (linear, llama3) already
   *     applied, computed as transformers does
   * @param attentionScale factor on sine and cosine; 1 but for yarn
   */
  public record Rope(float[] inverseFrequencies, float attentionScale) {}

  /**
   * Keys that must have these values when they are there; anything else would be computed wrongly.
   */
  private static final List<List<String>> REQUIRED =
      List.of(
          List.of("model_type", "llama"),
          List.of("hidden_act", "silu"),
          List.of("attention_bias", "false"),
          List.of("mlp_bias", "false"),
          List.of("partial_rotary_factor", "1.0"));

  /** Elements of all weights; those of a head that is the embedding are counted once. */
  public long parameters() {
    long layer = 2L * width;
    for (String module : AdapterLayout.modules()) {
      layer += (long) AdapterLayout.inputs(this, module) * AdapterLayout.outputs(this, module);
    }
    long embedding = (long) vocabulary * width;
    return layers * layer + width + (tiedHead ? 1 : 2) * embedding;
  }

  /**
   * Reads a Hugging Face {@code config.json}, in the spelling of transformers 4 or 5.
   *
   * @throws InvalidInputException with everything about it that is not supported
   */
  public static ModelConfig read(Path configJson) throws IOException {
    String place = configJson.toString();
    JsonNode json = object(configJson);
    List<Problem> problems = new ArrayList<>();
    requireSupported(place, json, problems);
    for (String key :
        List.of(
            "vocab_size",
            "hidden_size",
            "intermediate_size",
            "num_hidden_layers",
            "num_attention_heads")) {
      if (!json.path(key).isInt() || json.path(key).asInt() < 1) {
        problems.add(
            new Problem(
                ErrorCode.MODEL_CONFIG_WRONG,
                place,
                key + " is missing.",
                "Give the config.json of a model."));
      }
    }
    throwIfAny(problems);
    int width = json.path("hidden_size").asInt();
    int heads = json.path("num_attention_heads").asInt();
    int keyValueHeads = natural(place, json, "num_key_value_heads", heads, problems);
    int headWidth = natural(place, json, "head_dim", Math.max(1, width / heads), problems);
    int contextTokens = natural(place, json, "max_position_embeddings", 2048, problems);
    double epsilon = positive(place, json, "rms_norm_eps", 1e-6, problems);
    positive(place, json, "rope_theta", 1, problems);
    throwIfAny(problems);
    requireFitting(place, json, headWidth, problems);
    throwIfAny(problems);
    return new ModelConfig(
        json.path("vocab_size").asInt(),
        width,
        json.path("intermediate_size").asInt(),
        json.path("num_hidden_layers").asInt(),
        heads,
        keyValueHeads,
        headWidth,
        contextTokens,
        epsilon,
        RopeScaling.rope(place, json, headWidth),
        json.path("tie_word_embeddings").asBoolean(false));
  }

  /** A copy of a {@code config.json} that says its weights are float32. */
  static void writeFloat32(Path configJson, Path copy) throws IOException {
    ObjectNode json = (ObjectNode) object(configJson);
    for (String spelling : List.of("dtype", "torch_dtype")) {
      if (json.has(spelling)) {
        json.put(spelling, "float32");
      }
    }
    Files.writeString(copy, Json.pretty(json) + "\n");
  }

  private static JsonNode object(Path file) throws IOException {
    try {
      JsonNode json = Json.read(Files.readAllBytes(file));
      if (json.isObject()) {
        return json;
      }
    } catch (JsonProcessingException e) {
      throw InvalidInputException.of(
          ErrorCode.MODEL_CONFIG_WRONG,
          file.toString(),
          "is not JSON: " + e.getOriginalMessage() + ".",
          "Give the config.json of a model.");
    }
    throw InvalidInputException.of(
        ErrorCode.MODEL_CONFIG_WRONG,
        file.toString(),
        "is no JSON object.",
        "Give the config.json of a model.");
  }

  private static void requireSupported(String place, JsonNode json, List<Problem> problems) {
    for (List<String> required : REQUIRED) {
      String found = json.path(required.get(0)).asText(required.get(1));
      if (!found.equals(required.get(1))) {
        problems.add(
            new Problem(
                ErrorCode.MODEL_NOT_SUPPORTED,
                place,
                required.get(0) + " = " + found + " is not supported.",
                "Supported is " + required.get(1) + ": models of the Llama architecture."));
      }
    }
  }

  /** A key that may be absent or null. */
  private static int natural(
      String place, JsonNode json, String key, int otherwise, List<Problem> problems) {
    if (!json.hasNonNull(key)) {
      return otherwise;
    }
    if (!json.path(key).isInt() || json.path(key).asInt() < 1) {
      problems.add(impossible(place, key + " = " + json.path(key) + " is not a number from 1 on."));
    }
    return json.path(key).asInt();
  }

  private static double positive(
      String place, JsonNode json, String key, double otherwise, List<Problem> problems) {
    if (!json.hasNonNull(key)) {
      return otherwise;
    }
    if (!json.path(key).isNumber() || json.path(key).asDouble() <= 0) {
      problems.add(impossible(place, key + " = " + json.path(key) + " is not a positive number."));
    }
    return json.path(key).asDouble();
  }

  private static void requireFitting(
      String place, JsonNode json, int headWidth, List<Problem> problems) {
    int width = json.path("hidden_size").asInt();
    int heads = json.path("num_attention_heads").asInt();
    int keyValueHeads = json.path("num_key_value_heads").asInt(heads);
    if (!json.hasNonNull("head_dim") && width % heads != 0) {
      problems.add(
          impossible(
              place,
              "num_attention_heads = " + heads + " does not divide hidden_size = " + width + "."));
    }
    if (heads % keyValueHeads != 0) {
      problems.add(
          impossible(
              place,
              "num_key_value_heads = "
                  + keyValueHeads
                  + " does not divide num_attention_heads = "
                  + heads
                  + "."));
    }
    if (headWidth % 2 != 0) {
      problems.add(impossible(place, "head_dim = " + headWidth + " is odd."));
    }
  }

  private static Problem impossible(String place, String message) {
    return new Problem(
        ErrorCode.MODEL_CONFIG_WRONG,
        place,
        message,
        "Give the config.json of a model that can be run.");
  }

  private static void throwIfAny(List<Problem> problems) {
    if (!problems.isEmpty()) {
      throw new InvalidInputException(problems);
    }
  }
}
