package io.retune.lineage;

import io.retune.store.Json;
import io.retune.store.Sha256;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * One file of a journal: a header, then an entry a line. Each line ends with its seal, the SHA-256
 * of the seal before it (64 zeros before the header) followed by the line's own text without the
 * seal. Described for others in {@code docs/journal.md}.
 *
 * @param number of the lease it was written under, and its name
 * @param header null when a driver died before it had written it
 * @param bytes of its whole lines
 */
record Segment(int number, Header header, List<JournalEntry> entries, int bytes) {
  static final int SCHEMA = 1;

  private static final String START = "0".repeat(64);
  private static final Pattern LINE =
      Pattern.compile("(\\{.*),\"seal\":\"([0-9a-f]{64})\"\\}", Pattern.DOTALL);

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
  record Earlier(int segment, int bytes, String sha256) {}

  /** A line with its line end, and its seal. */
  record Line(byte[] bytes, String seal) {}

  /** Seals lines one after the other. */
  static final class Sealer {
    private String seal = START;

    /** The object as a line behind those that were {@link #took taken}. */
    Line line(Object object) {
      String text = Json.write(object);
      String next = after(seal, text);
      String line = text.substring(0, text.length() - 1) + ",\"seal\":\"" + next + "\"}\n";
      return new Line(line.getBytes(StandardCharsets.UTF_8), next);
    }

    /** The line stands: the next follows it. */
    void took(Line line) {
      seal = line.seal();
    }

    private static String after(String seal, String text) {
      MessageDigest digest = Sha256.digest();
      digest.update(seal.getBytes(StandardCharsets.US_ASCII));
      return HexFormat.of().formatHex(digest.digest(text.getBytes(StandardCharsets.UTF_8)));
    }
  }

  /**
   * A file's whole lines; what follows the last line end was being written when its driver died.
   *
   * @param bytes of the file, or as many as count
   * @throws DamagedJournalException if a line does not follow from those before it
   */
  static Segment read(String file, int number, byte[] bytes) {
    List<byte[]> lines = lines(bytes);
    Sealer sealer = new Sealer();
    Header header = null;
    List<JournalEntry> entries = new ArrayList<>();
    int whole = 0;
    for (int i = 0; i < lines.size(); i++) {
      String place = file + " line " + (i + 1);
      whole += lines.get(i).length + 1;
      String text = opened(place, lines.get(i), sealer);
      if (i == 0) {
        header = parsed(place, text.getBytes(StandardCharsets.UTF_8), Header.class);
      } else {
        entries.add(entry(place, lines.get(i)));
      }
    }
    return new Segment(number, header, List.copyOf(entries), whole);
  }

  private static List<byte[]> lines(byte[] bytes) {
    List<byte[]> lines = new ArrayList<>();
    int begin = 0;
    for (int i = 0; i < bytes.length; i++) {
      if (bytes[i] == '\n') {
        lines.add(Arrays.copyOfRange(bytes, begin, i));
        begin = i + 1;
      }
    }
    return lines;
  }

  /** The line's text without its seal, which it must have. */
  static String opened(String place, byte[] line, Sealer sealer) {
    Matcher sealed = LINE.matcher(new String(line, StandardCharsets.UTF_8));
    if (sealed.matches()) {
      String text = sealed.group(1) + "}";
      Line expected = new Line(line, Sealer.after(sealer.seal, text));
      boolean sameBytes = Arrays.equals(sealed.group().getBytes(StandardCharsets.UTF_8), line);
      if (sameBytes && expected.seal().equals(sealed.group(2))) {
        sealer.took(expected);
        return text;
      }
    }
    throw new DamagedJournalException(place, "does not follow from the lines before it.");
  }

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

  /** A driver died before it had written the header. */
  boolean isEmpty() {
    return header == null;
  }
}
