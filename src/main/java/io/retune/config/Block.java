package io.retune.config;

import com.typesafe.config.ConfigList;
import com.typesafe.config.ConfigObject;
import com.typesafe.config.ConfigUtil;
import com.typesafe.config.ConfigValue;
import com.typesafe.config.ConfigValueFactory;
import com.typesafe.config.ConfigValueType;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * One {@code { ... }} of a configuration, and in the same stroke what it comes to: each value that
 * is read is checked, and remembered both whole and with defaults elided. A block that is not there
 * reads as one in which every key has its default.
 */
final class Block {
  /**
   * A value that was asked for.
   *
   * @param path whole, with {@code *} for names and list elements
   * @param byDefault what leaving it out is the same as; empty: it is required, or leaving it out
   *     is not the same as any value
   */
  record Key(
      String path,
      Kind<?> kind,
      boolean required,
      Optional<Object> byDefault,
      boolean inFingerprint) {}

  /** What all blocks of one configuration share. */
  static final class Shared {
    final Problems problems;

    /** Every key that was asked for, whole paths with {@code *} for names and list elements. */
    final List<String> knownKeys = new ArrayList<>();

    /** Those of them that hold a value, rather than a block. */
    final List<Key> values = new ArrayList<>();

    /** Keys that hold something else than their default. */
    final SortedSet<String> changed = new TreeSet<>();

    Shared(Problems problems) {
      this.problems = problems;
    }
  }

  private final Shared shared;
  private final String path;
  private final String pattern;
  private final ConfigObject values;
  private final Place place;
  private final Map<String, ConfigValue> unread;
  private final List<String> keys = new ArrayList<>();
  private final SortedMap<String, Object> whole = new TreeMap<>();
  private final SortedMap<String, Object> elided = new TreeMap<>();
  private final List<Block> children = new ArrayList<>();

  private Block(Shared shared, String path, String pattern, ConfigObject values, Place place) {
    this.shared = shared;
    this.path = path;
    this.pattern = pattern;
    this.values = values;
    this.place = place;
    this.unread = new LinkedHashMap<>(values);
    values.forEach(
        (key, value) -> {
          if (value.valueType() == ConfigValueType.NULL) {
            unread.remove(key); // "= null" takes back what an include set
          }
        });
  }

  static Block root(Shared shared, ConfigObject values, Place place) {
    return new Block(shared, "", "", values, place);
  }

  Place place() {
    return place;
  }

  /** Where {@code key} was set, or else where this block was. */
  Place place(String key) {
    ConfigValue value = values.get(key);
    return value == null ? place : Place.of(value.origin());
  }

  /** The whole path of {@code key}, as the user would write it. */
  String path(String key) {
    String quoted = ConfigUtil.joinPath(key);
    return path.isEmpty() ? quoted : path + "." + quoted;
  }

  boolean has(String key) {
    ConfigValue value = values.get(key);
    return value != null && value.valueType() != ConfigValueType.NULL;
  }

  /** A key that must be there. */
  <T> T required(String key, Kind<T> kind) {
    note(key, kind, true, Optional.empty(), true);
    Optional<T> value = remembered(key, kind);
    requirePresent(key, kind);
    return value.orElse(kind.standIn());
  }

  /** A key that may be left out, which is not the same as any value of it. */
  <T> Optional<T> optional(String key, Kind<T> kind) {
    note(key, kind, false, Optional.empty(), true);
    return remembered(key, kind);
  }

  private <T> Optional<T> remembered(String key, Kind<T> kind) {
    Optional<T> value = parsed(key, kind);
    value.ifPresent(v -> remember(key, v, v));
    return value;
  }

  /** A key that may be left out, which is the same as giving {@code byDefault}. */
  <T> T withDefault(String key, Kind<T> kind, T byDefault) {
    note(key, kind, false, Optional.of(byDefault), true);
    T value = parsed(key, kind).orElse(byDefault);
    whole.put(key, json(value));
    if (!value.equals(byDefault)) {
      elided.put(key, json(value));
      noteChanged(key);
    }
    return value;
  }

  /** Elements of a list have no defaults of their own, they say why as a whole. */
  private void noteChanged(String key) {
    if (!path.contains("[")) {
      shared.changed.add(path(key));
    }
  }

  /** A key that changes no weight: it is not remembered. */
  <T> Optional<T> aside(String key, Kind<T> kind) {
    note(key, kind, false, Optional.empty(), false);
    return parsed(key, kind);
  }

