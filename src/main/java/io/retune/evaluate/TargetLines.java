package io.retune.evaluate;

import com.fasterxml.jackson.databind.JsonNode;
import io.retune.config.ErrorCode;
import io.retune.config.InvalidInputException;
import io.retune.model.ImportedModel;
import io.retune.plan.MicroBatch;
import io.retune.text.ChatRenderer;
import io.retune.text.Conversation;
import io.retune.text.RenderedChat;
import io.retune.text.Tokenizer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A file of what is to be scored, a JSON object a line: {@code text}, all of it targets; {@code
 * messages}, a chat whose assistant messages are, and perhaps its {@code tools}; or {@code
 * input_ids} and {@code labels}. Model and tokenizer are opened when a line asks for them, so that
 * ids need neither.
 */
public final class TargetLines implements AutoCloseable {
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
    List<Targets> targets = new JsonLines(file, EXPECTED).read(this::targets);
    if (targets.stream().mapToInt(Targets::count).sum() == 0) {
      throw InvalidInputException.of(
          ErrorCode.NOTHING_TO_LEARN, file.toString(), "has no target.", EXPECTED);
    }
    return targets;
  }

  private Targets targets(String place, JsonNode json) {
    if (json.has("input_ids")) {
      return given(place, json);
    } else if (json.path("messages").isArray()) {
      RenderedChat chat = renderer().render(Conversation.of(place, json));
      return fitting(place, Targets.of(chat.inputIds(), chat.trained()));
    } else if (json.path("text").isTextual() && !json.path("text").asText().isEmpty()) {
      return fitting(place, Targets.all(tokenizer().encodeDocument(json.path("text").asText())));
    }
    throw InvalidInputException.of(ErrorCode.BAD_TARGETS, place, "has nothing to score.", EXPECTED);
  }

  private Targets given(String place, JsonNode json) {
    int[] ids = ids(place, "input_ids", json, 0);
    int[] labels = ids(place, "labels", json, MicroBatch.NO_TARGET);
    if (ids.length == 0 || ids.length != labels.length) {
      throw InvalidInputException.of(
          ErrorCode.BAD_TARGETS,
          place,
          "has input_ids of length %d and labels of length %d."
              .formatted(ids.length, labels.length),
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
            ErrorCode.BAD_TARGETS,
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
          ErrorCode.EXAMPLE_TOO_LONG,
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
