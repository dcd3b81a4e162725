package io.retune.text;

import com.fasterxml.jackson.databind.JsonNode;
import io.retune.config.ErrorCode;
import io.retune.config.InvalidInputException;
import java.util.List;

/**
 * Messages, and the tools that the model may call.
 *
 * @param tools a list as {@link TemplateValues}, each item JSON with a function's name and its
 *     parameters; {@code None} where the chat has none
 */
public record Conversation(List<ChatMessage> messages, Object tools) {
  private static final String EXPECTED =
      "A line is an object with messages, a list, and perhaps tools, a list of objects.";

  public Conversation {
    messages = List.copyOf(messages);
  }

  /** One without tools. */
  public static Conversation of(List<ChatMessage> messages) {
    return new Conversation(messages, TemplateValues.NONE);
  }

  /**
   * {@code messages} and, if they are there, {@code tools}.
   *
   * @param place where it stands, for messages
   * @throws InvalidInputException if it is no conversation
   */
  public static Conversation of(String place, JsonNode json) {
    JsonNode messages = json.path("messages");
    if (!messages.isArray() || messages.isEmpty()) {
      throw InvalidInputException.of(ErrorCode.NOT_A_CHAT, place, "has no messages.", EXPECTED);
    }
    JsonNode tools = json.path("tools");
    if (!tools.isMissingNode() && !tools.isNull() && !isListOfObjects(tools)) {
      throw InvalidInputException.of(
          ErrorCode.NOT_A_CHAT, place, "has tools that are no list of objects.", EXPECTED);
    }
    return new Conversation(ChatMessage.list(place, messages), TemplateValues.of(tools));
  }

  private static boolean isListOfObjects(JsonNode tools) {
    if (!tools.isArray()) {
      return false;
    }
    for (JsonNode tool : tools) {
      if (!tool.isObject()) {
        return false;
      }
    }
    return true;
  }

  /** Its first messages. */
  Conversation first(int count) {
    return new Conversation(messages.subList(0, count), tools);
  }
}
