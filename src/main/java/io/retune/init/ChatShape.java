package io.retune.init;

import com.fasterxml.jackson.databind.JsonNode;
import io.retune.config.ErrorCode;
import io.retune.config.InvalidInputException;
import io.retune.text.ChatMessage;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** Rows that hold a chat: as OpenAI and Hugging Face write it, or as ShareGPT does. */
final class ChatShape {
  private static final String MESSAGES = "messages";
  private static final String SYSTEM = "system";

  private static final Map<String, String> ROLES =
      Map.ofEntries(
          Map.entry("system", "system"),
          Map.entry("user", "user"),
          Map.entry("human", "user"),
          Map.entry("assistant", "assistant"),
          Map.entry("gpt", "assistant"),
          Map.entry("chatgpt", "assistant"),
          Map.entry("bot", "assistant"),
          Map.entry("model", "assistant"),
          Map.entry("tool", "tool"),
          Map.entry("function", "tool"),
          Map.entry("observation", "tool"));

  private ChatShape() {}

  /**
   * @throws InvalidInputException if a role is none that is known
   */
  static Shape of(DataFile file, String column) {
    SeenColumn seen = file.columns().get(column);
    requireKnown(file, column, seen.roles());
    boolean system =
        file.has(SYSTEM)
            && file.columns().get(SYSTEM).isText()
            && file.columns().get(SYSTEM).filled() > 0;
    boolean asItIs =
        column.equals(MESSAGES)
            && seen.roleKey().equals("role")
            && seen.contentKey().equals("content")
            && seen.extraKeys().isEmpty()
            && seen.roles().stream().allMatch(role -> ROLES.get(role).equals(role))
            && !system;
    TreeMap<String, String> select = new TreeMap<>();
    if (!asItIs) {
      select.put(MESSAGES, messages(column, seen, system));
    }
    List<String> notes = new ArrayList<>();
    if (!seen.extraKeys().isEmpty()) {
      notes.add(
          "Of a message only role and content are read, not "
              + String.join(", ", seen.extraKeys())
              + ".");
    }
    return new Shape(
        (seen.roleKey().equals("from") ? "ShareGPT" : "chats") + " in the column " + column,
        select,
        "exists(messages, m -> m.role = 'assistant' AND length(trim(m.content)) > 0)"
            + " AND forall(messages, m -> m.role IS NOT NULL AND m.content IS NOT NULL)",
        List.of(MESSAGES),
        "get(filter(messages, m -> m.role = 'user'), 0).content",
        "{ messages = messages }",
        notes,
        row -> read(row, column, seen, system));
  }

  private static void requireKnown(DataFile file, String column, List<String> roles) {
    List<String> unknown = roles.stream().filter(role -> !ROLES.containsKey(role)).toList();
    if (!unknown.isEmpty()) {
      throw InvalidInputException.of(
          ErrorCode.UNKNOWN_SHAPE,
          "--data " + file.path(),
          "has messages in " + column + " of the roles " + String.join(", ", unknown) + ".",
          "Known are " + String.join(", ", new TreeMap<>(ROLES).keySet()) + ".");
    }
  }

  private static String messages(String column, SeenColumn seen, boolean system) {
    String turns =
        "transform(%s, turn -> named_struct('role', %s, 'content', turn.`%s`))"
            .formatted(Shapes.quoted(column), role(seen), seen.contentKey());
    return system
        ? "concat(filter(array(named_struct('role', 'system', 'content', coalesce(system, ''))),"
            + " m -> length(trim(m.content)) > 0), "
            + turns
            + ")"
        : turns;
  }

  /** Only of the roles that there are. */
  private static String role(SeenColumn seen) {
    Map<String, String> renamed = new LinkedHashMap<>();
    for (String role : seen.roles()) {
      if (!ROLES.get(role).equals(role)) {
        renamed.put(role, ROLES.get(role));
      }
    }
    String key = "turn.`" + seen.roleKey() + "`";
    return renamed.isEmpty()
        ? key
        : renamed.entrySet().stream()
            .map(role -> "WHEN '" + role.getKey() + "' THEN '" + role.getValue() + "'")
            .collect(Collectors.joining(" ", "CASE " + key + " ", " ELSE " + key + " END"));
  }

  private static Optional<Shape.Example> read(
      JsonNode row, String column, SeenColumn seen, boolean system) {
    List<ChatMessage> chat = new ArrayList<>();
    if (system) {
      Shapes.value(row, SYSTEM).ifPresent(text -> chat.add(new ChatMessage(SYSTEM, text, false)));
    }
    boolean answered = false;
    for (JsonNode message : row.path(column)) {
      JsonNode content = message.path(seen.contentKey());
      if (!content.isTextual()) {
        return Optional.empty();
      }
      String role = ROLES.get(message.path(seen.roleKey()).asText());
      boolean trained = role.equals("assistant");
      answered |= trained && !SeenColumn.isBlank(content.textValue());
      chat.add(new ChatMessage(role, content.textValue(), trained));
    }
    String asked =
        chat.stream()
            .filter(m -> m.role().equals("user"))
            .findFirst()
            .flatMap(ChatMessage::content)
            .orElse(null);
    return answered ? Optional.of(Shape.Example.of(asked, chat)) : Optional.empty();
  }
}
