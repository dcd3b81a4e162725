package io.retune.model;

import io.retune.config.ErrorCode;
import io.retune.config.InvalidInputException;
import java.io.IOException;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * A GGUF file, version 3 (ggml's docs/gguf.md): metadata and tensors. Reading trusts no number of
 * the file: counts and lengths are held against what is there before anything is allocated.
 */
final class GgufFile {
  static final int MAGIC = 0x46554747; // "GGUF", little-endian
  static final int VERSION = 3;
  private static final int DEFAULT_ALIGNMENT = 32;

  /** Room for the metadata of large vocabularies; the tensors behind it are mapped one by one. */
  private static final long MAX_METADATA_BYTES = 1L << 30;

  private static final int MAX_DIMENSIONS = 4;

  private final Path file;
  private final Map<String, Object> metadata = new LinkedHashMap<>();
  private final Map<String, Tensor> tensors = new LinkedHashMap<>();

  /** Types we can read, with ggml's numbers. */
  enum Type {
    F32(0, 1, 4),
    F16(1, 1, 2),
    Q4_0(2, 32, 18),
    Q4_1(3, 32, 20),
    Q8_0(8, 32, 34),
    BF16(30, 1, 2);

    final int id;
    final int blockElements;
    final int blockBytes;

    Type(int id, int blockElements, int blockBytes) {
      this.id = id;
      this.blockElements = blockElements;
      this.blockBytes = blockBytes;
    }
  }

  /**
   * @param rows of a matrix, or 1; GGUF lists dimensions columns first
   * @param offset of its first byte in the file
   */
  record Tensor(Type type, int rows, int columns, long offset, long bytes) {}

  private GgufFile(Path file) {
    this.file = file;
  }

  /**
   * @throws InvalidInputException if the file is not a whole and sound GGUF file of types we can
   *     read
   */
  static GgufFile open(Path file) throws IOException {
    GgufFile gguf = new GgufFile(file);
    try (FileChannel channel = FileChannel.open(file)) {
      long size = channel.size();
      ByteBuffer head =
          channel
              .map(FileChannel.MapMode.READ_ONLY, 0, Math.min(size, MAX_METADATA_BYTES))
              .order(ByteOrder.LITTLE_ENDIAN);
      gguf.read(head, size);
      return gguf;
    } catch (BufferUnderflowException e) {
      throw gguf.damaged("ends inside its header");
    } catch (ArithmeticException | NegativeArraySizeException e) {
      throw gguf.damaged("has impossible sizes");
    }
  }

  private void read(ByteBuffer in, long size) {
    if (in.remaining() < 24 || in.getInt() != MAGIC) {
      throw InvalidInputException.of(
          ErrorCode.NOT_A_MODEL,
          file.toString(),
          "is not a GGUF file.",
          "Give a GGUF file or a Hugging Face directory.");
    }
    int version = in.getInt();
    if (version != VERSION) {
      throw InvalidInputException.of(
          ErrorCode.MODEL_NOT_SUPPORTED,
          file.toString(),
          "is GGUF version " + Integer.toUnsignedString(version) + ".",
          "Convert it to version 3, the only one that is read.");
    }
    long tensorCount = in.getLong();
    long pairCount = in.getLong();
    for (long i = 0; i < checked(pairCount, in, 13); i++) {
      String key = text(in);
      if (metadata.put(key, value(in, in.getInt(), 0)) != null) {
        throw damaged("has the key " + key + " twice");
      }
    }
    List<Runnable> placing = new ArrayList<>();
    long[] dataStart = new long[1];
    for (long i = 0; i < checked(tensorCount, in, 24); i++) {
      describe(in, size, dataStart, placing);
    }
    long alignment = number("general.alignment", DEFAULT_ALIGNMENT);
    if (alignment < 1 || alignment > 1 << 20) {
      throw damaged("has the alignment " + alignment);
    }
    dataStart[0] = (in.position() + alignment - 1) / alignment * alignment;
    placing.forEach(Runnable::run);
  }

  private void describe(ByteBuffer in, long size, long[] dataStart, List<Runnable> placing) {
    String name = text(in);
    int dimensions = in.getInt();
    if (dimensions < 1 || dimensions > MAX_DIMENSIONS) {
      throw damaged("gives tensor " + name + " " + dimensions + " dimensions");
    }
    long columns = in.getLong();
    long rows = 1;
    for (int d = 1; d < dimensions; d++) {
      rows = Math.multiplyExact(rows, in.getLong());
    }
    Type type = type(name, in.getInt());
    long relative = in.getLong();
    if (columns < 1 || rows < 1 || columns > Integer.MAX_VALUE || rows > Integer.MAX_VALUE) {
      throw damaged("gives tensor " + name + " an impossible shape");
    }
    if (columns % type.blockElements != 0) {
      throw damaged("gives tensor " + name + " a row that is not whole blocks of " + type);
    }
    long bytes =
        Math.multiplyExact(Math.multiplyExact(columns / type.blockElements, type.blockBytes), rows);
    int rowCount = (int) rows;
    int columnCount = (int) columns;
    placing.add(
        () -> {
          long offset = Math.addExact(dataStart[0], relative);
          if (relative < 0 || Math.addExact(offset, bytes) > size) {
            throw damaged("is cut off inside tensor " + name);
          }
          if (tensors.put(name, new Tensor(type, rowCount, columnCount, offset, bytes)) != null) {
            throw damaged("has tensor " + name + " twice");
          }
        });
  }

  private Type type(String tensor, int id) {
    return Stream.of(Type.values())
        .filter(t -> t.id == id)
        .findFirst()
        .orElseThrow(
            () ->
                InvalidInputException.of(
                    ErrorCode.MODEL_NOT_SUPPORTED,
                    file.toString(),
                    "tensor " + tensor + " has the quantisation type " + id + ".",
                    "Types that can be read: "
                        + Stream.of(Type.values()).map(Type::name).collect(Collectors.joining(", "))
                        + ". Give the model in one of them."));
  }

  /** A count is refused when what follows cannot hold that many of the smallest thing. */
  private long checked(long count, ByteBuffer in, int leastBytes) {
    if (count < 0 || count > size(in) / leastBytes) {
      throw damaged("counts " + Long.toUnsignedString(count) + " entries in a smaller file");
    }
    return count;
  }

  private static long size(ByteBuffer in) {
    return in.limit();
  }

  private String text(ByteBuffer in) {
    long length = in.getLong();
    if (length < 0 || length > in.remaining()) {
      throw damaged(
          "says that a text has "
              + Long.toUnsignedString(length)
              + " bytes, and ends after "
              + in.remaining());
    }
    byte[] bytes = new byte[(int) length];
    in.get(bytes);
    return new String(bytes, StandardCharsets.UTF_8);
  }

  private Object value(ByteBuffer in, int type, int depth) {
    return switch (type) {
      case 0 -> (long) (in.get() & 0xff);
      case 1 -> (long) in.get();
      case 2 -> (long) (in.getShort() & 0xffff);
      case 3 -> (long) in.getShort();
      case 4 -> in.getInt() & 0xffffffffL;
      case 5 -> (long) in.getInt();
      case 6 -> (double) in.getFloat();
      case 7 -> in.get() != 0;
      case 8 -> text(in);
      case 9 -> array(in, depth);
      case 10, 11 -> in.getLong();
      case 12 -> in.getDouble();
      default -> throw damaged("has a value of the unknown type " + type);
    };
  }

  private List<Object> array(ByteBuffer in, int depth) {
    if (depth > 2) {
      throw damaged("nests arrays too deeply");
    }
    int type = in.getInt();
    long count = checked(in.getLong(), in, 1);
    List<Object> values = new ArrayList<>();
    for (long i = 0; i < count; i++) {
      values.add(value(in, type, depth + 1));
    }
    return values;
  }

  /** What to throw when the file contradicts itself. */
  InvalidInputException damaged(String what) {
    return InvalidInputException.of(
        ErrorCode.WEIGHTS_DAMAGED,
        file.toString(),
        what + ".",
        "The file is damaged or was made to deceive; fetch it again.");
  }

  Path file() {
    return file;
  }

  Map<String, Tensor> tensors() {
    return tensors;
  }

  boolean has(String key) {
    return metadata.containsKey(key);
  }

  String string(String key) {
    return typed(key, String.class);
  }

  long number(String key) {
    return typed(key, Long.class);
  }

  long number(String key, long otherwise) {
    return has(key) ? number(key) : otherwise;
  }

  double real(String key) {
    return typed(key, Double.class);
  }

  @SuppressWarnings("unchecked") // each element is checked
  <T> List<T> list(String key, Class<T> type) {
    List<?> values = typed(key, List.class);
    if (!values.stream().allMatch(type::isInstance)) {
      throw damaged("has the wrong type in " + key);
    }
    return (List<T>) values;
  }

  private <T> T typed(String key, Class<T> type) {
    Object value = metadata.get(key);
    if (!type.isInstance(value)) {
      throw InvalidInputException.of(
          ErrorCode.MODEL_CONFIG_WRONG,
          file.toString(),
          value == null ? "has no metadata " + key + "." : "has the wrong type in " + key + ".",
          "Give a GGUF file of a whole model with its tokenizer.");
    }
    return type.cast(value);
  }

  /**
   * A tensor's values, float32 row-major [rows, columns], as ggml dequantises them.
   *
   * @throws InvalidInputException if there is no such tensor
   */
  float[] floats(String name) throws IOException {
    Tensor tensor = tensors.get(name);
    if (tensor == null) {
      throw InvalidInputException.of(
          ErrorCode.WEIGHTS_DO_NOT_FIT,
          file.toString(),
          "has no tensor " + name + ".",
          "Give the file of a whole model.");
    }
    float[] values = new float[Math.multiplyExact(tensor.rows(), tensor.columns())];
    try (FileChannel channel = FileChannel.open(file)) {
      ByteBuffer in =
          channel
              .map(FileChannel.MapMode.READ_ONLY, tensor.offset(), tensor.bytes())
              .order(ByteOrder.LITTLE_ENDIAN);
      Dequantise.into(values, in, tensor.type());
    }
    return values;
  }
}
