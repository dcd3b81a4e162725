package io.retune.lineage;

import com.fasterxml.jackson.databind.JsonNode;
import io.retune.lineage.JournalEntry.Asked;
import io.retune.store.Json;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * One key of a configuration.
 *
 * @param key its path; an element of a list by its name, where it has one, else by its index
 * @param value as JSON, text without quotes
 * @param reason for this key, or for the block that it stands in
 */
public record Setting(String key, String value, Optional<String> reason) {
  /** Every key of a configuration, sorted. */
  public static List<Setting> of(Asked asked) {
    try {
      List<Setting> settings = new ArrayList<>();
      byte[] json = asked.configuration().getBytes(StandardCharsets.UTF_8);
      add("", Json.read(json), asked.reasons(), settings);
      settings.sort(Comparator.comparing(Setting::key));
      return settings;
    } catch (IOException e) {
      throw new IllegalStateException("We wrote this JSON ourselves", e);
    }
  }

  private static void add(
      String path, JsonNode node, Map<String, String> reasons, List<Setting> settings) {
    if (node.isObject() && !node.isEmpty()) {
      for (Iterator<Map.Entry<String, JsonNode>> i = node.fields(); i.hasNext(); ) {
        Map.Entry<String, JsonNode> field = i.next();
        add(joined(path, field.getKey()), field.getValue(), reasons, settings);
      }
    } else if (node.isArray() && node.size() > 0 && node.get(0).isObject()) {
      for (int i = 0; i < node.size(); i++) {
        add(joined(path, node.get(i).path("name").asText("" + i)), node.get(i), reasons, settings);
      }
    } else {
      String value = node.isTextual() ? node.asText() : node.toString();
      settings.add(new Setting(path, value, reason(path, reasons)));
    }
  }

  private static String joined(String path, String key) {
    return path.isEmpty() ? key : path + "." + key;
  }

  /** The nearest. */
  private static Optional<String> reason(String path, Map<String, String> reasons) {
    for (String at = path; !at.isEmpty(); at = at.substring(0, Math.max(0, at.lastIndexOf('.')))) {
      if (reasons.containsKey(at)) {
        return Optional.of(reasons.get(at));
      }
    }
    return Optional.empty();
  }
}
