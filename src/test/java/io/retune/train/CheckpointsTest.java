package io.retune.train;

import static org.assertj.core.api.Assertions.assertThat;

import io.retune.config.TrainSpec;
import io.retune.model.AdapterLayout;
import io.retune.model.ModelConfig;
import io.retune.store.Json;
import io.retune.store.SafeTensors;
import io.retune.store.Sha256;
import io.retune.store.Store;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CheckpointsTest {
  private static final AdapterLayout LAYOUT =
      AdapterLayout.of(
          new ModelConfig(
              9, 8, 12, 2, 2, 1, 4, 16, 1e-5, new ModelConfig.Rope(new float[2], 1f), true),
          new TrainSpec.Lora(2, 4, List.of("q_proj", "down_proj")));

  @TempDir Path folder;
  private Checkpoints checkpoints;

  @BeforeEach
  void open() {
    checkpoints = checkpoints("here", "run");
  }

  private Checkpoints checkpoints(String store, String run) {
    return new Checkpoints(
        Store.open(folder.resolve(store).toString(), new Configuration()), run, LAYOUT);
  }

  private Path of(int step) {
    return folder.resolve("here/runs/run/checkpoints").resolve("step-%06d".formatted(step));
  }

  private static Checkpoints.State state(int step) {
    return new Checkpoints.State(step, random(step), random(step + 1000), random(step + 2000));
  }

  private static float[] random(int seed) {
    Random random = new Random(seed);
    float[] values = new float[LAYOUT.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = Float.intBitsToFloat(random.nextInt() & 0xbfffffff);
    }
    return values;
  }

  @Test
  void whatWasWrittenIsReadToTheBit() {
    CheckpointRecord record = checkpoints.write(state(8));
    Checkpoints.State read = checkpoints.read(8);

    assertThat(record.step()).isEqualTo(8);
    assertThat(read.step()).isEqualTo(8);
    assertThat(Arrays.equals(read.adapter(), state(8).adapter())).isTrue();
    assertThat(Arrays.equals(read.mean(), state(8).mean())).isTrue();
    assertThat(Arrays.equals(read.square(), state(8).square())).isTrue();
    assertThat(Arrays.equals(checkpoints.adapter(8), state(8).adapter())).isTrue();
  }

  @Test
  void theManifestHoldsTheDigestOfEachFileAndTensor() throws IOException {
    CheckpointRecord record = checkpoints.write(state(8));

    assertThat(names(of(8)))
        .containsExactly("adapter.safetensors", "manifest.json", "optimizer.safetensors");
    byte[] manifest = Files.readAllBytes(of(8).resolve("manifest.json"));
    assertThat(record.sha256()).isEqualTo(Sha256.of(manifest).hex());
    assertThat(record.bytes())
        .isEqualTo(
            Files.size(of(8).resolve("adapter.safetensors"))
                + Files.size(of(8).resolve("optimizer.safetensors")));
    TreeMap<String, Object> files = new TreeMap<>();
    for (String name : List.of("adapter.safetensors", "optimizer.safetensors")) {
      SafeTensors.Mapped mapped = SafeTensors.map(of(8).resolve(name));
      TreeMap<String, String> tensors = new TreeMap<>();
      for (String tensor : mapped.header().tensors().keySet()) {
        tensors.put(tensor, Sha256.of(mapped.bytes(tensor)).hex());
      }
      files.put(
          name,
          java.util.Map.of("sha256", Sha256.of(of(8).resolve(name)).hex(), "tensors", tensors));
    }
    assertThat(Json.read(manifest))
        .isEqualTo(
            Json.read(
                Json.write(java.util.Map.of("step", 8, "files", files))
                    .getBytes(java.nio.charset.StandardCharsets.UTF_8)));
  }

  @Test
  void whoeverWritesAStepWritesTheSameBytes() throws IOException {
    checkpoints.write(state(8));
    checkpoints("elsewhere", "another-run").write(state(8));
    Path other = folder.resolve("elsewhere/runs/another-run/checkpoints/step-000008");

    for (String name : names(of(8))) {
      assertThat(Files.readAllBytes(other.resolve(name)))
          .as(name)
          .isEqualTo(Files.readAllBytes(of(8).resolve(name)));
    }
    for (String name : List.of("manifest.json", "adapter.safetensors")) {
      assertThat(
              Files.readString(of(8).resolve(name), java.nio.charset.StandardCharsets.ISO_8859_1))
          .doesNotContain("another-run", folder.toString());
    }
  }

  @Test
  void theLatestIsTheNewestThatIsNotTooNew() {
    assertThat(checkpoints.latest(100)).isEmpty();
    for (int step : new int[] {4, 12, 8, 999_999, 1_000_000}) {
      checkpoints.write(state(step));
    }

    assertThat(checkpoints.latest(3)).isEmpty();
    assertThat(checkpoints.latest(4)).contains(4);
    assertThat(checkpoints.latest(11)).contains(8);
    assertThat(checkpoints.latest(999_999)).contains(999_999);
    assertThat(checkpoints.latest(Integer.MAX_VALUE)).contains(1_000_000);
  }

  @ParameterizedTest
  @ValueSource(strings = {"adapter.safetensors", "optimizer.safetensors", "manifest.json"})
  void aDamagedCheckpointIsPassedOverAndWrittenAnewWhenItsStepIsDoneAgain(String file)
      throws IOException {
    checkpoints.write(state(4));
    CheckpointRecord before = checkpoints.write(state(8));
    for (int damage = 0; damage < 3; damage++) {
      Path damaged = of(8).resolve(file);
      byte[] bytes = Files.readAllBytes(damaged);
      switch (damage) {
        case 0 -> {
          // In the digest of a tensor, or in a value.
          int at =
              file.equals("manifest.json")
                  ? new String(bytes, java.nio.charset.StandardCharsets.UTF_8).indexOf("sha256")
                      + 12
                  : bytes.length - 1;
          bytes[at] ^= 1;
          Files.write(damaged, bytes);
        }
        case 1 -> Files.write(damaged, Arrays.copyOf(bytes, bytes.length / 2));
        default -> Files.delete(damaged);
      }

      assertThat(checkpoints.latest(100)).as("damage %d", damage).contains(4);
      CheckpointRecord again = checkpoints.write(state(8));
      assertThat(again.sha256()).isEqualTo(before.sha256());
      assertThat(checkpoints.latest(100)).contains(8);
      assertThat(Arrays.equals(checkpoints.adapter(8), state(8).adapter())).isTrue();
    }
  }

  @Test
  void whatWasLeftHalfWrittenIsIgnored() throws IOException {
    checkpoints.write(state(4));
    Path runs = of(4).getParent();
    Files.createDirectories(runs.resolve(".staged-step-000008-0b0c"));
    Files.writeString(runs.resolve(".staged-step-000008-0b0c").resolve("manifest.json"), "{");
    Files.createDirectories(runs.resolve("step-000009"));
    Files.createDirectories(runs.resolve("step-latest"));
    Files.writeString(runs.resolve("step-000010"), "a file");

    assertThat(checkpoints.latest(100)).contains(4);
  }

  @Test
  void aSoundCheckpointIsLeftAsItIs() throws IOException {
    checkpoints.write(state(8));
    java.nio.file.attribute.FileTime written =
        Files.getLastModifiedTime(of(8).resolve("manifest.json"));
    CheckpointRecord again = checkpoints.write(state(8));

    assertThat(Files.getLastModifiedTime(of(8).resolve("manifest.json"))).isEqualTo(written);
    assertThat(again.sha256()).isEqualTo(Sha256.of(of(8).resolve("manifest.json")).hex());
    assertThat(names(of(8).getParent())).containsExactly("step-000008");
  }

  private static List<String> names(Path directory) throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      return files.map(f -> f.getFileName().toString()).sorted().toList();
    }
  }
}
