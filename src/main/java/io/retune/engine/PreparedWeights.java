package io.retune.engine;

import io.retune.config.InvalidInputException;
import io.retune.model.AdapterLayout;
import io.retune.model.ImportedModel;
import io.retune.model.ModelConfig;
import io.retune.model.ModelImporter;
import io.retune.model.Weights;
import io.retune.store.SafeTensors;
import io.retune.store.SafeTensors.DType;
import io.retune.store.SafeTensors.Tensor;
import io.retune.store.Scratch;
import io.retune.store.Sha256;
import java.io.BufferedOutputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A model's weights as the kernels want them: q, k and v in one matrix, gate and up in one,
 * float32. Made once per machine, and mapped by every rank of it, so that they take memory once.
 */
final class PreparedWeights {
  private static final Logger log = LoggerFactory.getLogger(PreparedWeights.class);

  /** Raised when the layout changes. */
  private static final String LAYOUT = "fused-v1";

  private PreparedWeights() {}

  /**
   * Makes the weights where they are not there or not what was made, and maps them. A file of the
   * cache that lost a bit would change weights in silence, so it is held against its digest each
   * time.
   *
   * @param cache local directory
   * @throws InvalidInputException if the model's files are no longer what they are named by
   */
  static SafeTensors.Mapped open(ImportedModel model, Path cache) throws IOException {
    Path folder = cache.resolve("prepared").resolve(model.sha256().hex());
    Path file = folder.resolve(LAYOUT + ".safetensors");
    Path digest = folder.resolve(LAYOUT + ".sha256");
    if (!isWhole(file, digest)) {
      make(model, file, digest);
    }
    return SafeTensors.map(file);
  }

  private static boolean isWhole(Path file, Path digest) throws IOException {
    if (!Files.exists(file) || !Files.exists(digest)) {
      return false;
    }
    boolean whole = Files.readString(digest).equals(Sha256.of(file).hex());
    if (!whole) {
      log.warn("event=prepared-weights-damaged path={}", file);
    }
    return whole;
  }

  private static void make(ImportedModel model, Path file, Path digest) throws IOException {
    ModelImporter.requireUnchanged(model);
    Path staged = Scratch.make(file.getParent(), ".preparing-");
    try {
      Path weights = staged.resolve(file.getFileName());
      Path sha256 = Files.writeString(staged.resolve(digest.getFileName()), write(model, weights));
      // Whoever makes them makes the same bytes: it does not matter which of several is last.
      Files.move(weights, file, StandardCopyOption.ATOMIC_MOVE);
      Files.move(sha256, digest, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Scratch.delete(staged);
    }
  }

  /** The SHA-256 of what was written. */
  private static String write(ImportedModel model, Path file) throws IOException {
    MessageDigest written = Sha256.digest();
    try (FileOutputStream out = new FileOutputStream(file.toFile());
        OutputStream hashed =
            new DigestOutputStream(new BufferedOutputStream(out, 1 << 20), written)) {
      SafeTensors.write(hashed, tensors(Weights.open(model.directory()), model.config()), Map.of());
      hashed.flush();
      out.getFD().sync();
    }
    return Sha256.finish(written).hex();
  }

  private static Map<String, Tensor> tensors(Weights weights, ModelConfig config) {
    int width = config.width();
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    tensors.put("embedding", matrix(weights, config.vocabulary(), width, "model.embed_tokens"));
    if (!config.tiedHead()) {
      tensors.put("head", matrix(weights, config.vocabulary(), width, "lm_head"));
    }
    tensors.put("norm", vector(weights, width, "model.norm"));
    for (int layer = 0; layer < config.layers(); layer++) {
      String from = "model.layers." + layer + ".";
      String to = layer + ".";
      tensors.put(to + "norm1", vector(weights, width, from + "input_layernorm"));
      tensors.put(to + "qkv", fused(weights, config, from, "q_proj", "k_proj", "v_proj"));
      tensors.put(to + "o", fused(weights, config, from, "o_proj"));
      tensors.put(to + "norm2", vector(weights, width, from + "post_attention_layernorm"));
      tensors.put(to + "gate-up", fused(weights, config, from, "gate_proj", "up_proj"));
      tensors.put(to + "down", fused(weights, config, from, "down_proj"));
    }
    return tensors;
  }

  private static Tensor vector(Weights weights, int width, String name) {
    return new Tensor(
        DType.F32, List.of((long) width), () -> read(weights, name + ".weight", width));
  }

  private static Tensor matrix(Weights weights, int rows, int columns, String name) {
    return new Tensor(
        DType.F32,
        List.of((long) rows, (long) columns),
        () -> read(weights, name + ".weight", rows, columns));
  }

  /** Modules that read the same input, one under the other. */
  private static Tensor fused(
      Weights weights, ModelConfig config, String prefix, String... modules) {
    int columns = AdapterLayout.inputs(config, modules[0]);
    int rows = 0;
    for (String module : modules) {
      rows += AdapterLayout.outputs(config, module);
    }
    int bytes = Math.multiplyExact(Math.multiplyExact(rows, columns), 4);
    return new Tensor(
        DType.F32,
        List.of((long) rows, (long) columns),
        () -> {
          ByteBuffer all = ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
          for (String module : modules) {
            String name = prefix + AdapterLayout.block(module) + "." + module + ".weight";
            all.put(read(weights, name, AdapterLayout.outputs(config, module), columns));
          }
          return all.flip();
        });
  }

  private static ByteBuffer read(Weights weights, String name, long... shape) {
    try {
      return weights.float32(name, shape);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
