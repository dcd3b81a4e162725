package io.retune.init;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/** What the rows of a file have under one key. */
final class SeenColumn {
  private static final List<String> ROLES = List.of("role", "from");
  private static final List<String> CONTENTS = List.of("content", "value");

  private long texts;
  private long blanks;
  private long numbers;
  private long chats;
  private long others;
  private final SortedMap<String, SortedSet<String>> rolesByKey = new TreeMap<>();
  private final SortedSet<String> contentKeys = new TreeSet<>();
  private final SortedSet<String> extraKeys = new TreeSet<>();

  void add(JsonNode value) {
    if (value.isNull()) {
      return;
    }
    if (value.isTextual()) {
      texts++;
      blanks += isBlank(value.textValue()) ? 1 : 0;
    } else if (value.isNumber() || value.isBoolean()) {
      numbers++;
    } else if (isChat(value)) {
      chats++;
      value.forEach(this::addMessage);
    } else {
      others++;
    }
  }

  /** As Spark's {@code length(trim(value)) = 0}, which takes blanks alone away. */
  static boolean isBlank(String text) {
    return text.chars().allMatch(c -> c == ' ');
  }

  private static boolean isChat(JsonNode value) {
    if (!value.isArray() || value.isEmpty()) {
      return false;
    }
    for (JsonNode message : value) {
      boolean speaks =
          message.isObject()
              && ROLES.stream().anyMatch(key -> message.path(key).isTextual())
              && CONTENTS.stream().anyMatch(key -> isTextOrNull(message.get(key)));
      if (!speaks) {
        return false;
      }
    }
    return true;
  }

  private static boolean isTextOrNull(JsonNode content) {
    return content != null && (content.isTextual() || content.isNull());
  }

  private void addMessage(JsonNode message) {
    Iterator<Map.Entry<String, JsonNode>> fields = message.fields();
    while (fields.hasNext()) {
      Map.Entry<String, JsonNode> field = fields.next();
      if (ROLES.contains(field.getKey())) {
        rolesByKey
            .computeIfAbsent(field.getKey(), key -> new TreeSet<>())
            .add(field.getValue().asText());
      } else if (CONTENTS.contains(field.getKey())) {
        contentKeys.add(field.getKey());
      } else {
        extraKeys.add(field.getKey());
      }
    }
  }

  /** Whether it can stand in a message: text, or a number that can be written as text. */
  boolean isValue() {
    return texts + numbers > 0 && chats + others == 0;
  }

  /** Whether each value is text. */
  boolean isText() {
    return texts > 0 && numbers + chats + others == 0;
  }

  /** Whether each value is a chat whose messages name role and content by the same two keys. */
  boolean isChat() {
    return chats > 0
        && texts + numbers + others == 0
        && rolesByKey.size() == 1
        && contentKeys.size() == 1;
  }

  /** Rows in which it says something. */
  long filled() {
    return texts - blanks + numbers + chats + others;
  }

  String roleKey() {
    return rolesByKey.firstKey();
  }

  String contentKey() {
    return contentKeys.first();
  }

  List<String> roles() {
    return new ArrayList<>(rolesByKey.get(roleKey()));
  }

  SortedSet<String> extraKeys() {
    return extraKeys;
  }

  /** For people. */
  String kind() {
    if (isChat()) {
      return "chat";
    } else if (isText()) {
      return "text";
    } else if (isValue()) {
      return texts == 0 ? "numbers" : "text and numbers";
    }
    return texts + numbers + chats + others == 0 ? "empty" : "nested";
  }
}
