package io.retune.config;

import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.Charset;

/**
 * Standard output or error without {@link Secrets}, whoever writes to it: a job, a logger's
 * console, or Java where a thread dies of an exception. What is written as bytes is held back to
 * the end of a line, or until it is flushed, so that a secret is seen as a whole.
 */
public final class RedactedOutput extends PrintStream {
  private final Charset charset;
  private final ByteArrayOutputStream pending = new ByteArrayOutputStream();

  RedactedOutput(OutputStream out, Charset charset) {
    super(out, true, charset);
    this.charset = charset;
  }

  /** For this process, once and for all. */
  public static void install() {
    if (!(System.out instanceof RedactedOutput)) {
      System.setOut(new RedactedOutput(System.out, charset("sun.stdout.encoding")));
    }
    if (!(System.err instanceof RedactedOutput)) {
      System.setErr(new RedactedOutput(System.err, charset("sun.stderr.encoding")));
    }
  }

  /** A terminal's may be another than that of files. */
  private static Charset charset(String property) {
    return Charset.forName(System.getProperty(property, Charset.defaultCharset().name()));
  }

  /** As one piece: Java itself would write a long text in several. */
  @Override
  public void print(String text) {
    synchronized (pending) {
      super.print(Secrets.hide(String.valueOf(text)));
      release();
    }
  }

  @Override
  public void write(byte[] bytes, int offset, int length) {
    synchronized (pending) {
      pending.write(bytes, offset, length);
      if (length > 0 && bytes[offset + length - 1] == '\n') {
        release();
      }
    }
  }

  @Override
  public void write(int b) {
    write(new byte[] {(byte) b}, 0, 1);
  }

  @Override
  public void flush() {
    synchronized (pending) {
      release();
    }
    super.flush();
  }

  @Override
  public void close() {
    flush();
    super.close();
  }

  private void release() {
    if (pending.size() == 0) {
      return;
    }
    byte[] bytes = pending.toByteArray();
    pending.reset();
    String text = new String(bytes, charset);
    String hidden = Secrets.hide(text);
    // What holds none goes on byte by byte, also where it is no text.
    byte[] shown = hidden.equals(text) ? bytes : hidden.getBytes(charset);
    super.write(shown, 0, shown.length);
  }
}
