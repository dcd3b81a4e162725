package io.retune.store;

import com.github.luben.zstd.ZstdInputStream;
import io.retune.config.ErrorCode;
import io.retune.config.FileReason;
import io.retune.config.InvalidInputException;
import io.retune.config.Problem;
import java.io.BufferedInputStream;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.zip.GZIPInputStream;

/**
 * Files as they were before they were compressed, as long as this is open: those whose names end
 * with {@code .gz} or {@code .zst}, or would have Spark pass over them, as copies, the others where
 * they lie, unless they are wanted in another folder. What is pinned are the bytes of the
 * compressed files.
 */
public final class Unpacked implements AutoCloseable {
  /** Of the copies; empty: there are none. */
  private final Optional<Path> folder;

  private final SortedMap<String, Path> files = new TreeMap<>();

  private Unpacked(Optional<Path> folder) {
    this.folder = folder;
  }

  /**
   * @param all whether copies are made of all files below {@code parent}, as for who sees that
   *     folder and not the files
   * @throws InvalidInputException with every file that cannot be decompressed to its end
   */
  static Unpacked of(SortedMap<String, Path> files, Path parent, boolean all) throws IOException {
    if (!all && files.keySet().stream().allMatch(Unpacked::isReadableAsItLies)) {
      Unpacked asTheyLie = new Unpacked(Optional.empty());
      asTheyLie.files.putAll(files);
      return asTheyLie;
    }
    Path folder = Scratch.make(parent, ".unpacked-");
    Unpacked unpacked = new Unpacked(Optional.of(folder));
    try {
      unpacked.add(files, folder, all);
      return unpacked;
    } catch (IOException | RuntimeException e) {
      unpacked.close();
      throw e;
    }
  }

  /** By the names that the files have in the source. */
  public SortedMap<String, Path> files() {
    return new TreeMap<>(files);
  }

  private void add(SortedMap<String, Path> sources, Path into, boolean all) throws IOException {
    List<Problem> problems = new ArrayList<>();
    for (Map.Entry<String, Path> source : sources.entrySet()) {
      boolean compressed = isCompressed(source.getKey());
      if (!all && isReadableAsItLies(source.getKey())) {
        files.put(source.getKey(), source.getValue());
        continue;
      }
      // A name without suffix: Spark would decompress once more what still ends with .gz.
      Path plain = into.resolve("file-" + files.size());
      files.put(source.getKey(), plain);
      try (InputStream in =
          compressed
              ? decompressing(source.getKey(), source.getValue())
              : Files.newInputStream(source.getValue())) {
        Files.copy(in, plain);
      } catch (FileSystemException e) {
        throw e;
      } catch (DamagedException e) {
        problems.add(problem(source.getKey(), e));
      }
    }
    if (!problems.isEmpty()) {
      throw new InvalidInputException(problems);
    }
  }

  private static Problem problem(String name, DamagedException e) {
    return new Problem(
        ErrorCode.CANNOT_DECOMPRESS,
        name,
        "cannot be decompressed: " + FileReason.of((IOException) e.getCause()) + ".",
        "Compress it again; what ends with .gz or .zst is taken to be compressed.");
  }

  /** What is done with a file's bytes as they were before they were compressed. */
  @FunctionalInterface
  public interface Reading {
    void read(InputStream bytes) throws IOException;
  }

  /**
   * Reads one file, compressed or not, without a copy.
   *
   * @param name what the user calls it
   * @throws InvalidInputException if it cannot be decompressed to its end
   */
  public static void read(String name, Path file, Reading reading) throws IOException {
    String fileName = file.getFileName().toString();
    try (InputStream bytes =
        isCompressed(fileName) ? decompressing(fileName, file) : Files.newInputStream(file)) {
      reading.read(bytes);
    } catch (DamagedException e) {
      throw new InvalidInputException(List.of(problem(name, e)));
    }
  }

  /** Its name without what says how it is compressed. */
  public static String uncompressed(String name) {
    return name.replaceFirst("(?i)\\.(gz|zst)$", "");
  }

  private static boolean isCompressed(String name) {
    return !uncompressed(name).equals(name);
  }

  /**
   * Spark decompresses by name, and takes files of other names for its own or for unfinished ones,
   * without a word. Source: HadoopFSUtils.shouldFilterOutPathName of Spark.
   */
  private static boolean isReadableAsItLies(String name) {
    return !isCompressed(name)
        && !name.startsWith("_")
        && !name.startsWith(".")
        && !name.endsWith("._COPYING_");
  }

  private static InputStream decompressing(String name, Path file) throws IOException {
    InputStream bytes = new BufferedInputStream(Files.newInputStream(file));
    try {
      return new Told(
          name.toLowerCase(Locale.ROOT).endsWith(".gz")
              ? new GZIPInputStream(bytes)
              : new ZstdInputStream(bytes));
    } catch (IOException e) {
      bytes.close();
      throw new DamagedException(e);
    }
  }

  /** Of the bytes that are read, not of the disk that is written. */
  private static final class DamagedException extends IOException {
    private static final long serialVersionUID = 1L;

    DamagedException(IOException cause) {
      super(cause);
    }
  }

  /** Tells failures of its own from those of whoever writes what it reads. */
  private static final class Told extends FilterInputStream {
    Told(InputStream in) {
      super(in);
    }

    @Override
    public int read() throws IOException {
      try {
        return in.read();
      } catch (IOException e) {
        throw new DamagedException(e);
      }
    }

    @Override
    public int read(byte[] into, int offset, int length) throws IOException {
      try {
        return in.read(into, offset, length);
      } catch (IOException e) {
        throw new DamagedException(e);
      }
    }
  }

  @Override
  public void close() {
    try {
      if (folder.isPresent()) {
        Scratch.delete(folder.get());
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
