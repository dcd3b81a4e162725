package io.retune.tracking;

import io.retune.store.Sha256;
import java.io.ByteArrayInputStream;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A request's body on its way: streamed, counted, and held against its digest before its last byte
 * leaves, so that other bytes never arrive whole.
 */
final class Upload {
  private final Content content;
  private final AtomicLong sent = new AtomicLong();
  private volatile long moved = System.nanoTime();
  private volatile Optional<IOException> failure = Optional.empty();

  /** What is sent: a length, a digest, and the bytes as often as they are asked for. */
  record Content(String what, long bytes, Sha256 sha256, Source source) {
    static Content of(String what, String text) {
      byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
      return new Content(
          what, bytes.length, Sha256.of(bytes), () -> new ByteArrayInputStream(bytes));
    }

    static Content of(Path file, Sha256 sha256) {
      try {
        return new Content(
            file.toString(), Files.size(file), sha256, () -> Files.newInputStream(file));
      } catch (IOException e) {
        throw new UncheckedIOException("The artifact " + file + " cannot be read", e);
      }
    }
  }

  /** Where the bytes are. */
  interface Source {
    InputStream open() throws IOException;
  }

  Upload(Content content) {
    this.content = content;
  }

  /** For one request. */
  BodyPublisher publisher() {
    if (content.bytes() == 0) {
      return BodyPublishers.noBody();
    }
    return BodyPublishers.fromPublisher(BodyPublishers.ofInputStream(this::open), content.bytes());
  }

  /** How many bytes have left. */
  long sent() {
    return sent.get();
  }

  /** When the last of them left, or this was made: {@link System#nanoTime}. */
  long moved() {
    return moved;
  }

  /** Why the bytes could not be read, if that is what ended the request. */
  Optional<IOException> failure() {
    return failure;
  }

  private InputStream open() {
    try {
      return new Checked(content.source().open());
    } catch (IOException e) {
      failure = Optional.of(e);
      return new ByteArrayInputStream(new byte[0]);
    }
  }

  private final class Checked extends FilterInputStream {
    private final MessageDigest digest = Sha256.digest();

    Checked(InputStream in) {
      super(in);
    }

    @Override
    public int read(byte[] bytes, int offset, int length) throws IOException {
      int n = super.read(bytes, offset, length);
      if (n > 0) {
        digest.update(bytes, offset, n);
        sent.addAndGet(n);
        moved = System.nanoTime();
      }
      boolean atEnd = n < 0 || sent.get() >= content.bytes();
      if (atEnd && failure.isEmpty() && !isWhole(n)) {
        failure =
            Optional.of(new IOException(content.what() + " changed since its digest was taken"));
      }
      if (failure.isPresent()) {
        throw failure.get();
      }
      return n;
    }

    private boolean isWhole(int n) {
      return sent.get() == content.bytes()
          && (n < 0 || Sha256.finish(digest).equals(content.sha256()));
    }

    @Override
    public int read() throws IOException {
      byte[] one = new byte[1];
      return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }
  }
}
