package io.retune.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import io.retune.config.InvalidInputException;
import io.retune.store.SafeTensors.DType;
import io.retune.store.SafeTensors.Tensor;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SafeTensorsTest {
  private static final String REMEDY =
      ". [weights-damaged]\n  The file is damaged or was made to deceive; fetch it again.";

  @TempDir Path folder;

  @Test
  void theBytesOfAFileAreFixed() throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    tensors.put("b", Tensor.of(List.of(1L, 2L), new float[] {1, -2}));
    tensors.put("a", Tensor.of(List.of(), new int[] {7}));
    SafeTensors.write(out, tensors, Map.of("format", "pt"));

    String json =
        "{\"__metadata__\":{\"format\":\"pt\"},"
            + "\"a\":{\"data_offsets\":[8,12],\"dtype\":\"I32\",\"shape\":[]},"
            + "\"b\":{\"data_offsets\":[0,8],\"dtype\":\"F32\",\"shape\":[1,2]}}";
    // Padded with blanks to 8 + 184 = 3 cache lines.
    assertThat(out.toByteArray())
        .isEqualTo(
            concat(
                HexFormat.of().parseHex("b800000000000000"),
                (json + " ".repeat(184 - json.length())).getBytes(StandardCharsets.UTF_8),
                HexFormat.of().parseHex("0000803f000000c007000000")));
  }

  @Test
  void whatWasWrittenIsReadToTheBit() throws IOException {
    float[] values = new float[1000];
    Random random = new Random(1);
    for (int i = 0; i < values.length; i++) {
      values[i] = Float.intBitsToFloat(random.nextInt());
    }
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    tensors.put("wörter \"x\"\n", Tensor.of(List.of(10L, 50L), values, 500, 500));
    tensors.put("empty", Tensor.of(List.of(3L, 0L), new float[0]));
    tensors.put("all", Tensor.of(List.of(1000L), values));
    Path file = write(tensors, Map.of("k", "v"));
    SafeTensors.Mapped mapped = SafeTensors.map(file);

    assertThat(mapped.header().tensors().keySet())
        .containsExactly("wörter \"x\"\n", "empty", "all");
    assertThat(mapped.header().metadata()).isEqualTo(Map.of("k", "v"));
    assertThat(mapped.header().tensors().get("empty").shape()).containsExactly(3L, 0L);
    assertThat(bits(mapped.floats("all"))).isEqualTo(bits(values));
    assertThat(bits(mapped.floats("wörter \"x\"\n")))
        .isEqualTo(bits(Arrays.copyOfRange(values, 500, 1000)));
    assertThat(mapped.header().tensors().get("all").offset() % 4).isZero();
    assertThat(mapped.bytes("all").isDirect()).isTrue();
  }

  @Test
  void theSameTensorsGiveTheSameBytesAndOtherOnesOthers() throws IOException {
    Map<String, Tensor> tensors = Map.of("a", Tensor.of(List.of(2L), new float[] {1, 2}));
    byte[] once = Files.readAllBytes(write(tensors, Map.of()));

    assertThat(Files.readAllBytes(write(tensors, Map.of()))).isEqualTo(once);
    assertThat(
            Files.readAllBytes(
                write(Map.of("a", Tensor.of(List.of(2L), new float[] {1, -2})), Map.of())))
        .isNotEqualTo(once);
  }

  @Test
  void contentThatDoesNotFillItsShapeIsNotWritten() {
    assertThatThrownBy(
            () -> write(Map.of("a", Tensor.of(List.of(3L), new float[] {1, 2})), Map.of()))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '^',
      textBlock =
          """
          [] | has a header that does not start with {
          {"a":1} | tensor "a" has the dtype@
          {"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}} | has a header that is not plain JSON (Duplicate field 'a')
          {"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}} {} | has a header that is not plain JSON (Trailing token (of type START_OBJECT) found after value
          {"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]} | has a header that is not plain JSON (Unexpected end-of-input
          {"a":{"dtype":"F31","shape":[1],"data_offsets":[0,4]}} | tensor "a" has the dtype F31
          {"a":{"shape":[1],"data_offsets":[0,4]}} | tensor "a" has the dtype@
          {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}} | tensor "a": its shape does not fill its bytes
          {"a":{"dtype":"F64","shape":[1],"data_offsets":[0,4]}} | tensor "a": its shape does not fill its bytes
          {"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}} | tensor "a" overlaps another or leaves a hole
          {"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}} | tensor "a" has impossible data_offsets
          {"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}} | tensor "a" has impossible data_offsets
          {"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}} | tensor "a" has impossible data_offsets
          {"a":{"dtype":"F32","shape":[1]}} | tensor "a" has an impossible shape or offset
          {"a":{"dtype":"F32","shape":1,"data_offsets":[0,4]}} | tensor "a" has an impossible shape or offset
          {"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}} | tensor "a" has an impossible shape or offset
          {"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}} | tensor "a" has an impossible shape or offset
          {"a":{"dtype":"F32","shape":["1"],"data_offsets":[0,4]}} | tensor "a" has an impossible shape or offset
          {"a":{"dtype":"F32","shape":[4611686018427387905],"data_offsets":[0,4]}} | tensor "a" has an impossible shape or offset
          {"a":{"dtype":"F32","shape":[4294967296,4294967296,4],"data_offsets":[0,4]}} | tensor "a" has an impossible shape or offset
          {"a":{"dtype":"F32","shape":[1],"data_offsets":[0,18446744073709551620]}} | tensor "a" has an impossible shape or offset
          {"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}} | tensor "b" overlaps another or leaves a hole
          {"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[1],"data_offsets":[5,6]}} | tensor "b" overlaps another or leaves a hole
          {} | its header describes 10
          {"__metadata__":[]} | has __metadata__ that is not an object
          {"__metadata__":{"a":1}} | has __metadata__ that is not text to text
          {"__metadata__":{"a":null}} | has __metadata__ that is not text to text
          """)
  void aBrokenRuleIsNamed(String header, String message) throws IOException {
    Path file = file(header.getBytes(StandardCharsets.UTF_8), new byte[4]);

    assertThatThrownBy(() -> SafeTensors.map(file))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageStartingWith(file + ": ")
        .hasMessageContaining(message.replace("@", ""))
        .hasMessageEndingWith(REMEDY);
  }

  @Test
  void aTypeOfTheFormatThatIsNotComputedWithIsNoDamage() throws IOException {
    Path file =
        file(
            "{\"a\":{\"dtype\":\"F8_E4M3\",\"shape\":[4],\"data_offsets\":[0,4]}}"
                .getBytes(StandardCharsets.UTF_8),
            new byte[4]);

    assertThatThrownBy(() -> SafeTensors.map(file))
        .isInstanceOf(InvalidInputException.class)
        .hasMessage(
            file
                + ": tensor \"a\" is F8_E4M3. [model-not-supported]\n"
                + "  Give the model in F32, BF16 or F16.");
  }

  @Test
  void offsetsAtTheEndOfWhatALongHoldsAreRefused() throws IOException {
    requireRefused(
        file(
            ("{\"a\":{\"dtype\":\"U8\",\"shape\":[9223372036854775807],"
                    + "\"data_offsets\":[0,9223372036854775807]}}")
                .getBytes(StandardCharsets.UTF_8),
            new byte[4]));
  }

  @Test
  void aHeaderThatIsNotUtf8IsRefused() throws IOException {
    byte[] header = "{\"__metadata__\":{\"a\":\"_\"}}".getBytes(StandardCharsets.UTF_8);
    header[header.length - 4] = (byte) 0xff;
    Path file = file(header, new byte[0]);

    assertThatThrownBy(() -> SafeTensors.map(file))
        .isInstanceOf(InvalidInputException.class)
        .hasMessage(file + ": has a header that is not UTF-8" + REMEDY);
  }

  @Test
  void aHeaderThatNestsDeeplyIsRefused() throws IOException {
    String deep = "{\"a\":" + "[".repeat(100_000) + "]".repeat(100_000) + "}";
    requireRefused(file(deep.getBytes(StandardCharsets.UTF_8), new byte[0]));
  }

  @ParameterizedTest
  @ValueSource(longs = {-1, 0, 1, 100_000_001, Long.MAX_VALUE, Long.MIN_VALUE, 57})
  void aHeaderLengthThatCannotBeTrueIsRefused(long length) throws IOException {
    byte[] bytes = new byte[64];
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putLong(length);
    Path file = Files.write(folder.resolve("length.safetensors"), bytes);

    assertThatThrownBy(() -> SafeTensors.map(file))
        .isInstanceOf(InvalidInputException.class)
        .hasMessage(
            file
                + ": says its header has "
                + Long.toUnsignedString(length)
                + " bytes, the file has 64"
                + REMEDY);
  }

  @Test
  void bytesBehindTheLastTensorAreRefused() throws IOException {
    byte[] sound = Files.readAllBytes(sound());
    Path longer = Files.write(folder.resolve("longer"), Arrays.copyOf(sound, sound.length + 1));

    assertThatThrownBy(() -> SafeTensors.map(longer))
        .hasMessage(
            longer
                + ": is "
                + (sound.length + 1)
                + " bytes long, its header describes "
                + sound.length
                + REMEDY);
  }

  @Test
  void aFileCutOffAnywhereIsRefused() throws IOException {
    byte[] sound = Files.readAllBytes(sound());
    for (int length = 0; length < sound.length; length++) {
      requireRefused(Files.write(folder.resolve("cut"), Arrays.copyOf(sound, length)));
    }
  }

  /** Pickles of protocol 2 (torch.save's legacy form) and 4, and torch.save's zip of a pickle. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "80027d71002858010000006171014b01752e",
        "80028a0a6cfc9c46f9206aa850192e8002",
        "8004950f000000000000007d94288c0161944b01752e",
        "80057d942e",
        "80027d2e",
        "504b0304000008080000000000000000",
        "504b030414000000"
      })
  void aPickleIsRefusedByItsMagic(String hex) throws IOException {
    Path file = Files.write(folder.resolve("model.bin"), HexFormat.of().parseHex(hex));

    assertThatThrownBy(() -> SafeTensors.map(file))
        .isInstanceOf(InvalidInputException.class)
        .hasMessage(
            file
                + ": is a pickle, which can run code when it is read. [pickle]\n"
                + "  Convert it to safetensors where you trust it.");
  }

  /** The lengths 0x280 ... 0x580 start like a pickle: 80 02 ... 80 05. */
  @ParameterizedTest
  @ValueSource(ints = {0x280, 0x380, 0x480, 0x580, 0x10280})
  void aHeaderWhoseLengthLooksLikeAPicklesMagicIsRead(int length) throws IOException {
    String json = "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}";
    byte[] header = (json + " ".repeat(length - json.length())).getBytes(StandardCharsets.UTF_8);

    assertThat(SafeTensors.map(file(header, new byte[4])).floats("a")).containsExactly(0f);
  }

  @Test
  void aTensorThatIsMissingOrOfAnotherTypeIsNamed() throws IOException {
    Path file = write(Map.of("a", Tensor.of(List.of(1L), new int[] {7})), Map.of());
    SafeTensors.Mapped mapped = SafeTensors.map(file);

    assertThatThrownBy(() -> mapped.floats("b"))
        .hasMessage(
            file
                + ": has no tensor \"b\". [weights-do-not-fit]\n  Give the files of one complete model.");
    assertThatThrownBy(() -> mapped.floats("a"))
        .hasMessage(file + ": tensor \"a\" is I32, not F32" + REMEDY);
  }

  @Test
  void noMutationOfASoundFileIsWorseThanRefused() throws IOException {
    byte[] sound = Files.readAllBytes(sound());
    Random random = new Random(7);
    int[] outcomes = new int[2];
    assertTimeoutPreemptively(
        Duration.ofSeconds(60),
        () -> {
          for (int round = 0; round < 2000; round++) {
            byte[] mutated = mutated(sound, random);
            try {
              int length =
                  SafeTensors.headerBytes(
                      "fuzz", Arrays.copyOf(mutated, Math.min(8, mutated.length)), mutated.length);
              SafeTensors.Header header =
                  SafeTensors.header(
                      "fuzz", Arrays.copyOfRange(mutated, 8, 8 + length), mutated.length);
              for (SafeTensors.Entry entry : header.tensors().values()) {
                assertThat(entry.offset() + entry.bytes()).isBetween(0L, (long) mutated.length);
              }
              outcomes[0]++;
            } catch (InvalidInputException e) {
              assertThat(e.problems().get(0).place()).isEqualTo("fuzz");
              outcomes[1]++;
            }
          }
        });
    // Changes of values, names and padding are none of the format's.
    assertThat(outcomes[0]).isGreaterThan(50);
    assertThat(outcomes[1]).isGreaterThan(500);
  }

  private static byte[] mutated(byte[] sound, Random random) {
    byte[] mutated = sound.clone();
    switch (random.nextInt(5)) {
      case 0 -> mutated[random.nextInt(mutated.length)] ^= (byte) (1 << random.nextInt(8));
      case 1 -> mutated[random.nextInt(8)] = (byte) random.nextInt(256);
      case 2 -> {
        for (int i = 0; i < 4; i++) {
          mutated[8 + random.nextInt(250)] = (byte) random.nextInt(256);
        }
      }
      case 3 -> {
        String interesting = "0123456789{}[]\",:-eE.\\ ntf";
        for (int i = 0; i < 3; i++) {
          mutated[8 + random.nextInt(250)] =
              (byte) interesting.charAt(random.nextInt(interesting.length()));
        }
      }
      default -> mutated = Arrays.copyOf(mutated, random.nextInt(mutated.length + 100));
    }
    return mutated;
  }

  private Path sound() throws IOException {
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    tensors.put("first", Tensor.of(List.of(2L, 3L), new float[6]));
    tensors.put("second", Tensor.of(List.of(5L), new int[5]));
    tensors.put("third", new Tensor(DType.BF16, List.of(3L), () -> ByteBuffer.allocate(6)));
    return write(tensors, Map.of("format", "pt"));
  }

  private Path write(Map<String, Tensor> tensors, Map<String, String> metadata) throws IOException {
    Path file = folder.resolve("written.safetensors");
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    SafeTensors.write(out, tensors, metadata);
    return Files.write(file, out.toByteArray());
  }

  private Path file(byte[] header, byte[] data) throws IOException {
    byte[] prefix =
        ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(header.length).array();
    return Files.write(folder.resolve("hostile.safetensors"), concat(prefix, header, data));
  }

  private static byte[] concat(byte[]... parts) {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    for (byte[] part : parts) {
      all.writeBytes(part);
    }
    return all.toByteArray();
  }

  private static void requireRefused(Path file) {
    assertThatThrownBy(() -> SafeTensors.map(file)).isInstanceOf(InvalidInputException.class);
  }

  private static int[] bits(float[] values) {
    int[] bits = new int[values.length];
    for (int i = 0; i < bits.length; i++) {
      bits[i] = Float.floatToRawIntBits(values[i]);
    }
    return bits;
  }
}
