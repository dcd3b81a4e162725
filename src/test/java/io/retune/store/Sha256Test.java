package io.retune.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.retune.config.InvalidInputException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class Sha256Test {
  @TempDir Path folder;

  /** FIPS 180-4's own examples. */
  @Test
  void theDigestIsTheStandards() {
    assertThat(Sha256.of("abc").hex())
        .isEqualTo("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assertThat(Sha256.of("").hex())
        .isEqualTo("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assertThat(Sha256.of("abc").brief()).isEqualTo("ba7816bf8f01");
  }

  @Test
  void bytesBuffersStreamsAndFilesHaveOneDigest() throws IOException {
    byte[] bytes = new byte[2_500_001]; // more than two chunks of a stream
    new Random(1).nextBytes(bytes);
    ByteBuffer buffer = ByteBuffer.wrap(bytes);

    assertThat(Sha256.of(buffer)).isEqualTo(Sha256.of(bytes));
    assertThat(buffer.remaining()).isEqualTo(bytes.length);
    assertThat(Sha256.of(new ByteArrayInputStream(bytes))).isEqualTo(Sha256.of(bytes));
    assertThat(Sha256.of(Files.write(folder.resolve("f"), bytes))).isEqualTo(Sha256.of(bytes));
  }

  @Test
  void severalFilesHaveTheDigestThatTheShellGives() throws Exception {
    TreeMap<String, Sha256> files = new TreeMap<>();
    for (String name : new String[] {"b.safetensors", "a.json", "B", "a b"}) {
      files.put(name, Sha256.of(Files.writeString(folder.resolve(name), "content of " + name)));
    }
    Process shell =
        new ProcessBuilder("sh", "-c", "LC_ALL=C; export LC_ALL; sha256sum * | sha256sum")
            .directory(folder.toFile())
            .start();
    String said = new String(shell.getInputStream().readAllBytes(), StandardCharsets.UTF_8);

    assertThat(Sha256.ofManifest(files) + "  -\n").isEqualTo(said);
  }

  @Test
  void whatIsNoDigestIsRefused() {
    for (String wrong : new String[] {"", "ABC", "g".repeat(64), "a".repeat(63), "A".repeat(64)}) {
      assertThatThrownBy(() -> new Sha256(wrong)).isInstanceOf(IllegalArgumentException.class);
    }
  }

  @Test
  void anotherDigestThanThePinnedOneIsSaid() {
    Sha256 found = Sha256.of("found");
    Sha256 pinned = Sha256.of("pinned");
    found.require("model.source", found);

    assertThatThrownBy(() -> found.require("model.source", pinned))
        .isInstanceOf(InvalidInputException.class)
        .hasMessage(
            "model.source: SHA-256 is "
                + found
                + " but "
                + pinned
                + " was pinned. [digest-differs]\n  Check where the bytes come from; if the change is intended,"
                + " pin the new digest.");
  }
}
