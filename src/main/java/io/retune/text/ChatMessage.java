package io.retune.text;

import com.fasterxml.jackson.databind.JsonNode;
import io.retune.config.InvalidInputException;
import java.util.ArrayList;
import java.util.List;

/**
 * One message of a chat.
 *
 * @param train its content and its end-of-turn token are targets
 */
public record ChatMessage(String role, String content, boolean train) {
  /**
   * Messages as JSON, of which those of the assistant are trained.
   *
   * @param place where they stand, for messages
   * @throws InvalidInputException if one has no role or no content
   */
  public static List<ChatMessage> list(String place, JsonNode messages) {
    List<ChatMessage> chat = new ArrayList<>();
    for (JsonNode message : messages) {
      for (String key : List.of("role", "content")) {
        if (!message.path(key).isTextual()) {
          throw InvalidInputException.of(
              place,
              "has no %s in message %d.".formatted(key, chat.size() + 1),
              "A message is an object with role and content, both text.");
        }
      }
      String role = message.path("role").asText();
      chat.add(new ChatMessage(role, message.path("content").asText(), role.equals("assistant")));
    }
    return chat;
  }
}
