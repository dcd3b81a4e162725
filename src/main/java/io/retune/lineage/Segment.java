package io.retune.lineage;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;

import io.retune.store.Json;
import io.retune.store.Sha256;
import java.io.IOException;
import java.io.InputStream;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;

/**
 * One file of a journal: a header, then an entry a line. Each line ends with its seal, the SHA-256
 * of the seal before it (64 zeros before the header) followed by the line's own text without the
 * seal. Described for others in {@code docs/journal.md}. It is read line by line: a long run's is
 * larger than what a reader wants to hold.
 */
final class Segment implements AutoCloseable {
  /** What is written. */
  static final int SCHEMA = 2;

  /** What is read: 1 had a digest of 128 bits for each tensor in each step. */
  static final Set<Integer> READ = Set.of(1, 2);

  private static final String START = "0".repeat(64);
  private static final byte[] BEFORE_SEAL = ",\"seal\":\"".getBytes(US_ASCII);
  private static final byte[] BEHIND_SEAL = "\"}".getBytes(US_ASCII);
  private static final int SEALED_BYTES = BEFORE_SEAL.length + 64 + BEHIND_SEAL.length;

  /**
   * The first line of a file.
   *
   * @param after entries before this file
   * @param earlier the files before it, as far as they count
   */
  record Header(int schema, String run, int segment, long after, List<Earlier> earlier) {}

  /**
   * A file as its successor found it; what a driver wrote to it later, not knowing that it had been
   * taken over, does not count.
   *
   * @param sha256 of its first {@code bytes} bytes
   */
  record Earlier(int segment, long bytes, String sha256) {}

  /** A line with its line end, and its seal. */
  record Line(byte[] bytes, String seal) {}

  /** Seals lines one after the other. */
  static final class Sealer {
    private String seal = START;

    /** The object as a line behind those that were {@link #took taken}. */
    Line line(Object object) {
      byte[] text = Json.write(object).getBytes(UTF_8);
      String next = after(text, text.length - 1);
      byte[] line = Arrays.copyOf(text, text.length - 1 + SEALED_BYTES + 1);
      byte[] end = (",\"seal\":\"" + next + "\"}\n").getBytes(US_ASCII);
      System.arraycopy(end, 0, line, text.length - 1, end.length);
      return new Line(line, next);
    }

    /** The line stands: the next follows it. */
    void took(Line line) {
      seal = line.seal();
    }

    /** Of an object's text, whose last brace is left out. */
    private String after(byte[] text, int length) {
      MessageDigest digest = Sha256.digest();
      digest.update(seal.getBytes(US_ASCII));
      digest.update(text, 0, length);
      digest.update((byte) '}');
      return HexFormat.of().formatHex(digest.digest());
    }

    /** Whether a line, without its line end, follows those that were taken; if so it is taken. */
    private boolean takes(byte[] line) {
      int text = line.length - SEALED_BYTES;
      if (text < 1 || line[0] != '{') {
        return false;
      }
      String next = after(line, text);
      byte[] expected = (",\"seal\":\"" + next + "\"}").getBytes(US_ASCII);
      if (!Arrays.equals(line, text, line.length, expected, 0, expected.length)) {
        return false;
      }
      seal = next;
      return true;
    }
  }

  private final String file;
  private final int number;
  private final InputStream in;
  private final Sealer sealer = new Sealer();
  private final byte[] chunk = new byte[1 << 16];
  private int position;
  private int limit;
  private int line;

  /**
   * @param number of the lease it was written under, and its name
   * @param in from its beginning; closed with this
   */
  Segment(String file, int number, InputStream in) {
    this.file = file;
    this.number = number;
    this.in = in;
  }

  String file() {
    return file;
  }

  int number() {
    return number;
  }

  /** A line without its line end; what follows the last one was being written by who died. */
  private Optional<byte[]> line() throws IOException {
    byte[] start = {};
    while (true) {
      for (int i = position; i < limit; i++) {
        if (chunk[i] == '\n') {
          byte[] whole = joined(start, i);
          position = i + 1;
          line++;
          return Optional.of(whole);
        }
      }
      start = joined(start, limit);
      position = 0;
      limit = in.read(chunk);
      if (limit < 0) {
        limit = 0;
        return Optional.empty();
      }
    }
  }

  private byte[] joined(byte[] start, int end) {
    byte[] joined = Arrays.copyOf(start, start.length + end - position);
    System.arraycopy(chunk, position, joined, start.length, end - position);
    return joined;
  }

  /**
   * The first line; empty when a driver died before it had written it. Before everything else.
   *
   * @throws DamagedJournalException if it is none
   */
  Optional<Header> header() throws IOException {
    Optional<byte[]> first = line();
    if (first.isEmpty()) {
      return Optional.empty();
    }
    requireSealed(first.get());
    return Optional.of(parsed(unsealed(first.get()), Header.class));
  }

  /** The next entry; empty where there is no other. */
  Optional<JournalEntry> next() throws IOException {
    Optional<byte[]> next = line();
    if (next.isEmpty()) {
      return Optional.empty();
    }
    requireSealed(next.get());
    return Optional.of(parsed(next.get(), JournalEntry.class));
  }

  /**
   * Hands on all entries, as far as the file counts: what is behind that must be sealed too.
   *
   * @param counts bytes that count
   * @return the file as it was found
   * @throws DamagedJournalException if a line does not follow from those before it
   */
  Earlier read(long counts, Consumer<JournalEntry> into) throws IOException {
    MessageDigest digest = Sha256.digest();
    long bytes = 0;
    long all = 0;
    for (Optional<byte[]> next = line(); next.isPresent(); next = line()) {
      requireSealed(next.get());
      all += next.get().length + 1;
      if (all <= counts) {
        bytes = all;
        digest.update(next.get());
        digest.update((byte) '\n');
        if (line > 1) {
          into.accept(parsed(next.get(), JournalEntry.class));
        }
      }
    }
    return new Earlier(number, bytes, HexFormat.of().formatHex(digest.digest()));
  }

  private void requireSealed(byte[] bytes) {
    if (!sealer.takes(bytes)) {
      throw new DamagedJournalException(place(), "does not follow from the lines before it.");
    }
  }

  private String place() {
    return file + " line " + line;
  }

  private static byte[] unsealed(byte[] line) {
    byte[] text = Arrays.copyOf(line, line.length - SEALED_BYTES + 1);
    text[text.length - 1] = '}';
    return text;
  }

  private <T> T parsed(byte[] json, Class<T> type) {
    return parsed(place(), json, type);
  }

  /** An entry as everyone reads it. */
  static JournalEntry entry(String place, byte[] line) {
    return parsed(place, line, JournalEntry.class);
  }

  private static <T> T parsed(String place, byte[] json, Class<T> type) {
    try {
      return Json.read(json, type);
    } catch (IOException e) {
      throw new DamagedJournalException(place, "is no " + type.getSimpleName() + ".");
    }
  }

  @Override
  public void close() throws IOException {
    in.close();
  }
}
