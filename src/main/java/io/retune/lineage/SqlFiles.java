package io.retune.lineage;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** The files of the project's folder {@code lineage}, as they lie on the class path. */
final class SqlFiles {
  private SqlFiles() {}

  static String text(String folder, String name) {
    try (InputStream in = SqlFiles.class.getResourceAsStream(folder + "/" + name + ".sql")) {
      if (in == null) {
        throw new IllegalArgumentException("There is no lineage/" + folder + "/" + name + ".sql");
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Names in a folder, sorted, without their ending. */
  static List<String> names(String folder) {
    try {
      URI uri = SqlFiles.class.getResource(folder).toURI();
      if (!uri.getScheme().equals("jar")) {
        return names(Path.of(uri));
      }
      try (FileSystem jar = FileSystems.newFileSystem(uri, Map.of())) {
        return names(Path.of(uri));
      }
    } catch (URISyntaxException | IOException e) {
      throw new IllegalStateException("The folder " + folder + " cannot be listed", e);
    }
  }

  private static List<String> names(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .map(file -> file.getFileName().toString())
          .filter(name -> name.endsWith(".sql"))
          .map(name -> name.substring(0, name.length() - ".sql".length()))
          .sorted()
          .toList();
    }
  }
}
