package io.retune.store;

import io.retune.config.ErrorCode;
import io.retune.config.InvalidInputException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Map;
import java.util.SortedMap;

/** The name of some bytes: their SHA-256 (FIPS 180-4) as 64 lower-case hexadecimal digits. */
public record Sha256(String hex) implements Comparable<Sha256> {
  private static final int CHUNK_BYTES = 1 << 20;

  /**
   * @throws IllegalArgumentException unless {@code hex} is 64 lower-case hexadecimal digits
   */
  public Sha256 {
    if (!hex.matches("[0-9a-f]{64}")) {
      throw new IllegalArgumentException("Not a SHA-256 in lower-case hexadecimal: " + hex);
    }
  }

  public static Sha256 of(byte[] bytes) {
    MessageDigest digest = digest();
    digest.update(bytes);
    return finish(digest);
  }

  public static Sha256 of(String text) {
    return of(text.getBytes(StandardCharsets.UTF_8));
  }

  /** Of the buffer's remaining bytes; the buffer's position does not move. */
  public static Sha256 of(ByteBuffer bytes) {
    MessageDigest digest = digest();
    digest.update(bytes.duplicate());
    return finish(digest);
  }

  public static Sha256 of(InputStream bytes) throws IOException {
    MessageDigest digest = digest();
    byte[] chunk = new byte[CHUNK_BYTES];
    for (int n = bytes.read(chunk); n >= 0; n = bytes.read(chunk)) {
      digest.update(chunk, 0, n);
    }
    return finish(digest);
  }

  public static Sha256 of(Path file) throws IOException {
    try (InputStream in = Files.newInputStream(file)) {
      return of(in);
    }
  }

  /**
   * Of several files: of the lines {@code DIGEST two blanks NAME newline}, sorted by name, as
   * sha256sum prints them.
   */
  public static Sha256 ofManifest(SortedMap<String, Sha256> files) {
    StringBuilder lines = new StringBuilder();
    for (Map.Entry<String, Sha256> file : files.entrySet()) {
      lines.append(file.getValue().hex()).append("  ").append(file.getKey()).append('\n');
    }
    return of(lines.toString());
  }

  /** A fresh SHA-256 to feed; turn it into a value with {@link #finish}. */
  public static MessageDigest digest() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("Every Java platform has SHA-256", e);
    }
  }

  /** The digest of what was fed; resets {@code digest}. */
  public static Sha256 finish(MessageDigest digest) {
    return new Sha256(HexFormat.of().formatHex(digest.digest()));
  }

  /**
   * @throws InvalidInputException naming {@code place} when this is not {@code expected}
   */
  public void require(String place, Sha256 expected) {
    if (!equals(expected)) {
      throw InvalidInputException.of(
          ErrorCode.DIGEST_DIFFERS,
          place,
          "SHA-256 is " + hex + " but " + expected.hex() + " was pinned.",
          "Check where the bytes come from; if the change is intended, pin the new digest.");
    }
  }

  /** First twelve digits, for people. */
  public String brief() {
    return hex.substring(0, 12);
  }

  @Override
  public int compareTo(Sha256 other) {
    return hex.compareTo(other.hex);
  }

  @Override
  public String toString() {
    return hex;
  }
}
