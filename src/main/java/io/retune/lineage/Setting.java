package io.retune.lineage;

import io.retune.config.CanonicalJson;
import io.retune.lineage.JournalEntry.Asked;
import io.retune.store.Json;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

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
      add("", Json.read(json, Map.class), asked.reasons(), settings);
      settings.sort(Comparator.comparing(Setting::key));
      return settings;
    } catch (IOException e) {
      throw new IllegalStateException("We wrote this JSON ourselves", e);
    }
  }

  private static void add(
      String path, Object value, Map<String, String> reasons, List<Setting> settings) {
    if (value instanceof Map<?, ?> block && !block.isEmpty()) {
      block.forEach((key, inner) -> add(joined(path, "" + key), inner, reasons, settings));
    } else if (value instanceof List<?> list && !list.isEmpty() && list.get(0) instanceof Map) {
      for (int i = 0; i < list.size(); i++) {
        Map<Object, Object> element = new TreeMap<>((Map<?, ?>) list.get(i));
        Object name = element.remove("name");
        add(joined(path, "" + (name == null ? i : name)), element, reasons, settings);
      }
    } else {
      String text = value instanceof String word ? word : CanonicalJson.write(value);
      settings.add(new Setting(path, text, reason(path, reasons)));
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
