package io.retune.text;

import com.fasterxml.jackson.databind.JsonNode;
import io.retune.config.InvalidInputException;
import io.retune.store.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * {@code tokenizer_config.json} of a Hugging Face directory, and the template that may lie beside
 * it.
 */
public record TokenizerConfig(Path file, JsonNode json) {
  /**
   * @throws InvalidInputException if it is not there
   */
  public static TokenizerConfig read(Path modelDirectory) {
    Path file = modelDirectory.resolve("tokenizer_config.json");
    try {
      return new TokenizerConfig(file, Json.read(Files.readAllBytes(file)));
    } catch (IOException e) {
      throw ModelFile.unreadable(file, e);
    }
  }

  /**
   * @param role such as {@code bos_token}
   */
  public Optional<String> token(String role) {
    JsonNode token = json.path(role);
    String text = token.isObject() ? token.path("content").asText() : token.asText("");
    return Optional.of(text).filter(t -> !t.isEmpty());
  }

  /** Of {@code chat_template.jinja} where it is there. */
  public Optional<String> template() {
    Path separate = file.resolveSibling("chat_template.jinja");
    try {
      String template =
          Files.exists(separate)
              ? Files.readString(separate)
              : json.path("chat_template").asText("");
      return Optional.of(template).filter(t -> !t.isEmpty());
    } catch (IOException e) {
      throw ModelFile.unreadable(separate, e);
    }
  }
}
