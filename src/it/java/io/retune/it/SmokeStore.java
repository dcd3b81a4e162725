package io.retune.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.retune.RetuneHere;
import io.retune.Said;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.stream.Stream;
import org.apache.commons.io.FileUtils;

/**
 * Model, data, snapshot and plan of {@code conf/runs/smoke.conf}, made once under {@code
 * target/real-model}, for tests that are about what comes behind them.
 */
final class SmokeStore {
  private static final Path HOME = Path.of("target", "real-model").toAbsolutePath();
  private static final Path MADE = HOME.resolve("smoke");
  private static boolean made;

  private SmokeStore() {}

  /** Puts them into the store {@code folder}, which has no others yet. */
  static synchronized void into(Path folder) {
    try {
      make();
      lend(MADE.resolve("models"), folder.resolve("models"));
      for (String part : List.of("datasets", "snapshots", "plans")) {
        FileUtils.copyDirectory(MADE.resolve(part).toFile(), folder.resolve(part).toFile());
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** One test JVM makes it, the other waits. */
  private static void make() throws IOException {
    if (made) {
      return;
    }
    Path lock = Files.createDirectories(HOME).resolve("smoke.lock");
    try (FileChannel channel =
            FileChannel.open(lock, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        FileLock held = channel.lock()) {
      assertThat(held.isValid()).isTrue();
      Said said =
          RetuneHere.run("plan", "conf/runs/smoke.conf", "--store", MADE.toString(), "--quiet");
      assertThat(said.exitCode()).as(said::stderr).isZero();
      made = true;
    }
  }

  /** False where temporary files are on another file system. */
  private static boolean link(Path target, Path path) throws IOException {
    try {
      Files.createLink(target, path);
      return true;
    } catch (FileSystemException e) {
      return false;
    }
  }

  /** A model's files are never changed, so links do. */
  private static void lend(Path from, Path to) throws IOException {
    try (Stream<Path> tree = Files.walk(from)) {
      for (Path path : (Iterable<Path>) tree::iterator) {
        Path target = to.resolve(from.relativize(path).toString());
        if (Files.isDirectory(path)) {
          Files.createDirectories(target);
        } else if (!link(target, path)) {
          Files.copy(path, target);
        }
      }
    }
  }
}
