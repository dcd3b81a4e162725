package io.retune.store;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** Folders that are gone when the work is done. */
public final class Scratch {
  /** What nobody has written to for so long is of a process that was killed. */
  static final Duration LEFT_BEHIND = Duration.ofDays(2);

  private Scratch() {}

  /**
   * A new folder in {@code parent}, which is made if absent. What killed processes left there of
   * the same kind is deleted.
   *
   * @param kind what its name begins with
   */
  public static Path make(Path parent, String kind) throws IOException {
    Files.createDirectories(parent);
    deleteLeftBehind(parent, kind);
    return Files.createTempDirectory(parent, kind);
  }

  /** Deletes what killed processes left in {@code parent}, by the start of its name. */
  static void deleteLeftBehind(Path parent, String kind) throws IOException {
    Instant then = Instant.now().minus(LEFT_BEHIND);
    for (Path path : children(parent)) {
      if (path.getFileName().toString().startsWith(kind) && isUntouchedSince(then, path)) {
        delete(path);
      }
    }
  }

  private static List<Path> children(Path parent) throws IOException {
    try (Stream<Path> children = Files.list(parent)) {
      return children.toList();
    } catch (NoSuchFileException e) {
      return List.of();
    }
  }

  private static boolean isUntouchedSince(Instant then, Path folder) throws IOException {
    try (Stream<Path> tree = Files.walk(folder)) {
      for (Path path : (Iterable<Path>) tree::iterator) {
        if (Files.getLastModifiedTime(path).toInstant().isAfter(then)) {
          return false;
        }
      }
      return true;
    } catch (NoSuchFileException | UncheckedIOException e) {
      // Somebody is at work there.
      return false;
    }
  }

  /** With all that is in it; where a link leads stays as it is. */
  public static void delete(Path folder) throws IOException {
    if (!Files.exists(folder)) {
      return;
    }
    try (Stream<Path> tree = Files.walk(folder)) {
      for (Path path : (Iterable<Path>) tree.sorted(Comparator.reverseOrder())::iterator) {
        Files.deleteIfExists(path);
      }
    }
  }
}
