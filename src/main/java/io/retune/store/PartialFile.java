package io.retune.store;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Optional;
import java.util.UUID;

/**
 * A file that is being downloaded: it stays when the download breaks off, and whoever wants the
 * same file later goes on with it. While another process does so, one of its own is used.
 */
final class PartialFile implements AutoCloseable {
  private final Path file;
  private final Path lockFile;
  private final FileChannel channel;
  private final Optional<FileLock> lock;

  private PartialFile(Path file, Path lockFile, FileChannel channel, Optional<FileLock> lock) {
    this.file = file;
    this.lockFile = lockFile;
    this.channel = channel;
    this.lock = lock;
  }

  /**
   * @param content names what the file will hold
   */
  static PartialFile hold(Path folder, Sha256 content) throws IOException {
    Files.createDirectories(folder);
    Path lockFile = folder.resolve(content.hex() + ".lock");
    FileChannel channel =
        FileChannel.open(lockFile, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    try {
      Optional<FileLock> lock = lock(channel);
      String name = lock.isPresent() ? content.hex() : content.hex() + "-" + UUID.randomUUID();
      return new PartialFile(folder.resolve(name), lockFile, channel, lock);
    } catch (IOException e) {
      channel.close();
      throw e;
    }
  }

  private static Optional<FileLock> lock(FileChannel channel) throws IOException {
    try {
      return Optional.ofNullable(channel.tryLock());
    } catch (OverlappingFileLockException e) {
      // Another thread of this process.
      return Optional.empty();
    }
  }

  Path path() {
    return file;
  }

  void discard() throws IOException {
    Files.deleteIfExists(file);
  }

  /** It is whole. */
  void moveTo(Path target) throws IOException {
    Files.move(file, target, StandardCopyOption.ATOMIC_MOVE);
    if (lock.isPresent()) {
      Files.deleteIfExists(lockFile);
    }
  }

  @Override
  public void close() throws IOException {
    if (lock.isEmpty()) {
      discard();
    }
    // Closing the channel gives up the lock.
    channel.close();
  }
}
