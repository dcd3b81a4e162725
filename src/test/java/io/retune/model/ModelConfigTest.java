package io.retune.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.retune.config.InvalidInputException;
import io.retune.store.Json;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ModelConfigTest {
  private static final String BODY =
      "\"vocab_size\":99,\"hidden_size\":64,\"intermediate_size\":80,\"num_hidden_layers\":3,"
          + "\"num_attention_heads\":4,\"num_key_value_heads\":2";

  /** Of float32 against float64; the blend of two frequencies loses two bits. */
  private static final float ROUNDING = 5e-7f;

  @TempDir Path folder;

  private ModelConfig read(String json) throws IOException {
    return ModelConfig.read(Files.writeString(folder.resolve("config.json"), json));
  }

  @Test
  void theSpellingsOfTransformersFourAndFiveMeanTheSame() throws IOException {
    ModelConfig four =
        read(
            "{"
                + BODY
                + ",\"model_type\":\"llama\",\"rms_norm_eps\":1e-05,\"rope_theta\":500000.0,"
                + "\"max_position_embeddings\":512,\"torch_dtype\":\"bfloat16\","
                + "\"tie_word_embeddings\":true,\"rope_scaling\":{\"rope_type\":\"linear\",\"factor\":4.0}}");
    ModelConfig five =
        read(
            "{"
                + BODY
                + ",\"model_type\":\"llama\",\"rms_norm_eps\":1e-05,"
                + "\"max_position_embeddings\":512,\"dtype\":\"bfloat16\",\"tie_word_embeddings\":true,"
                + "\"rope_parameters\":{\"rope_type\":\"linear\",\"factor\":4.0,\"rope_theta\":500000.0}}");

    assertThat(five.rope().inverseFrequencies()).isEqualTo(four.rope().inverseFrequencies());
    assertThat(four.vocabulary()).isEqualTo(99);
    assertThat(four.width()).isEqualTo(64);
    assertThat(four.feedForward()).isEqualTo(80);
    assertThat(four.layers()).isEqualTo(3);
    assertThat(four.heads()).isEqualTo(4);
    assertThat(four.keyValueHeads()).isEqualTo(2);
    assertThat(four.headWidth()).isEqualTo(16);
    assertThat(four.contextTokens()).isEqualTo(512);
    assertThat(four.rmsEpsilon()).isEqualTo(1e-5);
    assertThat(four.tiedHead()).isTrue();
  }

  /** As it is exported, too. */
  @Test
  void theRotaryBaseMayStandBesideTheParametersThatLackIt() throws IOException {
    for (String parameters : new String[] {"null", "{\"rope_type\":\"default\"}"}) {
      String json = "{\"rope_theta\":500000.0,\"rope_parameters\":" + parameters + "}";
      assertThat(RopeScaling.base(Json.read(json.getBytes(StandardCharsets.UTF_8)))).isEqualTo(5e5);
    }
  }

  @Test
  void whatIsNotSaidIsAsInTransformersLlamaConfig() throws IOException {
    ModelConfig config =
        read(
            "{\"vocab_size\":9,\"hidden_size\":64,\"intermediate_size\":8,\"num_hidden_layers\":1,"
                + "\"num_attention_heads\":4,\"head_dim\":null,\"num_key_value_heads\":null,"
                + "\"rope_scaling\":null}");

    assertThat(config.keyValueHeads()).isEqualTo(4);
    assertThat(config.headWidth()).isEqualTo(16);
    assertThat(config.contextTokens()).isEqualTo(2048);
    assertThat(config.rmsEpsilon()).isEqualTo(1e-6);
    assertThat(config.tiedHead()).isFalse();
    assertThat(config.rope().attentionScale()).isEqualTo(1f);
    requireFrequencies(
        config.rope().inverseFrequencies(),
        1,
        0.31622776601683794,
        0.1,
        0.03162277660168379,
        0.01,
        0.0031622776601683794,
        0.001,
        0.00031622776601683794);
  }

  @Test
  void linearScalingDividesEveryFrequency() throws IOException {
    float[] frequencies =
        read("{" + BODY + ",\"rope_scaling\":{\"type\":\"linear\",\"factor\":8.0}}")
            .rope()
            .inverseFrequencies();
    requireFrequencies(
        frequencies,
        1 / 8.0,
        0.31622776601683794 / 8,
        0.1 / 8,
        0.03162277660168379 / 8,
        0.01 / 8,
        0.0031622776601683794 / 8,
        0.001 / 8,
        0.00031622776601683794 / 8);
  }

  /** Llama 3.2 1B: base 500,000, heads of 64, factor 32. */
  @Test
  void llama3ScalingKeepsBlendsAndStretches() throws IOException {
    float[] frequencies =
        read("{"
                + BODY
                + ",\"head_dim\":64,\"rope_theta\":500000.0,\"rope_scaling\":{"
                + "\"rope_type\":\"llama3\",\"factor\":32.0,\"low_freq_factor\":1.0,"
                + "\"high_freq_factor\":4.0,\"original_max_position_embeddings\":8192}}")
            .rope()
            .inverseFrequencies();
    requireFrequencies(
        frequencies,
        1.0,
        0.6636012376960885,
        0.44036660267178046,
        0.2922278225730151,
        0.19392274474868576,
        0.12868737343265052,
        0.08539710028576561,
        0.056669621445291044,
        0.03760603093086393,
        0.024955408670558694,
        0.016560440080994446,
        0.010989528534539826,
        0.0072926647372171085,
        0.004839421345719893,
        0.0032114459947525913,
        0.001290547928209264,
        0.00042955679655936815,
        9.70828780262767e-05,
        1.9461638184831125e-05,
        1.291476718704739e-05,
        8.570255489881478e-06,
        5.687232150457046e-06,
        3.7740542941082826e-06,
        2.5044671007024935e-06,
        1.661967467795309e-06,
        1.102883668639601e-06,
        7.318749675440419e-07,
        4.856731343010108e-07,
        3.2229329303788936e-07,
        2.138742281610915e-07,
        1.4192720251899592e-07,
        9.418306725434909e-08);
  }

  private static void requireFrequencies(float[] found, double... expected) {
    assertThat(found).hasSize(expected.length);
    for (int i = 0; i < found.length; i++) {
      assertThat(found[i])
          .as("%d", i)
          .isCloseTo((float) expected[i], within((float) expected[i] * ROUNDING));
    }
  }

  @Test
  void everythingUnsupportedIsNamedAtOnce() {
    assertThatThrownBy(
            () ->
                read(
                    "{\"vocab_size\":9,\"hidden_size\":64,\"intermediate_size\":8,\"model_type\":\"gemma2\","
                        + "\"hidden_act\":\"gelu\",\"attention_bias\":true,\"num_attention_heads\":\"4\"}"))
        .isInstanceOf(InvalidInputException.class)
        .hasMessage(
            "@: model_type = gemma2 is not supported. [model-not-supported]\n"
                .concat("  Supported is llama: models of the Llama architecture.\n")
                .concat("@: hidden_act = gelu is not supported. [model-not-supported]\n")
                .concat("  Supported is silu: models of the Llama architecture.\n")
                .concat("@: attention_bias = true is not supported. [model-not-supported]\n")
                .concat("  Supported is false: models of the Llama architecture.\n")
                .concat("@: num_hidden_layers is missing. [model-config-wrong]\n")
                .concat("@: num_attention_heads is missing. [model-config-wrong]\n")
                .concat("  Give the config.json of a model.")
                .replace("@", folder.resolve("config.json").toString()));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '^',
      textBlock =
          """
          "num_key_value_heads":3 | num_key_value_heads = 3
          "num_key_value_heads":0 | num_key_value_heads = 0
          "num_key_value_heads":8 | num_key_value_heads = 8
          "head_dim":15 | head_dim = 15
          "head_dim":0 | head_dim = 0
          "num_attention_heads":6,"num_key_value_heads":6 | num_attention_heads = 6
          "rms_norm_eps":-1e-5 | rms_norm_eps = -1.0E-5
          "rms_norm_eps":"x" | rms_norm_eps = "x"
          "max_position_embeddings":-4 | max_position_embeddings = -4
          "rope_theta":0 | rope_theta = 0
          "rope_scaling":{"rope_type":"linear"} | factor
          "rope_scaling":{"rope_type":"linear","factor":0.0} | factor = 0.0
          "rope_scaling":{"rope_type":"llama3","factor":8.0,"low_freq_factor":1.0,"high_freq_factor":4.0} | original_max_position_embeddings
          "rope_scaling":{"rope_type":"llama3","factor":8.0,"low_freq_factor":4.0,"high_freq_factor":4.0,"original_max_position_embeddings":8192} | high_freq_factor
          "partial_rotary_factor":0.5 | partial_rotary_factor = 0.5
          """)
  void whatCannotBeComputedIsRefused(String keys, String named) {
    String[] replaced = keys.split(",\"");
    String body = BODY;
    for (String key : replaced) {
      String name = key.replace("\"", "").split(":")[0];
      body = body.replaceFirst("\"" + name + "\":\\d+,?", "");
    }
    String json = "{" + body.replaceFirst(",$", "") + "," + keys + "}";

    assertThatThrownBy(() -> read(json))
        .as(json)
        .isInstanceOf(InvalidInputException.class)
        .hasMessageStartingWith(folder.resolve("config.json") + ": ")
        .hasMessageContaining(named);
  }

  @Test
  void aRotaryScalingThatIsNotSupportedIsNamed() {
    assertThatThrownBy(
            () -> read("{" + BODY + ",\"rope_scaling\":{\"rope_type\":\"yarn\",\"factor\":4.0}}"))
        .isInstanceOf(InvalidInputException.class)
        .hasMessage(
            folder.resolve("config.json")
                + ": the rotary scaling \"yarn\" is not supported. [model-not-supported]\n"
                + "  Supported are default, linear and llama3.");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "{", "[]", "null", "7", "{\"a\":1,\"a\":2}"})
  void whatIsNoJsonObjectIsRefused(String text) {
    assertThatThrownBy(() -> read(text))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageStartingWith(folder.resolve("config.json") + ": ");
  }
}
