package io.retune.text;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A chat in which special-token text is not to be taken for special tokens: the first character of
 * each has given way to a stand-in that occurs nowhere else.
 *
 * @param standIns what each stands in for; empty when there was nothing to mark
 */
record Marked(Conversation chat, Map<Character, Character> standIns) {
  /**
   * @param special matches every special token
   * @param template in which no stand-in may occur either
   */
  static Marked of(Conversation chat, Pattern special, String template) {
    return new Marking(chat, special, template).marked(chat);
  }

  /** With what the stand-ins stand for. */
  String unmarked(String text) {
    String unmarked = text;
    for (Map.Entry<Character, Character> standIn : standIns.entrySet()) {
      unmarked = unmarked.replace(standIn.getKey(), standIn.getValue());
    }
    return unmarked;
  }

  private static final class Marking {
    private final Pattern special;
    private final String all;
    private final Map<Character, Character> byFirst = new LinkedHashMap<>();

    Marking(Conversation chat, Pattern special, String template) {
      this.special = special;
      StringBuilder texts = new StringBuilder(template);
      chat.messages().forEach(message -> collect(message.fields(), texts));
      collect(chat.tools(), texts);
      this.all = texts.toString();
    }

    private static void collect(Object value, StringBuilder texts) {
      if (value instanceof Map<?, ?> map) {
        map.forEach(
            (key, item) -> {
              collect(key, texts);
              collect(item, texts);
            });
      } else if (value instanceof List<?> list) {
        list.forEach(item -> collect(item, texts));
      } else if (value instanceof String text) {
        texts.append('\n').append(text);
      }
    }

    Marked marked(Conversation chat) {
      List<ChatMessage> messages = new ArrayList<>();
      for (ChatMessage message : chat.messages()) {
        messages.add(new ChatMessage(map(message.fields()), message.train()));
      }
      Conversation marked = new Conversation(messages, value(chat.tools()));
      Map<Character, Character> standIns = new LinkedHashMap<>();
      byFirst.forEach((first, standIn) -> standIns.put(standIn, first));
      return new Marked(marked, standIns);
    }

    private Object value(Object value) {
      if (value instanceof Map<?, ?> map) {
        return map(map);
      } else if (value instanceof List<?> list) {
        List<Object> items = new ArrayList<>();
        list.forEach(item -> items.add(value(item)));
        return items;
      }
      return value instanceof String text ? text(text) : value;
    }

    private Map<String, Object> map(Map<?, ?> map) {
      Map<String, Object> marked = new LinkedHashMap<>();
      map.forEach((key, item) -> marked.put(text((String) key), value(item)));
      return marked;
    }

    /** Wherever one starts, also inside another. */
    private String text(String text) {
      StringBuilder marked = new StringBuilder(text);
      Matcher matcher = special.matcher(text);
      for (int at = 0; matcher.find(at); at = matcher.start() + 1) {
        char first = text.charAt(matcher.start());
        byFirst.computeIfAbsent(first, f -> free());
        marked.setCharAt(matcher.start(), byFirst.get(first));
      }
      return marked.toString();
    }

    /** A character of the private use area that occurs nowhere and is not taken. */
    private char free() {
      char free = '\ue000';
      while (all.indexOf(free) >= 0 || byFirst.containsValue(free)) {
        free++;
      }
      return free;
    }
  }
}