  /** As {@link #aside}, of a key that must be there. */
  <T> T requiredAside(String key, Kind<T> kind) {
    note(key, kind, true, Optional.empty(), false);
    Optional<T> value = parsed(key, kind);
    requirePresent(key, kind);
    return value.orElse(kind.standIn());
  }

  /** A key that changes no weight: in the recipe for people, and not in the fingerprint. */
  <T> Optional<T> shown(String key, Kind<T> kind) {
    note(key, kind, false, Optional.empty(), false);
    Optional<T> value = parsed(key, kind);
    value.ifPresent(v -> whole.put(key, json(v)));
    return value;
  }

  /** As {@link #shown}; leaving it out is the same as giving {@code byDefault}. */
  <T> T shown(String key, Kind<T> kind, T byDefault) {
    note(key, kind, false, Optional.of(byDefault), false);
    Optional<T> value = parsed(key, kind);
    value.ifPresent(v -> whole.put(key, json(v)));
    return value.orElse(byDefault);
  }

  private void note(
      String key,
      Kind<?> kind,
      boolean required,
      Optional<Object> byDefault,
      boolean inFingerprint) {
    shared.values.add(new Key(pathPattern(key), kind, required, byDefault, inFingerprint));
  }

  private String pathPattern(String key) {
    return pattern.isEmpty() ? key : pattern + "." + key;
  }

  private void requirePresent(String key, Kind<?> kind) {
    if (!has(key)) {
      missing(key, kind.expected());
    }
  }

  private <T> Optional<T> parsed(String key, Kind<T> kind) {
    Optional<ConfigValue> value = take(key);
    if (value.isEmpty()) {
      return Optional.empty();
    }
    try {
      return Optional.of(kind.parse(value.get()));
    } catch (Kind.Refusal refusal) {
      String words = refusal.getMessage() + ".";
      if (refusal.quotes()) {
        problem(refusal.code(), key, words, kind.expected());
      } else {
        shared.problems.add(refusal.code(), place(key), path(key) + " " + words, kind.expected());
      }
      return Optional.of(kind.standIn());
    }
  }

  /** The raw value, if there; {@code key} is known from now on. */
  Optional<ConfigValue> take(String key) {
    keys.add(key);
    shared.knownKeys.add(pathPattern(key));
    return Optional.ofNullable(unread.remove(key));
  }

  /** Puts a value under {@code key} that was read by other means than a {@link Kind}. */
  void remember(String key, Object wholeValue, Object elidedValue) {
    whole.put(key, json(wholeValue));
    elided.put(key, json(elidedValue));
  }

  /** The block under {@code key}; an empty one if it is not there. */
  Block child(String key) {
    return child(key, key, take(key));
  }

  private Block child(String key, String keyPattern, Optional<ConfigValue> value) {
    ConfigObject inside = ConfigValueFactory.fromMap(Map.of());
    if (value.isPresent() && value.get() instanceof ConfigObject object) {
      inside = object;
    } else if (value.isPresent()) {
      problem(ErrorCode.WRONG_TYPE, key, "is not a block.", "Expected " + key + " { ... }.");
    }
    Block child =
        new Block(
            shared,
            path(key),
            pathPattern(keyPattern),
            inside,
            value.map(v -> Place.of(v.origin())).orElse(place));
    children.add(child);
    return child;
  }

  /** A block for each name in this one, sorted by name. */
  SortedMap<String, Block> named() {
    SortedMap<String, Block> blocks = new TreeMap<>();
    for (String name : names()) {
      blocks.put(name, child(name, "*", Optional.ofNullable(unread.remove(name))));
    }
    return blocks;
  }

  /** Names in this block that nobody asked for yet, sorted. */
  List<String> names() {
    return List.copyOf(new TreeMap<>(unread).keySet());
  }

  /** As {@link #required}, of a key the user made up. */
  String requiredNamed(String name, Kind<String> kind) {
    String value = required(name, kind);
    keys.remove(name);
    shared.knownKeys.remove(shared.knownKeys.size() - 1);
    shared.values.remove(shared.values.size() - 1);
    return value;
  }

  /** Whether {@code key} is set to a block, rather than to a list or a value. */
  boolean isBlock(String key) {
    return values.get(key) instanceof ConfigObject;
  }

