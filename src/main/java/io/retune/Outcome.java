package io.retune;

import io.retune.config.InvalidInputException;
import io.retune.store.Store;
import io.retune.store.UnwritableException;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * What a process says, kept in a folder as well: {@code out} and {@code err} as they are written,
 * and {@code exit}, the exit code, once it is known. In Spark's cluster mode a driver runs where
 * nobody sees its output, and spark-submit does not pass its exit code on.
 */
final class Outcome {
  static final String OPTION = "--outcome";
  private static final int TERMINATED = 143;

  private final Path folder;
  private boolean ended;

  private Outcome(Path folder) {
    this.folder = folder;
  }

  /**
   * The one that the arguments ask for: before they are understood, since that they are not is an
   * outcome too.
   *
   * @throws InvalidInputException if its folder cannot be written to
   */
  static Optional<Outcome> asked(String[] arguments) {
    for (int i = 0; i + 1 < arguments.length; i++) {
      if (arguments[i].equals(OPTION)) {
        return Optional.of(at(Path.of(arguments[i + 1])));
      }
    }
    return Optional.empty();
  }

  private static Outcome at(Path folder) {
    Outcome outcome = new Outcome(folder);
    try {
      Files.createDirectories(folder);
      // Of an earlier process that was asked the same.
      Files.deleteIfExists(outcome.exit());
      System.setOut(outcome.alsoTo("out", System.out));
      System.setErr(outcome.alsoTo("err", System.err));
    } catch (IOException e) {
      throw InvalidInputException.notWritable(
          OPTION + " " + folder, e, "Give a folder that you may write to.");
    }
    Runtime.getRuntime().addShutdownHook(new Thread(() -> outcome.end(TERMINATED)));
    return outcome;
  }

  private Path exit() {
    return folder.resolve("exit");
  }

  private PrintStream alsoTo(String name, PrintStream shown) throws IOException {
    OutputStream kept = Files.newOutputStream(folder.resolve(name));
    return new PrintStream(new Both(shown, kept), true, Charset.defaultCharset());
  }

  /** Writes the exit code down, unless that was done. */
  synchronized void end(int code) {
    if (ended) {
      return;
    }
    ended = true;
    System.out.flush();
    System.err.flush();
    try {
      Store.write(exit(), out -> out.write((code + "\n").getBytes(StandardCharsets.US_ASCII)));
    } catch (UnwritableException e) {
      System.err.println(e.getMessage());
    }
  }

  /** What is written to {@code out} is written to {@code kept} too; that may fail. */
  private static final class Both extends FilterOutputStream {
    private final OutputStream kept;

    Both(OutputStream shown, OutputStream kept) {
      super(shown);
      this.kept = kept;
    }

    @Override
    public void write(int b) throws IOException {
      write(new byte[] {(byte) b}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
      out.write(bytes, offset, length);
      kept.write(bytes, offset, length);
    }
  }
}
