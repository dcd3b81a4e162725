package io.retune.job;

import io.retune.config.Site;
import io.retune.store.Scratch;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A store that is gone when a dry run is over, also one that was interrupted. What the site's own
 * store has finished is linked into it and found there, so that it is not made again; the site's
 * store is only read.
 */
final class ScratchStore implements AutoCloseable {
  /** Folders whose entries are each written once and whole. */
  private static final List<String> FINISHED =
      List.of("models", "models/by-source", "snapshots", "plans");

  private final Site site;
  private final Path own;
  private final Path folder;
  private final Thread atExit;

  private ScratchStore(Site site, Path folder) {
    this.site = site;
    this.own = Path.of(site.store().replaceFirst("^file:(//)?", ""));
    this.folder = folder;
    this.atExit = new Thread(() -> delete(folder), "retune-scratch");
  }

  static ScratchStore open(Site site) {
    try {
      ScratchStore scratch = new ScratchStore(site, Files.createTempDirectory("retune-check-"));
      Runtime.getRuntime().addShutdownHook(scratch.atExit);
      for (String finished : FINISHED) {
        scratch.linkAll(finished);
      }
      return scratch;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void linkAll(String name) throws IOException {
    Path from = own.resolve(name);
    if (!Files.isDirectory(from)) {
      return;
    }
    Path to = Files.createDirectories(folder.resolve(name));
    try (Stream<Path> entries = Files.list(from)) {
      for (Path entry : (Iterable<Path>) entries::iterator) {
        boolean isStaged = entry.getFileName().toString().startsWith(".");
        if (!isStaged && !entry.endsWith("by-source")) {
          link(to.resolve(entry.getFileName()), entry);
        }
      }
    }
  }

  private static void link(Path link, Path target) throws IOException {
    Files.createSymbolicLink(link, target.toAbsolutePath().normalize());
  }

  /** Shows the site's own dataset, if there is one. */
  boolean showDataset(String name) {
    Path from = own.resolve("datasets").resolve(name);
    if (!Files.isDirectory(from)) {
      return false;
    }
    try {
      link(Files.createDirectories(folder.resolve("datasets")).resolve(name), from);
      return true;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Takes the link away, so that a new version is written here and not there. */
  void hideDataset(String name) {
    try {
      Files.delete(folder.resolve("datasets").resolve(name));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Where a run's own files would go. */
  Path own() {
    return own;
  }

  /** Bytes written here, which a run would write to its own store. */
  long bytes() {
    try (Stream<Path> tree = Files.walk(folder)) {
      return tree.filter(Files::isRegularFile)
          .filter(file -> !Files.isSymbolicLink(file))
          .mapToLong(file -> file.toFile().length())
          .sum();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The site with this store, and with no executor but this process. */
  Site site() {
    return new Site(
        folder.toString(),
        site.cache(),
        Optional.of("local[*]"),
        Optional.empty(),
        Optional.empty(),
        site.executorMemoryMb(),
        site.lanes(),
        Optional.empty(),
        site.hub(),
        site.requireSuccessMetrics(),
        site.offline());
  }

  @Override
  public void close() {
    delete(folder);
    try {
      Runtime.getRuntime().removeShutdownHook(atExit);
    } catch (IllegalStateException e) {
      // The hook runs already and finds nothing.
      return;
    }
  }

  private static void delete(Path folder) {
    try {
      Scratch.delete(folder);
    } catch (IOException e) {
      // Spark may still write while the process is ended; once more, then it is the system's.
      try {
        Scratch.delete(folder);
      } catch (IOException again) {
        again.addSuppressed(e);
        throw new UncheckedIOException(again);
      }
    }
  }
}
