package io.retune.dataset;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The records of a CSV file (RFC 4180, UTF-8, lines that end with CR LF or LF). A field in quotes
 * may hold commas, line ends and, doubled, quotes. An empty line is no record; a byte order mark
 * before the first is skipped.
 */
public final class CsvReader implements AutoCloseable {
  private static final int END = -1;

  /** Of an empty line. */
  private static final List<String> NO_FIELDS = List.of("");

  private static final char BYTE_ORDER_MARK = '\uFEFF';

  /**
   * @param line on which it begins, from 1
   */
  public record Entry(int line, List<String> fields) {
    public Entry {
      fields = List.copyOf(fields);
    }

    /** How a record is said to be one that a header of {@code columns} does not fit. */
    public String misfit(int columns) {
      return "has %d %s, the header %d"
          .formatted(fields.size(), fields.size() == 1 ? "field" : "fields", columns);
    }
  }

  /** Not what RFC 4180 says; what follows it cannot be told. */
  public static final class MalformedException extends Exception {
    private static final long serialVersionUID = 1L;
    private final int line;

    MalformedException(int line, String message) {
      super(message);
      this.line = line;
    }

    public int line() {
      return line;
    }
  }

  private final Reader in;
  private final StringBuilder field = new StringBuilder();
  private int line = 1;
  private int next;

  CsvReader(Path file) throws IOException {
    this(Files.newInputStream(file));
  }

  /** Fails with a {@link java.nio.charset.CharacterCodingException} on what is not UTF-8. */
  public CsvReader(InputStream bytes) throws IOException {
    in = new BufferedReader(new InputStreamReader(bytes, StandardCharsets.UTF_8.newDecoder()));
    next = in.read();
    if (next == BYTE_ORDER_MARK) {
      next = in.read();
    }
  }

  /** The record that follows; empty at the end. */
  public Optional<Entry> next() throws IOException, MalformedException {
    while (next != END) {
      boolean quoted = next == '"';
      Entry entry = entry();
      if (quoted || !entry.fields().equals(NO_FIELDS)) {
        return Optional.of(entry);
      }
    }
    return Optional.empty();
  }

  private Entry entry() throws IOException, MalformedException {
    int begun = line;
    List<String> fields = new ArrayList<>();
    fields.add(field());
    while (next == ',') {
      advance();
      fields.add(field());
    }
    if (next == '\n') {
      advance();
    }
    return new Entry(begun, fields);
  }

  private String field() throws IOException, MalformedException {
    field.setLength(0);
    if (next == '"') {
      quoted();
    } else {
      plain();
    }
    return field.toString();
  }

  private void plain() throws IOException, MalformedException {
    while (next != ',' && next != '\n' && next != END) {
      if (next == '"') {
        throw new MalformedException(
            line, "has a quote inside a field that does not begin with one");
      }
      field.append((char) next);
      advance();
    }
    int last = field.length() - 1;
    if (next != ',' && last >= 0 && field.charAt(last) == '\r') {
      field.setLength(last);
    }
  }

  private void quoted() throws IOException, MalformedException {
    int opened = line;
    advance();
    while (true) {
      if (next == END) {
        throw new MalformedException(opened, "has a quote that is never closed");
      }
      int c = next;
      advance();
      if (c != '"') {
        field.append((char) c);
      } else if (next == '"') {
        field.append('"');
        advance();
      } else {
        requireEnd();
        return;
      }
    }
  }

  private void requireEnd() throws IOException, MalformedException {
    if (next == '\r') {
      advance();
      if (next == '\n' || next == END) {
        return;
      }
    } else if (next == ',' || next == '\n' || next == END) {
      return;
    }
    throw new MalformedException(line, "goes on behind the quote that closes a field");
  }

  private void advance() throws IOException {
    if (next == '\n') {
      line++;
    }
    next = in.read();
  }

  @Override
  public void close() throws IOException {
    in.close();
  }
}
