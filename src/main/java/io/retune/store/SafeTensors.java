package io.retune.store;

import com.fasterxml.jackson.databind.JsonNode;
import io.retune.config.ErrorCode;
import io.retune.config.FileReason;
import io.retune.config.InvalidInputException;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;

/**
 * The safetensors format (github.com/huggingface/safetensors, "Format"): eight bytes of header
 * length, a JSON header, then the tensors' little-endian bytes without holes. Reading enforces all
 * of it: nothing hostile gets past {@link #header}.
 */
public final class SafeTensors {
  private static final int PREFIX_BYTES = 8;

  /** As in the reference implementation. */
  private static final int MAX_HEADER_BYTES = 100_000_000;

  /** A cache line: tensors mapped from a file start on one. The reference pads to eight. */
  private static final int ALIGNMENT_BYTES = 64;

  /** Those of the format (its Dtype in safetensors/src/tensor.rs) that are not computed with. */
  private static final Set<String> OTHER_DTYPES =
      Set.of(
          "F4",
          "F6_E2M3",
          "F6_E3M2",
          "F8_E4M3",
          "F8_E4M3FNUZ",
          "F8_E5M2",
          "F8_E5M2FNUZ",
          "F8_E8M0",
          "C64",
          "U16",
          "U32",
          "U64");

  private SafeTensors() {}

  /** Element types we read or write. */
  public enum DType {
    F64(8),
    F32(4),
    F16(2),
    BF16(2),
    I64(8),
    I32(4),
    I16(2),
    I8(1),
    U8(1),
    BOOL(1);

    private final int bytes;

    DType(int bytes) {
      this.bytes = bytes;
    }

    public int bytes() {
      return bytes;
    }
  }

  /**
   * Where one tensor lies.
   *
   * @param offset of its first byte in the file
   * @param bytes its length
   */
  public record Entry(DType dtype, List<Long> shape, long offset, long bytes) {
    public long elements() {
      return bytes / dtype.bytes();
    }
  }

  /** A file's tensors by name, in the order of their bytes, and its metadata. */
  public record Header(Map<String, Entry> tensors, Map<String, String> metadata) {
    /**
     * @throws InvalidInputException naming {@code file} if there is no such tensor
     */
    public Entry require(String file, String name) {
      Entry entry = tensors.get(name);
      if (entry == null) {
        throw InvalidInputException.of(
            ErrorCode.WEIGHTS_DO_NOT_FIT,
            file,
            "has no tensor \"" + name + "\".",
            "Give the files of one complete model.");
      }
      return entry;
    }
  }

  /**
   * A tensor to write.
   *
   * @param content its bytes, little-endian, between position and limit; asked for once, when they
   *     are written
   */
  public record Tensor(DType dtype, List<Long> shape, Supplier<ByteBuffer> content) {
    public Tensor {
      shape = List.copyOf(shape);
    }

    public static Tensor of(List<Long> shape, float[] values) {
      return of(shape, values, 0, values.length);
    }

    /** {@code length} of {@code values} from {@code offset} on. */
    public static Tensor of(List<Long> shape, float[] values, int offset, int length) {
      return new Tensor(
          DType.F32,
          shape,
          () -> {
            ByteBuffer bytes = ByteBuffer.allocate(length * 4).order(ByteOrder.LITTLE_ENDIAN);
            bytes.asFloatBuffer().put(values, offset, length);
            return bytes;
          });
    }

    public static Tensor of(List<Long> shape, int[] values) {
      ByteBuffer bytes = ByteBuffer.allocate(values.length * 4).order(ByteOrder.LITTLE_ENDIAN);
      bytes.asIntBuffer().put(values);
      return new Tensor(DType.I32, shape, () -> bytes);
    }

    /** Its length. */
    public long bytes() {
      long elements = shape.stream().mapToLong(Long::longValue).reduce(1, Math::multiplyExact);
      return Math.multiplyExact(elements, (long) dtype.bytes());
    }
  }

  /** A mapped file: tensors are views of it, valid as long as they are referred to. */
  public record Mapped(Path file, Header header) {
    /**
     * A tensor's bytes, little-endian, read-only, without copying.
     *
     * @throws InvalidInputException if there is no such tensor, or it is larger than 2 GiB
     */
    public ByteBuffer bytes(String name) throws IOException {
      Entry entry = header.require(file.toString(), name);
      if (entry.bytes() > Integer.MAX_VALUE) {
        throw InvalidInputException.of(
            ErrorCode.MODEL_NOT_SUPPORTED,
            file.toString(),
            "tensor \"" + name + "\" is larger than 2 GiB.",
            "Store it in parts.");
      }
      try (FileChannel channel = FileChannel.open(file)) {
        return channel
            .map(FileChannel.MapMode.READ_ONLY, entry.offset(), entry.bytes())
            .order(ByteOrder.LITTLE_ENDIAN);
      }
    }

