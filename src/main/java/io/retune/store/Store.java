package io.retune.store;

import io.retune.config.ErrorCode;
import io.retune.config.FileReason;
import io.retune.config.InvalidInputException;
import java.io.BufferedOutputStream;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FSError;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RawLocalFileSystem;

/**
 * The folder in which everything lies, on a local disk or one that several hosts mount. A file or
 * folder appears under its final name whole and durable, or not at all: it is written beside it,
 * forced to disk, and renamed.
 *
 * <pre>
 * models/SHA256/        an imported model: a Hugging Face directory
 * datasets/NAME/        Delta, one commit a version
 * snapshots/KEY/        Delta and its manifest
 * plans/KEY/            Delta ledger, packed parts, manifest
 * runs/RUN/             journal, checkpoints, export
 * lineage/TABLE/        Delta
 * outcomes/TIME/        output and exit code of a driver in Spark's cluster mode
 * </pre>
 */
public final class Store {
  private static final String STAGED = ".staged-";

  private final Path root;
  private final FileSystem files;

  private Store(Path root, FileSystem files) {
    this.root = root;
    this.files = files;
  }

  /**
   * Opens a store to write to.
   *
   * @param uri a local path, or {@code file:} and one; made if absent
   * @throws InvalidInputException if it is elsewhere, or cannot be written to
   */
  public static Store open(String uri, Configuration hadoop) {
    try {
      Store store = at(uri, hadoop);
      store.requireWritable();
      return store;
    } catch (IOException | IllegalArgumentException e) {
      throw unwritable(uri, e);
    }
  }

  private static Store at(String uri, Configuration hadoop) throws IOException {
    Path given = new Path(uri);
    requireLocal(uri, given);
    return new Store(new Path("file", null, absolute(given)), rawLocal(hadoop));
  }

  /** What this relies on, rename and link as one indivisible act, object stores do not have. */
  private static void requireLocal(String uri, Path given) {
    String scheme = given.toUri().getScheme();
    if (scheme != null && !scheme.equals("file")) {
      throw InvalidInputException.of(
          ErrorCode.STORE_NOT_LOCAL,
          "store " + uri,
          "is not on a local disk, the only kind that is supported so far.",
          "Give a path of this machine with --store.");
    }
  }

  /** Not by Path.toUri, which ends in a slash once the folder is there. */
  private static String absolute(Path given) {
    return Paths.get(given.toUri().getPath()).toAbsolutePath().normalize().toString();
  }

  /** Without Hadoop's .crc companions, which our digests replace. */
  private static FileSystem rawLocal(Configuration hadoop) throws IOException {
    RawLocalFileSystem raw = new RawLocalFileSystem();
    raw.initialize(java.net.URI.create("file:///"), hadoop);
    return raw;
  }

  /** Whether this process may write to it: an archive may be there to be read. */
  public boolean isWritable() {
    return Files.isWritable(local(root));
  }

  private void requireWritable() throws IOException {
    Path probe = new Path(root, ".probe-" + UUID.randomUUID());
    if (!files.mkdirs(root)) {
      throw new IOException("the folder cannot be made");
    }
    files.create(probe, false).close();
    files.delete(probe, false);
  }

  private static InvalidInputException unwritable(String uri, Exception cause) {
    return InvalidInputException.of(
        ErrorCode.STORE_NOT_WRITABLE,
        "store " + uri,
        "cannot be written to: "
            + (cause instanceof IOException io ? FileReason.of(io) : cause.getMessage())
            + ".",
        "Give a folder you may write to with --store, or free some space.");
  }

  /**
   * Opens a store to read from; it need not be one that can be written to.
   *
   * @throws InvalidInputException if there is none
   */
  public static Store existing(String uri, Configuration hadoop) {
    try {
      Store store = at(uri, hadoop);
      if (Files.isDirectory(store.local(store.root))) {
        return store;
      }
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot open " + uri, e);
    }
    throw InvalidInputException.of(
        ErrorCode.STORE_NOT_FOUND,
        "store " + uri,
        "is not there.",
        "Give the folder of a store with --store.");
  }

