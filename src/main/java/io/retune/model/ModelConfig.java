package io.retune.model;

import com.fasterxml.jackson.databind.JsonNode;
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
          List.of("mlp_bias", "false"));

  /**
   * Reads a Hugging Face {@code config.json}, in the spelling of transformers 4 or 5.
   *
   * @throws InvalidInputException with everything about it that is not supported
   */
  public static ModelConfig read(Path configJson) throws IOException {
    JsonNode json = Json.read(Files.readAllBytes(configJson));
    List<Problem> problems = new ArrayList<>();
    for (List<String> required : REQUIRED) {
      String found = json.path(required.get(0)).asText(required.get(1));
      if (!found.equals(required.get(1))) {
        problems.add(
            new Problem(
                configJson.toString(),
                required.get(0) + " = " + found + " is not supported.",
                "Supported is " + required.get(1) + ": models of the Llama architecture."));
      }
    }
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
                configJson.toString(), key + " is missing.", "Give the config.json of a model."));
      }
    }
    if (!problems.isEmpty()) {
      throw new InvalidInputException(problems);
    }
    int heads = json.path("num_attention_heads").asInt();
    int headWidth = json.path("head_dim").asInt(json.path("hidden_size").asInt() / heads);
    return new ModelConfig(
        json.path("vocab_size").asInt(),
        json.path("hidden_size").asInt(),
        json.path("intermediate_size").asInt(),
        json.path("num_hidden_layers").asInt(),
        heads,
        json.path("num_key_value_heads").asInt(heads),
        headWidth,
        json.path("max_position_embeddings").asInt(2048),
        json.path("rms_norm_eps").asDouble(1e-6),
        RopeScaling.rope(configJson.toString(), json, headWidth),
        json.path("tie_word_embeddings").asBoolean(false));
  }
}
