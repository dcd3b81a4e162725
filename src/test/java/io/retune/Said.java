package io.retune;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.retune.store.Json;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;

/** What a command printed, and how it ended. */
public interface Said {
  int exitCode();

  String stdout();

  String stderr();

  /** The JSON object that ends stdout, after asserting that all went well. */
  default JsonNode json() {
    assertThat(exitCode()).as(this::stderr).isZero();
    String last = stdout().lines().reduce((a, b) -> b).orElse("");
    try {
      return Json.read(last.getBytes(StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new UncheckedIOException(stdout(), e);
    }
  }
}