    /** A float32 tensor's values, copied. */
    public float[] floats(String name) throws IOException {
      Entry entry = header.require(file.toString(), name);
      if (entry.dtype() != DType.F32) {
        throw refused(file.toString(), "tensor \"" + name + "\" is " + entry.dtype() + ", not F32");
      }
      float[] values = new float[Math.toIntExact(entry.elements())];
      bytes(name).asFloatBuffer().get(values);
      return values;
    }
  }

  /**
   * @throws InvalidInputException if the file is not a whole and sound safetensors file
   */
  public static Mapped map(Path file) throws IOException {
    try (FileChannel channel = FileChannel.open(file)) {
      long length = channel.size();
      ByteBuffer prefix = ByteBuffer.allocate((int) Math.min(length, PREFIX_BYTES));
      readFully(channel, prefix, 0);
      int headerBytes = headerBytes(file.toString(), prefix.array(), length);
      ByteBuffer json = ByteBuffer.allocate(headerBytes);
      readFully(channel, json, PREFIX_BYTES);
      return new Mapped(file, header(file.toString(), json.array(), length));
    }
  }

  private static void readFully(FileChannel channel, ByteBuffer into, long from)
      throws IOException {
    while (into.hasRemaining()) {
      if (channel.read(into, from + into.position()) < 0) {
        throw new IOException("The file ended early");
      }
    }
  }

  /**
   * Length of the JSON header.
   *
   * @param prefix the first bytes of the file, eight of them if it has as many
   * @throws InvalidInputException if the length cannot be true
   */
  public static int headerBytes(String place, byte[] prefix, long fileBytes) {
    if (startsWith(prefix, 'P', 'K', 3)) {
      throw pickle(place);
    }
    // A length of 640, 896, 1152 or 1408 starts like a pickle, but no pickle has a possible length.
    if (prefix.length >= PREFIX_BYTES && isPossible(length(prefix), fileBytes)) {
      return (int) length(prefix);
    }
    for (int protocol = 2; protocol <= 5; protocol++) {
      if (startsWith(prefix, 0x80, protocol)) {
        throw pickle(place);
      }
    }
    if (prefix.length < PREFIX_BYTES) {
      throw refused(place, "has only " + fileBytes + " bytes");
    }
    throw refused(
        place,
        "says its header has "
            + Long.toUnsignedString(length(prefix))
            + " bytes, the file has "
            + fileBytes);
  }

  private static long length(byte[] prefix) {
    return ByteBuffer.wrap(prefix).order(ByteOrder.LITTLE_ENDIAN).getLong();
  }

  private static boolean isPossible(long headerBytes, long fileBytes) {
    return headerBytes >= 2
        && headerBytes <= MAX_HEADER_BYTES
        && headerBytes <= fileBytes - PREFIX_BYTES;
  }

  private static boolean startsWith(byte[] prefix, int... magic) {
    for (int i = 0; i < magic.length; i++) {
      if (i >= prefix.length || (prefix[i] & 0xff) != magic[i]) {
        return false;
      }
    }
    return true;
  }

  private static InvalidInputException pickle(String place) {
    return InvalidInputException.of(
        ErrorCode.PICKLE,
        place,
        "is a pickle, which can run code when it is read.",
        "Convert it to safetensors where you trust it.");
  }

  /**
   * Reads a header that {@link #headerBytes} measured.
   *
   * @throws InvalidInputException if any rule of the format is broken
   */
  public static Header header(String place, byte[] json, long fileBytes) {
    JsonNode root = parse(place, json);
    Map<String, String> metadata = new LinkedHashMap<>();
    List<Map.Entry<String, Entry>> entries = new ArrayList<>();
    long dataStart = PREFIX_BYTES + (long) json.length;
    for (Iterator<Map.Entry<String, JsonNode>> it = root.fields(); it.hasNext(); ) {
      Map.Entry<String, JsonNode> field = it.next();
      if (field.getKey().equals("__metadata__")) {
        readMetadata(place, field.getValue(), metadata);
      } else {
        entries.add(
            Map.entry(field.getKey(), entry(place, field.getKey(), field.getValue(), dataStart)));
      }
    }
    entries.sort(
        Comparator.comparingLong((Map.Entry<String, Entry> e) -> e.getValue().offset())
            .thenComparingLong(e -> e.getValue().bytes()));
    Map<String, Entry> tensors = new LinkedHashMap<>();
    long next = dataStart;
    for (Map.Entry<String, Entry> entry : entries) {
      if (entry.getValue().offset() != next) {
        throw refused(place, "tensor \"" + entry.getKey() + "\" overlaps another or leaves a hole");
      }
      if (entry.getValue().bytes() > fileBytes - next) {
        throw refused(place, "ends inside tensor \"" + entry.getKey() + "\"");
      }
      next += entry.getValue().bytes();
      tensors.put(entry.getKey(), entry.getValue());
    }
    if (next != fileBytes) {
      throw refused(place, "is " + fileBytes + " bytes long, its header describes " + next);
    }
    return new Header(Collections.unmodifiableMap(tensors), Collections.unmodifiableMap(metadata));
  }

