package io.retune.model;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import io.retune.config.ErrorCode;
import io.retune.config.InvalidInputException;
import io.retune.store.Json;
import io.retune.store.SafeTensors;
import io.retune.store.SafeTensors.Entry;
import io.retune.store.SafeTensors.Mapped;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeSet;

/** The tensors of a Hugging Face directory, in one safetensors file or several, as float32. */
public final class Weights {
  static final String INDEX = "model.safetensors.index.json";

  private final Path directory;
  private final Map<String, Mapped> fileOf = new HashMap<>();

  private Weights(Path directory) {
    this.directory = directory;
  }

  /**
   * @throws InvalidInputException if a file is missing or not sound
   */
  public static Weights open(Path directory) throws IOException {
    Weights weights = new Weights(directory);
    Path index = directory.resolve(INDEX);
    if (!Files.exists(index)) {
      weights.add(directory.resolve("model.safetensors"));
      return weights;
    }
    for (String file : files(index)) {
      if (!file.matches("model[^/\\\\]*\\.safetensors")) {
        throw InvalidInputException.of(
            ErrorCode.WEIGHTS_DAMAGED,
            index.toString(),
            "names the file \"" + file + "\".",
            "Files must lie beside it and be called model*.safetensors.");
      }
      weights.add(directory.resolve(file));
    }
    return weights;
  }

  /** Of an index, sorted. */
  private static SortedSet<String> files(Path index) throws IOException {
    try {
      JsonNode map = Json.read(Files.readAllBytes(index)).path("weight_map");
      SortedSet<String> files = new TreeSet<>();
      map.forEach(file -> files.add(file.isTextual() ? file.textValue() : ""));
      if (map.isObject() && !files.isEmpty()) {
        return files;
      }
    } catch (JsonProcessingException e) {
      throw notAnIndex(index);
    }
    throw notAnIndex(index);
  }

  private static InvalidInputException notAnIndex(Path index) {
    return InvalidInputException.of(
        ErrorCode.WEIGHTS_DAMAGED,
        index.toString(),
        "has no weight_map of tensors to files.",
        "Give the files of one complete model.");
  }

  private void add(Path file) throws IOException {
    if (!Files.exists(file)) {
      throw InvalidInputException.of(
          ErrorCode.NOT_A_MODEL,
          directory.toString(),
          "has no " + file.getFileName() + ".",
          "Give a Hugging Face directory with safetensors.");
    }
    Mapped mapped = SafeTensors.map(file);
    for (String name : mapped.header().tensors().keySet()) {
      Mapped other = fileOf.putIfAbsent(name, mapped);
      if (other != null) {
        throw InvalidInputException.of(
            ErrorCode.WEIGHTS_DO_NOT_FIT,
            file.toString(),
            "tensor \"" + name + "\" lies in " + other.file().getFileName() + " too.",
            "Give the files of one complete model.");
      }
    }
  }

  /**
   * A tensor as little-endian float32, mapped where the file holds it so, converted else.
   *
   * @param shape that it must have
   * @throws InvalidInputException if it is missing, has another shape, or a type that is no float
   */
  public ByteBuffer float32(String name, long... shape) throws IOException {
    Mapped mapped = fileOf.get(name);
    if (mapped == null) {
      throw InvalidInputException.of(
          ErrorCode.WEIGHTS_DO_NOT_FIT,
          directory.toString(),
          "has no tensor \"" + name + "\".",
          "Give the files of one complete model.");
    }
    Entry entry = mapped.header().require(mapped.file().toString(), name);
    List<Long> expected = java.util.Arrays.stream(shape).boxed().toList();
    if (!entry.shape().equals(expected)) {
      throw InvalidInputException.of(
          ErrorCode.WEIGHTS_DO_NOT_FIT,
          mapped.file().toString(),
          "tensor \"" + name + "\" is " + entry.shape() + ", config.json says " + expected + ".",
          "Give weights and config.json of the same model.");
    }
    return float32(mapped, name);
  }

  /** Of one file, whatever its shape; as {@link #float32(String, long...)}. */
  static ByteBuffer float32(Mapped mapped, String name) throws IOException {
    Entry entry = mapped.header().require(mapped.file().toString(), name);
    return switch (entry.dtype()) {
      case F32 -> mapped.bytes(name);
      case BF16, F16 -> {
        if (entry.elements() > Integer.MAX_VALUE / Float.BYTES) {
          throw notSupported(
              mapped,
              name,
              "has more elements than 2 GiB hold as float32",
              "Take a smaller model.");
        }
        yield widened(mapped.bytes(name), entry);
      }
      default ->
          throw notSupported(
              mapped, name, "is " + entry.dtype(), "Supported are F32, BF16 and F16.");
    };
  }

  private static InvalidInputException notSupported(
      Mapped mapped, String name, String what, String remedy) {
    return InvalidInputException.of(
        ErrorCode.MODEL_NOT_SUPPORTED,
        mapped.file().toString(),
        "tensor \"" + name + "\" " + what + ".",
        remedy);
  }

  private static ByteBuffer widened(ByteBuffer halves, Entry entry) {
    ByteBuffer wide =
        ByteBuffer.allocateDirect(Math.toIntExact(entry.elements()) * Float.BYTES)
            .order(ByteOrder.LITTLE_ENDIAN);
    boolean brain = entry.dtype() == SafeTensors.DType.BF16;
    while (halves.hasRemaining()) {
      short bits = halves.getShort();
      wide.putFloat(brain ? Halves.fromBrain(bits) : Halves.fromHalf(bits));
    }
    return wide.flip();
  }
}
