package io.retune.evaluate;

import com.fasterxml.jackson.databind.JsonNode;
import io.retune.config.InvalidInputException;
import io.retune.config.Problem;
import io.retune.model.ImportedModel;
import io.retune.plan.MicroBatch;
import io.retune.store.Json;
import io.retune.text.ChatMessage;
import io.retune.text.ChatRenderer;
import io.retune.text.RenderedChat;
import io.retune.text.Tokenizer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.MalformedInputException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A file of what is to be scored, a JSON object a line: {@code text}, all of it targets; {@code
 * messages}, a chat whose assistant messages are; or {@code input_ids} and {@code labels}. Model
 * and tokenizer are opened when a line asks for them, so that ids need neither.
 */
public final class TargetLines implements AutoCloseable {
  private static final int PROBLEMS_SHOWN = 20;
  private static final String EXPECTED =
      "A line is an object with text, with messages, or with input_ids and labels.";

  private final ImportedModel model;
  private Tokenizer tokenizer;
  private ChatRenderer renderer;

  /**
   * @param model whose tokenizer and template are used
   */
  public TargetLines(ImportedModel model) {
    this.model = model;
  }

  /**
   * @throws InvalidInputException with every line that cannot be scored
   */
  public List<Targets> read(Path file) {
    List<Targets> targets = new ArrayList<>();
    List<Problem> problems = new ArrayList<>();
    List<String> lines = lines(file);
    for (int i = 0; i < lines.size() && problems.size() < PROBLEMS_SHOWN; i++) {
      if (!lines.get(i).isBlank()) {
        String place = file + ":" + (i + 1);
        try {
          targets.add(targets(place, lines.get(i)));
        } catch (InvalidInputException e) {
          e.problems().stream()
              .map(
                  p ->
                      p.place().startsWith(place) ? p : new Problem(place, p.message(), p.remedy()))
              .forEach(problems::add);
        }
      }
    }
    if (problems.isEmpty() && targets.stream().mapToInt(Targets::count).sum() == 0) {
      problems.add(new Problem(file.toString(), "has no target.", EXPECTED));
    }
    if (!problems.isEmpty()) {
      throw new InvalidInputException(problems);
    }
    return targets;
  }

  private static List<String> lines(Path file) {
    try {
      return Files.readAllLines(file);
    } catch (NoSuchFileException e) {
      throw InvalidInputException.of(file.toString(), "is not there.", "Check --data.");
    } catch (MalformedInputException e) {
      throw InvalidInputException.of(
          file.toString(), "is not UTF-8.", "Convert it, as iconv does.");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private Targets targets(String place, String line) {
    JsonNode json = object(place, line);
    if (json.has("input_ids")) {
      return given(place, json);
    } else if (json.path("messages").isArray()) {
      RenderedChat chat = renderer().render(ChatMessage.list(place, json.path("messages")));
      return fitting(place, Targets.of(chat.inputIds(), chat.trained()));
    } else if (json.path("text").isTextual() && !json.path("text").asText().isEmpty()) {
      return fitting(place, Targets.all(tokenizer().encodeDocument(json.path("text").asText())));
    }
    throw InvalidInputException.of(place, "has nothing to score.", EXPECTED);
  }

  private static JsonNode object(String place, String line) {
    try {
      JsonNode json = Json.read(line.getBytes(StandardCharsets.UTF_8));
      if (json.isObject()) {
        return json;
      }
    } catch (IOException e) {
      String reason = String.valueOf(e.getMessage()).lines().findFirst().orElse("");
      throw InvalidInputException.of(place, "is no JSON: " + reason, EXPECTED);
    }
    throw InvalidInputException.of(place, "is JSON, but no object.", EXPECTED);
  }

  private Targets given(String place, JsonNode json) {
    int[] ids = ids(place, "input_ids", json, 0);
    int[] labels = ids(place, "labels", json, MicroBatch.NO_TARGET);
    if (ids.length == 0 || ids.length != labels.length) {
      throw InvalidInputException.of(
          place,
          "has %d input_ids and %d labels.".formatted(ids.length, labels.length),
          "Give as many labels as ids: at a target's position its id, elsewhere -100.");
    }
    return fitting(place, new Targets(ids, labels));
  }

  private int[] ids(String place, String key, JsonNode json, int least) {
    List<Integer> ids = new ArrayList<>();
    for (JsonNode id : json.path(key)) {
      boolean known =
          id.isInt()
              && id.intValue() < model.config().vocabulary()
              && (id.intValue() >= 0 || id.intValue() == least);
      if (!known) {
        throw InvalidInputException.of(
            place,
            "%s has %s at position %d.".formatted(key, id, ids.size()),
            "The model's ids are 0 to %d%s."
                .formatted(
                    model.config().vocabulary() - 1, least < 0 ? "; -100 is no target" : ""));
      }
      ids.add(id.intValue());
    }
    return ids.stream().mapToInt(Integer::intValue).toArray();
  }

  private Targets fitting(String place, Targets targets) {
    int room = model.config().contextTokens();
    if (targets.ids().length > room) {
      throw InvalidInputException.of(
          place,
          "has %,d tokens; the model's context has %,d.".formatted(targets.ids().length, room),
          "Make it shorter.");
    }
    return targets;
  }

  private Tokenizer tokenizer() {
    if (tokenizer == null) {
      tokenizer = Tokenizer.open(model.directory());
    }
    return tokenizer;
  }

  private ChatRenderer renderer() {
    if (renderer == null) {
      renderer = ChatRenderer.open(model.directory());
    }
    return renderer;
  }

  @Override
  public void close() {
    if (tokenizer != null) {
      tokenizer.close();
    }
    if (renderer != null) {
      renderer.close();
    }
  }
}