  private static JsonNode parse(String place, byte[] json) {
    if (json[0] != '{') {
      throw refused(place, "has a header that does not start with {");
    }
    try {
      StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(json));
      return Json.read(json);
    } catch (CharacterCodingException e) {
      throw refused(place, "has a header that is not UTF-8");
    } catch (IOException e) {
      throw refused(place, "has a header that is not plain JSON (" + FileReason.of(e) + ")");
    }
  }

  private static void readMetadata(String place, JsonNode node, Map<String, String> into) {
    if (!node.isObject()) {
      throw refused(place, "has __metadata__ that is not an object");
    }
    node.fields()
        .forEachRemaining(
            field -> {
              if (!field.getValue().isTextual()) {
                throw refused(place, "has __metadata__ that is not text to text");
              }
              into.put(field.getKey(), field.getValue().textValue());
            });
  }

  private static Entry entry(String place, String name, JsonNode node, long dataStart) {
    String type = node.path("dtype").asText();
    if (OTHER_DTYPES.contains(type)) {
      throw InvalidInputException.of(
          ErrorCode.MODEL_NOT_SUPPORTED,
          place,
          "tensor \"" + name + "\" is " + type + ".",
          "Give the model in F32, BF16 or F16.");
    }
    DType dtype =
        Arrays.stream(DType.values())
            .filter(d -> d.name().equals(type))
            .findFirst()
            .orElseThrow(() -> refused(place, "tensor \"" + name + "\" has the dtype " + type));
    try {
      List<Long> shape = naturals(node.path("shape"));
      List<Long> offsets = naturals(node.path("data_offsets"));
      if (offsets.size() != 2 || offsets.get(1) < offsets.get(0)) {
        throw refused(place, "tensor \"" + name + "\" has impossible data_offsets");
      }
      long bytes = offsets.get(1) - offsets.get(0);
      long elements = shape.stream().mapToLong(Long::longValue).reduce(1, Math::multiplyExact);
      if (Math.multiplyExact(elements, (long) dtype.bytes()) != bytes) {
        throw refused(place, "tensor \"" + name + "\": its shape does not fill its bytes");
      }
      return new Entry(dtype, shape, Math.addExact(dataStart, offsets.get(0)), bytes);
    } catch (ArithmeticException e) {
      throw refused(place, "tensor \"" + name + "\" has an impossible shape or offset");
    }
  }

  private static List<Long> naturals(JsonNode array) {
    List<Long> values = new ArrayList<>();
    if (!array.isArray()) {
      throw new ArithmeticException("not an array");
    }
    for (JsonNode value : array) {
      if (!value.isIntegralNumber() || !value.canConvertToLong() || value.longValue() < 0) {
        throw new ArithmeticException("not a natural number");
      }
      values.add(value.longValue());
    }
    return List.copyOf(values);
  }

  private static InvalidInputException refused(String place, String what) {
    return InvalidInputException.of(
        ErrorCode.WEIGHTS_DAMAGED,
        place,
        what + ".",
        "The file is damaged or was made to deceive; fetch it again.");
  }

  /**
   * Writes a file: tensors in the map's order, the header padded with blanks so that tensors start
   * on a cache line. The same tensors and metadata give the same bytes.
   */
  public static void write(
      OutputStream out, Map<String, Tensor> tensors, Map<String, String> metadata)
      throws IOException {
    Map<String, Object> header = new LinkedHashMap<>();
    if (!metadata.isEmpty()) {
      header.put("__metadata__", metadata);
    }
    long offset = 0;
    for (Map.Entry<String, Tensor> tensor : tensors.entrySet()) {
      long end = offset + tensor.getValue().bytes();
      header.put(
          tensor.getKey(),
          Map.of(
              "dtype", tensor.getValue().dtype().name(),
              "shape", tensor.getValue().shape(),
              "data_offsets", List.of(offset, end)));
      offset = end;
    }
    byte[] json = Json.write(header).getBytes(StandardCharsets.UTF_8);
    int padded =
        (PREFIX_BYTES + json.length + ALIGNMENT_BYTES - 1) / ALIGNMENT_BYTES * ALIGNMENT_BYTES
            - PREFIX_BYTES;
    byte[] headerBytes = Arrays.copyOf(json, padded);
    Arrays.fill(headerBytes, json.length, padded, (byte) ' ');
    out.write(
        ByteBuffer.allocate(PREFIX_BYTES).order(ByteOrder.LITTLE_ENDIAN).putLong(padded).array());
    out.write(headerBytes);
    for (Map.Entry<String, Tensor> tensor : tensors.entrySet()) {
      ByteBuffer content = tensor.getValue().content().get().duplicate();
      if (content.remaining() != tensor.getValue().bytes()) {
        throw new IllegalArgumentException(
            tensor.getKey() + ": " + content.remaining() + " bytes do not fill its shape");
      }
      copy(content, out);
    }
  }

  private static void copy(ByteBuffer bytes, OutputStream out) throws IOException {
    byte[] chunk = new byte[Math.min(bytes.remaining(), 1 << 20)];
    while (bytes.hasRemaining()) {
      int n = Math.min(chunk.length, bytes.remaining());
      bytes.get(chunk, 0, n);
      out.write(chunk, 0, n);
    }
  }
}
