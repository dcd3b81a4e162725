package io.retune.text;

import com.fasterxml.jackson.databind.JsonNode;
import io.retune.config.ErrorCode;
import io.retune.config.InvalidInputException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * One message of a chat, with all that its template may ask for.
 *
 * @param fields as {@link TemplateValues}, in their order: role, content, tool_calls, ...
 * @param train what the model says in it, and its end-of-turn token, are targets
 */
public record ChatMessage(Map<String, Object> fields, boolean train) {
  /** Under each of these the thoughts before an answer are known; the first is read by most. */
  private static final List<String> REASONING =
      List.of("reasoning_content", "thinking", "reasoning");

  public ChatMessage {
    fields = Collections.unmodifiableMap(new LinkedHashMap<>(fields));
  }

  /** One of text alone. */
  public ChatMessage(String role, String content, boolean train) {
    this(contents(role, content), train);
  }

  private static Map<String, Object> contents(String role, String content) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("role", role);
    fields.put("content", content);
    return fields;
  }

  /** Who says it. */
  public String role() {
    return String.valueOf(fields.get("role"));
  }

  /** What is said, if that is a text. */
  public Optional<String> content() {
    return fields.get("content") instanceof String content
        ? Optional.of(content)
        : Optional.empty();
  }

  /**
   * Messages as JSON, of which those of the assistant are trained. A field that is null is one that
   * is not there, as for transformers.
   *
   * @param place where they stand, for messages
   * @throws InvalidInputException if one has no role, or says nothing
   */
  public static List<ChatMessage> list(String place, JsonNode messages) {
    List<ChatMessage> chat = new ArrayList<>();
    for (JsonNode message : messages) {
      chat.add(of(place, chat.size() + 1, message));
    }
    return chat;
  }

  private static ChatMessage of(String place, int number, JsonNode message) {
    if (!message.path("role").isTextual()) {
      throw without("role", number, place);
    }
    Map<String, Object> fields = new LinkedHashMap<>();
    message
        .fields()
        .forEachRemaining(
            field -> {
              if (!field.getValue().isNull()) {
                fields.put(field.getKey(), TemplateValues.of(field.getValue()));
              }
            });
    JsonNode content = message.path("content");
    boolean says = content.isTextual() || content.isArray() || content.isObject();
    if (!says && (fields.size() == 1 || fields.containsKey("content"))) {
      throw without("content", number, place);
    }
    String role = message.path("role").asText();
    return new ChatMessage(fields, role.equals("assistant"));
  }

  private static InvalidInputException without(String key, int number, String place) {
    return InvalidInputException.of(
        ErrorCode.NOT_A_CHAT,
        place,
        "has no %s in message %d.".formatted(key, number),
        "A message is an object with role and content, both text; content may also be a list of"
            + " parts, or give way to tool_calls.");
  }

  /**
   * As a template gets it: thoughts under every name they are known by, which is what transformers
   * makes of a message.
   */
  Map<String, Object> withReasoning() {
    Optional<Object> reasoning =
        REASONING.stream().filter(fields::containsKey).findFirst().map(fields::get);
    if (reasoning.isEmpty()) {
      return fields;
    }
    Map<String, Object> all = new LinkedHashMap<>();
    all.put("thinking", reasoning.get());
    all.putAll(fields);
    all.put("reasoning_content", reasoning.get());
    return all;
  }
}
