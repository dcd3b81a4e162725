package io.retune.engine;

import ai.djl.engine.Engine;
import io.retune.config.TrainSpec;
import io.retune.model.AdapterLayout;
import io.retune.model.ModelConfig;
import io.retune.plan.MicroBatch;
import io.retune.store.Json;
import io.retune.store.Sha256;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;

/**
 * What decides the bits of a computation beside its inputs. Holds no machine count, host or path.
 *
 * @param facts library versions, instruction set, flags, and the digest of a small fixed problem
 *     put through every kernel
 * @param sha256 of the facts as JSON
 */
public record Numerics(SortedMap<String, String> facts, Sha256 sha256) {
  private static final long SEED = 20_260_101;
  private static final int TOKENS = 48;

  /** Worked out once per process. */
  private static final class Holder {
    private static final Numerics PROBED = probeNow();
  }

  public static Numerics probe() {
    return Holder.PROBED;
  }

  private static Numerics probeNow() {
    SortedMap<String, String> facts = new TreeMap<>();
    facts.put("probe", problemDigest());
    facts.put("torch", Engine.getEngine("PyTorch").getVersion());
    facts.put("architecture", System.getProperty("os.arch"));
    facts.put("instructions", instructions());
    facts.put("products", Kernels.Products.ofThisMachine().name());
    facts.put("kernels", Sha256.of(Kernels.source(Kernels.Products.ofThisMachine())).hex());
    facts.put("lane-threads", "1");
    facts.put("precision", "float32");
    for (String variable :
        List.of(
            "ATEN_CPU_CAPABILITY", "MKL_CBWR", "ONEDNN_MAX_CPU_ISA", "MKL_ENABLE_INSTRUCTIONS")) {
      String value = System.getenv(variable);
      if (value != null) {
        facts.put("environment." + variable, value);
      }
    }
    return new Numerics(Collections.unmodifiableSortedMap(facts), Sha256.of(Json.write(facts)));
  }

  /** The facts, sorted, that differ between two machines, or that one of them lacks. */
  public static List<String> differing(Map<String, String> one, Map<String, String> other) {
    SortedSet<String> facts = new TreeSet<>(one.keySet());
    facts.addAll(other.keySet());
    return facts.stream().filter(f -> !Objects.equals(one.get(f), other.get(f))).toList();
  }

  /** The vector extensions by which libraries choose their code paths, where the system tells. */
  private static String instructions() {
    try (Stream<String> lines = Files.lines(Path.of("/proc/cpuinfo"))) {
      // x86 says flags, ARM says Features.
      String flags =
          lines
              .filter(l -> l.startsWith("flags") || l.startsWith("Features"))
              .findFirst()
              .orElse("");
      return Stream.of(flags.split("\\s+"))
          .filter(f -> f.matches("avx.*|fma|amx.*|sse4_2|asimd.*|sve.*|bf16|i8mm|fphp"))
          .sorted()
          .distinct()
          .reduce((a, b) -> a + " " + b)
          .orElse("unknown");
    } catch (IOException e) {
      return "unknown";
    }
  }

  private static String problemDigest() {
    ModelConfig config =
        new ModelConfig(
            512, 128, 256, 2, 4, 2, 32, 64, 1e-5, new ModelConfig.Rope(frequencies(), 1f), true);
    TrainSpec.Lora lora = new TrainSpec.Lora(8, 16, AdapterLayout.modules());
    AdapterLayout layout = AdapterLayout.of(config, lora);
    try (Decoder decoder = Decoder.of(config, layout, lora.scale(), name -> weights(config, name));
        Lane lane = decoder.lane()) {
      float[] gradient = new float[layout.size()];
      double loss = lane.gradient(batch(), random(layout.size(), 1), 0.05, gradient);
      return FastDigest.of(gradient) + Long.toHexString(Double.doubleToRawLongBits(loss));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static float[] frequencies() {
    float[] frequencies = new float[16];
    for (int i = 0; i < frequencies.length; i++) {
      frequencies[i] = 1f / (1 << (i / 2));
    }
    return frequencies;
  }

  private static MicroBatch batch() {
    int[] ids = new int[TOKENS];
    int[] positions = new int[TOKENS];
    int[] labels = new int[TOKENS];
    for (int i = 0; i < TOKENS; i++) {
      ids[i] = (int) Math.floorMod(CounterHash.bits(SEED, 2, i), 512L);
      positions[i] = i < 20 ? i : i - 20;
      labels[i] = i % 3 == 0 ? MicroBatch.NO_TARGET : (ids[i] + 1) % 512;
    }
    return new MicroBatch(ids, positions, labels);
  }

  private static ByteBuffer weights(ModelConfig config, String name) {
    int width = config.width();
    int heads = config.headWidth();
    int size =
        switch (name.substring(name.indexOf('.') + 1)) {
          case "embedding" -> config.vocabulary() * width;
          case "norm", "norm1", "norm2" -> width;
          case "qkv" -> (config.heads() + 2 * config.keyValueHeads()) * heads * width;
          case "o" -> config.heads() * heads * width;
          case "gate-up" -> 2 * config.feedForward() * width;
          default -> config.feedForward() * width;
        };
    ByteBuffer bytes = ByteBuffer.allocateDirect(size * 4).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(random(size, name.hashCode()));
    return bytes;
  }

  private static float[] random(int size, int stream) {
    float[] values = new float[size];
    for (int i = 0; i < size; i++) {
      values[i] = (CounterHash.uniform(SEED, stream, i) - 0.5f) * 0.2f;
    }
    return values;
  }
}
