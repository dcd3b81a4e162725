package io.retune.text;

import com.fasterxml.jackson.databind.JsonNode;
import io.retune.store.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/** Which tokens a model's own configuration says a text ends with. */
final class EndTokens {
  private EndTokens() {}

  /** {@code eos_token_id}, a number or a list, of generation_config.json and config.json. */
  static Set<Integer> of(Path modelDirectory) {
    Set<Integer> ids = new TreeSet<>();
    for (String name : List.of("generation_config.json", "config.json")) {
      Path file = modelDirectory.resolve(name);
      if (Files.exists(file)) {
        JsonNode token = json(file).path("eos_token_id");
        (token.isArray() ? token : List.of(token)).forEach(id -> add(id, ids));
      }
    }
    return ids;
  }

  private static JsonNode json(Path file) {
    try {
      return Json.read(Files.readAllBytes(file));
    } catch (IOException e) {
      throw ModelFile.unreadable(file, e);
    }
  }

  private static void add(JsonNode id, Set<Integer> ids) {
    if (id.isInt()) {
      ids.add(id.intValue());
    }
  }
}
