package io.retune.it;

import static java.util.stream.Collectors.toMap;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Properties;

/** Spark's settings in {@code jobs/profiles}. */
final class SparkProfile {
  private SparkProfile() {}

  static Map<String, String> kubernetes() throws IOException {
    Properties properties = new Properties();
    try (InputStream in =
        Files.newInputStream(Path.of("jobs", "profiles", "kubernetes.properties"))) {
      properties.load(in);
    }
    return properties.stringPropertyNames().stream()
        .collect(toMap(name -> name, properties::getProperty));
  }
}
