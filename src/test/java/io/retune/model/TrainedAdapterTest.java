package io.retune.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.retune.config.InvalidInputException;
import io.retune.config.TrainSpec;
import io.retune.store.Json;
import io.retune.store.SafeTensors;
import io.retune.store.SafeTensors.DType;
import io.retune.store.SafeTensors.Tensor;
import io.retune.store.Store;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrainedAdapterTest {
  private static final ModelConfig MODEL =
      new ModelConfig(9, 8, 12, 2, 2, 1, 4, 16, 1e-5, new ModelConfig.Rope(new float[2], 1f), true);
  private static final TrainSpec.Lora LORA =
      new TrainSpec.Lora(2, 5.5, List.of("q_proj", "k_proj", "down_proj"));
  private static final AdapterLayout LAYOUT = AdapterLayout.of(MODEL, LORA);

  @TempDir Path folder;
  private final float[] values = new float[LAYOUT.size()];

  @BeforeEach
  void write() {
    for (int i = 0; i < values.length; i++) {
      values[i] = 1f / (i + 1);
    }
    Store store = Store.open(folder.toString(), new Configuration());
    AdapterFiles.write(store, store.path("adapter"), LAYOUT, values, LORA, "base");
  }

  @Test
  void whatWasExportedIsReadToTheBit() throws IOException {
    TrainedAdapter read = TrainedAdapter.read(folder.resolve("adapter"), MODEL);

    assertThat(read.lora()).isEqualTo(LORA);
    assertThat(read.layout()).isEqualTo(LAYOUT);
    assertThat(read.values()).isEqualTo(values);
  }

  @Test
  void anAdapterInBfloat16IsWidened() throws IOException {
    Map<String, Tensor> brain = new TreeMap<>();
    for (AdapterLayout.Tensor tensor : LAYOUT.tensors()) {
      ByteBuffer bytes = ByteBuffer.allocate(tensor.size() * 2).order(ByteOrder.LITTLE_ENDIAN);
      for (int i = 0; i < tensor.size(); i++) {
        bytes.putShort((short) (Float.floatToRawIntBits(values[tensor.offset() + i]) >>> 16));
      }
      List<Long> shape = List.of((long) tensor.rows(), (long) tensor.columns());
      brain.put(tensor.name(), new Tensor(DType.BF16, shape, bytes::flip));
    }
    try (OutputStream out =
        Files.newOutputStream(folder.resolve("adapter/adapter_model.safetensors"))) {
      SafeTensors.write(out, brain, Map.of());
    }

    float[] read = TrainedAdapter.read(folder.resolve("adapter"), MODEL).values();
    for (int i = 0; i < values.length; i++) {
      assertThat(Float.floatToRawIntBits(read[i]))
          .isEqualTo(Float.floatToRawIntBits(values[i]) & 0xffff0000);
    }
  }

  @Test
  void aConfigurationOfAnotherShapeIsRefused() throws IOException {
    change(config -> config.put("r", 3));

    assertThatThrownBy(() -> TrainedAdapter.read(folder.resolve("adapter"), MODEL))
        .isInstanceOf(InvalidInputException.class)
        .hasMessage(
            folder.resolve("adapter/adapter_model.safetensors")
                + ": tensor \"base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight\" is"
                + " [2, 8], not [3, 8]. [adapter-does-not-fit]\n"
                + "  Give adapter_config.json and weights of the same adapter.");
  }

  @Test
  void aConfigurationThatMakesNoSenseIsRefused() throws IOException {
    change(config -> config.put("lora_alpha", -1).putArray("target_modules").add("gate"));

    assertThatThrownBy(() -> TrainedAdapter.read(folder.resolve("adapter"), MODEL))
        .isInstanceOf(InvalidInputException.class)
        .hasMessage(
            folder.resolve("adapter/adapter_config.json")
                + ": has r = 2, lora_alpha = -1, target_modules = [\"gate\"]. [adapter-does-not-fit]\n"
                + "  Restore what the run exported.");
  }

  @Test
  void theScaleOfAStabilisedAdapterIsAlphaByTheRootOfItsRank() throws IOException {
    change(config -> config.put("use_rslora", true));

    assertThat(TrainedAdapter.read(folder.resolve("adapter"), MODEL).lora().scale())
        .isCloseTo(5.5 / Math.sqrt(2), within(1e-12));
  }

  @Test
  void whatPeftWritesOfPlainLoraIsRead() throws IOException {
    change(
        config -> {
          config.put("use_rslora", false).put("use_dora", false).putNull("modules_to_save");
          config.put("init_lora_weights", true).putNull("layers_to_transform");
          config.putObject("rank_pattern");
          config.putObject("alpha_pattern");
        });

    assertThat(TrainedAdapter.read(folder.resolve("adapter"), MODEL).lora()).isEqualTo(LORA);
  }

  @Test
  void anAdapterOfAnotherKindIsRefused() throws IOException {
    change(
        config -> {
          config.put("use_dora", true).put("bias", "all").put("init_lora_weights", "pissa");
          config.putObject("alpha_pattern").put("q_proj", 64);
        });

    assertThatThrownBy(() -> TrainedAdapter.read(folder.resolve("adapter"), MODEL))
        .isInstanceOf(InvalidInputException.class)
        .hasMessage(
            folder.resolve("adapter/adapter_config.json")
                + ": has use_dora = true, bias = \"all\", alpha_pattern = {\"q_proj\":64},"
                + " init_lora_weights = pissa, which is not computed here. [adapter-does-not-fit]\n"
                + "  Give an adapter of LoRA or rsLoRA, on whole modules of an unchanged model.");
  }

  private void change(Consumer<ObjectNode> change) throws IOException {
    Path file = folder.resolve("adapter/adapter_config.json");
    ObjectNode config = (ObjectNode) Json.read(Files.readAllBytes(file));
    change.accept(config);
    Files.writeString(file, Json.write(config));
  }
}