  /** The blocks of the list under {@code key}; none if it is not there. */
  List<Block> list(String key) {
    Optional<ConfigValue> value = take(key);
    if (value.isEmpty()) {
      return List.of();
    }
    if (!(value.get() instanceof ConfigList list)) {
      problem(
          ErrorCode.WRONG_TYPE,
          key,
          "is not a list.",
          "Expected " + key + " = [ { ... }, { ... } ].");
      return List.of();
    }
    List<Block> blocks = new ArrayList<>();
    for (int i = 0; i < list.size(); i++) {
      if (list.get(i) instanceof ConfigObject object) {
        Place at = Place.of(object.origin());
        String element = path(key) + "[" + i + "]";
        String elementPattern = pathPattern(key) + ".*";
        Block block = new Block(shared, element, elementPattern, object, at);
        blocks.add(block);
        children.add(block);
      } else {
        shared.problems.add(
            ErrorCode.WRONG_TYPE,
            Place.of(list.get(i).origin()),
            path(key) + "[" + i + "] = " + Kind.shown(list.get(i)) + " is not a block.",
            "Expected { ... }.");
      }
    }
    return blocks;
  }

  /** The one of {@code alternatives} that is there; {@code byDefault} when none is. */
  String choice(List<String> alternatives, Optional<String> byDefault, String example) {
    keys.addAll(alternatives);
    for (String alternative : alternatives) {
      shared.knownKeys.add(pathPattern(alternative));
    }
    List<String> given = alternatives.stream().filter(this::has).toList();
    if (given.size() > 1) {
      given.subList(1, given.size()).forEach(unread::remove);
      shared.problems.add(
          ErrorCode.KEYS_CONFLICT,
          place(given.get(1)),
          path.isEmpty()
              ? "both " + String.join(" and ", given) + " are given."
              : path + " has both " + String.join(" and ", given) + ".",
          "Keep one of them.");
      return given.get(0);
    }
    if (given.isEmpty() && byDefault.isEmpty()) {
      String expected = "Expected one of " + String.join(", ", alternatives);
      shared.problems.add(
          ErrorCode.MISSING_KEY,
          place,
          path + " says nothing to do.",
          expected + ", such as " + example);
      return "";
    }
    if (given.isEmpty()) {
      return byDefault.get();
    }
    if (byDefault.isPresent() && !byDefault.get().equals(given.get(0))) {
      noteChanged(given.get(0));
    }
    return given.get(0);
  }

  /** Puts the block's own value under {@code key}: whole, and elided unless nothing is left. */
  void attach(String key, Block child, boolean evenIfEmpty) {
    whole.put(key, child.whole);
    if (evenIfEmpty || !child.elided.isEmpty()) {
      elided.put(key, child.elided);
    }
  }

  SortedMap<String, Object> whole() {
    return whole;
  }

  SortedMap<String, Object> elided() {
    return elided;
  }

  /** Adds a problem with the value of {@code key}. */
  void problem(ErrorCode code, String key, String message, String remedy) {
    String value = has(key) ? " = " + Kind.shown(values.get(key)) : "";
    shared.problems.add(code, place(key), path(key) + value + " " + message, remedy);
  }

  void missing(String key, String remedy) {
    shared.problems.add(ErrorCode.MISSING_KEY, place, path(key) + " is missing.", remedy);
  }

  /** Adds a problem for every key, here and below, that nobody asked for. */
  void refuseUnknown() {
    unread.forEach(
        (key, value) -> {
          if (Secrets.isSecret(key)) {
            Secrets.remember(String.valueOf(value.unwrapped()));
          }
          unknown(key, Place.of(value.origin()));
        });
    children.forEach(Block::refuseUnknown);
  }

  private void unknown(String key, Place at) {
    Optional<String> meant = Nearest.to(key, keys).or(() -> elsewhere(key));
    List<String> sorted = keys.stream().distinct().sorted().toList();
    shared.problems.add(
        ErrorCode.UNKNOWN_KEY,
        at,
        "unknown key \"" + path(key) + "\".",
        meant
            .map(other -> "Did you mean \"" + other + "\"?")
            .orElse("Known here: " + String.join(", ", sorted) + "."));
  }

  /** A key of that very name in another block. */
  private Optional<String> elsewhere(String key) {
    return shared.knownKeys.stream()
        .filter(known -> known.endsWith("." + key) && !known.contains("*"))
        .sorted()
        .findFirst();
  }

  private static Object json(Object value) {
    return value instanceof Enum<?> ? Kind.word(value) : value;
  }
}