  /** As messages name it: on this machine's disk a path, without {@code file:}. */
  public static String shown(Path path) {
    java.net.URI uri = path.toUri();
    return uri.getScheme() == null || uri.getScheme().equals("file")
        ? uri.getPath()
        : path.toString();
  }

  /** Where {@code parts} lie in this store. */
  public Path path(String... parts) {
    Path path = root;
    for (String part : parts) {
      path = new Path(path, part);
    }
    return path;
  }

  /** The same as a local path. */
  public java.nio.file.Path localPath(String... parts) {
    return local(path(parts));
  }

  /** A path of this store as a local one. */
  public java.nio.file.Path local(Path path) {
    return Paths.get(path.toUri().getPath());
  }

  /** {@code path} as seen from the store's root: what is written down, so that a store can move. */
  public String relative(Path path) {
    return root.toUri().relativize(path.toUri()).getPath();
  }

  public String uri() {
    return root.toString();
  }

  public boolean exists(Path path) {
    try {
      return files.exists(path);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Names in a folder, sorted; none when it is absent. */
  public List<Path> list(Path folder) {
    try {
      List<Path> children = new ArrayList<>();
      for (FileStatus status : files.listStatus(folder)) {
        children.add(status.getPath());
      }
      children.sort(null);
      return children;
    } catch (FileNotFoundException e) {
      return List.of();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public long length(Path file) {
    try {
      return files.getFileStatus(file).getLen();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public FSDataInputStream open(Path file) throws IOException {
    return files.open(file);
  }

  /** Whole contents of a small file. */
  public byte[] read(Path file) {
    try (FSDataInputStream in = files.open(file)) {
      return in.readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot read " + file, e);
    }
  }

  /** Writes a file's bytes to a stream. */
  @FunctionalInterface
  public interface Body {
    void writeTo(OutputStream out) throws IOException;
  }

  /**
   * Puts a file in place, durable and whole; an older one of that name is replaced.
   *
   * @throws UnwritableException if that is not possible
   */
  public void write(Path file, Body body) {
    makeFolder(file.getParent());
    write(local(file), body);
  }

  private void makeFolder(Path folder) {
    try {
      files.mkdirs(folder);
    } catch (IOException e) {
      throw new UnwritableException(folder, e);
    }
  }

  /** As {@link #write(Path, Body)}, of any file of this machine in a folder that is there. */
  public static void write(java.nio.file.Path file, Body body) {
    java.nio.file.Path staged = file.resolveSibling(stagedName(file.getFileName().toString()));
    try {
      try (OutputStream out =
          new BufferedOutputStream(Files.newOutputStream(staged, StandardOpenOption.CREATE_NEW))) {
        body.writeTo(out);
      }
      force(staged);
      rename(staged, file);
    } catch (IOException e) {
      deleteQuietly(staged);
      throw new UnwritableException(file, e);
    } catch (RuntimeException e) {
      deleteQuietly(staged);
      throw e;
    }
  }

  /** On the way out of a failure, which is what is to be reported. */
  private static void deleteQuietly(java.nio.file.Path staged) {
    try {
      Files.deleteIfExists(staged);
    } catch (IOException e) {
      // Nobody reads a staged file.
      return;
    }
  }

  public void write(Path file, byte[] bytes) {
    write(file, out -> out.write(bytes));
  }

  /**
   * Puts a file in place, durable and whole, unless one of that name is there; of several processes
   * that try, one succeeds.
   *
   * @return false if it was there
   * @throws UnwritableException if it cannot be written
   */
  public boolean create(Path file, byte[] bytes) {
    makeFolder(file.getParent());
    java.nio.file.Path staged = local(staged(file));
    try {
      Files.write(staged, bytes);
      force(staged);
      Files.createLink(local(file), staged);
      Files.delete(staged);
      forceFolder(local(file).getParent());
      return true;
    } catch (FileAlreadyExistsException e) {
      deleteQuietly(staged);
      return false;
    } catch (IOException e) {
      deleteQuietly(staged);
      throw new UnwritableException(file, e);
    }
  }

  /** Lines at the end of a new file, each durable before {@link #append} returns. */
  public final class Appender implements AutoCloseable {
    private final Path file;
    private final FSDataOutputStream out;

    private Appender(Path file) throws IOException {
      files.mkdirs(file.getParent());
      this.file = file;
      this.out = files.create(file, false);
    }

    public void append(byte[] bytes) {
      try {
        out.write(bytes);
        out.hsync();
      } catch (IOException e) {
        throw new UnwritableException(file, e);
      } catch (FSError e) {
        throw unwritable(e);
      }
    }

    /** What Hadoop makes of a full disk. */
    private UnwritableException unwritable(FSError e) {
      return new UnwritableException(
          file, e.getCause() instanceof IOException cause ? cause : new IOException(e));
    }

    @Override
    public void close() {
      try {
        out.close();
      } catch (IOException e) {
        throw new UnwritableException(file, e);
      } catch (FSError e) {
        throw unwritable(e);
      }
    }
  }

  /** A new file to append to. */
  public Appender appender(Path file) {
    try {
      Appender appender = new Appender(file);
      forceFolder(local(file).getParent());
      return appender;
    } catch (IOException e) {
      throw new UnwritableException(file, e);
    }
  }

  /**
   * A fresh name beside {@code folder}, to fill and then {@link #publish}. What killed processes
   * filled and did not publish is deleted.
   */
  public Path stage(Path folder) {
    Path staged = staged(folder);
    try {
      Scratch.deleteLeftBehind(local(folder.getParent()), STAGED);
    } catch (IOException e) {
      throw new UnwritableException(folder.getParent(), e);
    }
    makeFolder(staged);
    return staged;
  }

  /**
   * Puts a staged folder in place, durable and whole. Content under a key or digest is the same
   * whoever wrote it: when {@code folder} exists already, the staged one is dropped.
   */
  public void publish(Path staged, Path folder) {
    try {
      if (files.exists(folder)) {
        files.delete(staged, true);
        return;
      }
      forceTree(staged);
      try {
        rename(local(staged), local(folder));
      } catch (IOException e) {
        // Another process was faster; what it put there is the same.
        if (!files.exists(folder)) {
          throw e;
        }
        files.delete(staged, true);
      }
    } catch (IOException e) {
      throw new UnwritableException(folder, e);
    }
  }

  /** Removes a file or folder, if there. */
  public void delete(Path path) {
    try {
      files.delete(path, true);
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot delete " + path, e);
    }
  }

  private static Path staged(Path target) {
    return new Path(target.getParent(), stagedName(target.getName()));
  }

  private static String stagedName(String name) {
    return STAGED + name + "-" + UUID.randomUUID();
  }

  private static void rename(java.nio.file.Path from, java.nio.file.Path to) throws IOException {
    Files.move(from, to, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    forceFolder(to.getParent());
  }

  private static void force(java.nio.file.Path file) throws IOException {
    try (FileChannel channel = FileChannel.open(file)) {
      channel.force(true);
    }
  }

  private void forceTree(Path folder) throws IOException {
    try (var tree = Files.walk(local(folder))) {
      for (java.nio.file.Path path : (Iterable<java.nio.file.Path>) tree::iterator) {
        if (Files.isDirectory(path)) {
          forceFolder(path);
        } else {
          force(path);
        }
      }
    }
  }

  /** A rename lasts once its folder is on disk. */
  private static void forceFolder(java.nio.file.Path folder) throws IOException {
    try (FileChannel channel = FileChannel.open(folder)) {
      channel.force(true);
    }
  }
}
