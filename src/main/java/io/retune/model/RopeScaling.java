package io.retune.model;

import com.fasterxml.jackson.databind.JsonNode;
import io.retune.config.ErrorCode;
import io.retune.config.InvalidInputException;

/** Inverse frequencies as transformers computes them (modeling_rope_utils.py), in float32. */
final class RopeScaling {
  static final String NONE = "default";

  private static final double DEFAULT_BASE = 10_000;

  private RopeScaling() {}

  /**
   * @param config the whole config.json: {@code rope_theta} and {@code rope_scaling}, or {@code
   *     rope_parameters}
   * @throws InvalidInputException if the kind of scaling is not supported
   */
  static ModelConfig.Rope rope(String place, JsonNode config, int headWidth) {
    JsonNode scaling = scaling(config);
    float[] plain = frequencies(base(config), headWidth);
    String kind = kind(config);
    float[] scaled =
        switch (kind) {
          case NONE -> plain;
          case "linear" -> linear(plain, positive(place, scaling, "factor"));
          case "llama3" -> llama3(place, plain, scaling);
          default ->
              throw InvalidInputException.of(
                  ErrorCode.MODEL_NOT_SUPPORTED,
                  place,
                  "the rotary scaling \"" + kind + "\" is not supported.",
                  "Supported are default, linear and llama3.");
        };
    return new ModelConfig.Rope(scaled, 1f);
  }

  private static JsonNode scaling(JsonNode config) {
    return config.path("rope_parameters").isObject()
        ? config.path("rope_parameters")
        : config.path("rope_scaling");
  }

  /** What the frequencies are powers of. */
  static double base(JsonNode config) {
    return scaling(config)
        .path("rope_theta")
        .asDouble(config.path("rope_theta").asDouble(DEFAULT_BASE));
  }

  /** Of the scaling; {@link #NONE} where there is none. */
  static String kind(JsonNode config) {
    JsonNode scaling = scaling(config);
    return scaling.path("rope_type").asText(scaling.path("type").asText(NONE));
  }

  private static double positive(String place, JsonNode scaling, String key) {
    if (!scaling.path(key).isNumber() || scaling.path(key).asDouble() <= 0) {
      throw InvalidInputException.of(
          ErrorCode.MODEL_CONFIG_WRONG,
          place,
          "the rotary scaling "
              + (scaling.has(key) ? "has " + key + " = " + scaling.path(key) : "lacks " + key)
              + ".",
          "Give the config.json of a model that can be run.");
    }
    return scaling.path(key).asDouble();
  }

  /** 1 / base^(2 i / width). */
  private static float[] frequencies(double base, int width) {
    float[] inverse = new float[width / 2];
    for (int i = 0; i < inverse.length; i++) {
      float exponent = (2 * i) / (float) width;
      inverse[i] = 1f / (float) StrictMath.pow((float) base, exponent);
    }
    return inverse;
  }

  private static float[] linear(float[] inverse, double factor) {
    float[] scaled = new float[inverse.length];
    for (int i = 0; i < scaled.length; i++) {
      scaled[i] = inverse[i] / (float) factor;
    }
    return scaled;
  }

  /** Long wavelengths are stretched, short ones kept, those between blended. */
  private static float[] llama3(String place, float[] inverse, JsonNode scaling) {
    float factor = (float) positive(place, scaling, "factor");
    double low = positive(place, scaling, "low_freq_factor");
    double high = positive(place, scaling, "high_freq_factor");
    double original = positive(place, scaling, "original_max_position_embeddings");
    if (high <= low) {
      throw InvalidInputException.of(
          ErrorCode.MODEL_CONFIG_WRONG,
          place,
          "the rotary scaling's high_freq_factor is not above its low_freq_factor.",
          "Give the config.json of a model that can be run.");
    }
    float[] scaled = new float[inverse.length];
    for (int i = 0; i < scaled.length; i++) {
      float wavelength = (float) (2 * Math.PI) / inverse[i];
      float stretched = inverse[i] / factor;
      if (wavelength > original / low) {
        scaled[i] = stretched;
      } else if (wavelength < original / high) {
        scaled[i] = inverse[i];
      } else {
        float smooth = ((float) original / wavelength - (float) low) / ((float) high - (float) low);
        scaled[i] = (1 - smooth) * stretched + smooth * inverse[i];
      }
    }
    return scaled;
  }
}
