package io.retune.config;

import com.typesafe.config.ConfigException;
import com.typesafe.config.ConfigList;
import com.typesafe.config.ConfigObject;
import com.typesafe.config.ConfigRenderOptions;
import com.typesafe.config.ConfigUtil;
import com.typesafe.config.ConfigValue;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * How large substitutions would make a configuration, worked out without making it: 24 lines that
 * each double the one before are 400 MB.
 */
final class Expansion {
  static final long MAX_CHARACTERS = 4 << 20;

  /** Skips over quoted text, in which {@code ${}} means itself. */
  private static final Pattern SUBSTITUTION =
      Pattern.compile("\"[^\"\\\\]*+(?:\\\\.[^\"\\\\]*+)*+\"|\\$\\{\\??([^}]*)}");

  private final ConfigObject root;
  private final Problems problems;
  private final Map<String, Long> known = new HashMap<>();
  private final Set<String> underway = new HashSet<>();

  Expansion(ConfigObject root, Problems problems) {
    this.root = root;
    this.problems = problems;
  }

  /** Adds a problem if the whole is too large or a value refers to itself. */
  void check(Place place) {
    if (size(root) > MAX_CHARACTERS) {
      problems.add(
          ErrorCode.BEYOND_LIMITS,
          place,
          "grows beyond " + MAX_CHARACTERS + " characters when its substitutions are filled in.",
          "Use fewer ${...} of one another.");
    }
  }

  private long size(ConfigValue value) {
    try {
      if (value instanceof ConfigObject object) {
        return sizeOfObject(object);
      }
      if (value instanceof ConfigList list) {
        return list.stream().mapToLong(this::size).reduce(2, Expansion::add);
      }
      value.valueType();
      return rendered(value).length();
    } catch (ConfigException.NotResolved e) {
      return sizeOfUnresolved(value);
    }
  }

  private long sizeOfObject(ConfigObject object) {
    long size = 2;
    for (Map.Entry<String, ConfigValue> entry : object.entrySet()) {
      size = add(size, add(entry.getKey().length(), size(entry.getValue())));
    }
    return size;
  }

  private long sizeOfUnresolved(ConfigValue value) {
    String text = rendered(value);
    long size = text.length();
    Matcher substitution = SUBSTITUTION.matcher(text);
    while (substitution.find()) {
      if (substitution.group(1) != null) {
        size = add(size, sizeOfTarget(substitution.group(1), value));
      }
    }
    return size;
  }

  private long sizeOfTarget(String path, ConfigValue from) {
    if (known.containsKey(path)) {
      return known.get(path);
    }
    if (!underway.add(path)) {
      problems.add(
          ErrorCode.BAD_SUBSTITUTION,
          Place.of(from.origin()),
          "${" + path + "} refers to itself.",
          "Write the value out; a value cannot be made from itself here, and += is not supported.");
      return 0;
    }
    long size = target(ConfigUtil.splitPath(path)).map(this::size).orElse(0L);
    underway.remove(path);
    known.put(path, size);
    return size;
  }

  /** Inside an include a path counts from the include, then from the root. */
  private Optional<ConfigValue> target(List<String> path) {
    for (int dropped = 0; dropped < path.size(); dropped++) {
      Optional<ConfigValue> found = below(root, path.subList(dropped, path.size()));
      if (found.isPresent()) {
        return found;
      }
    }
    return Optional.empty();
  }

  private static Optional<ConfigValue> below(ConfigValue from, List<String> path) {
    if (path.isEmpty()) {
      return Optional.of(from);
    }
    try {
      return from instanceof ConfigObject object && object.get(path.get(0)) != null
          ? below(object.get(path.get(0)), path.subList(1, path.size()))
          : unresolved(from);
    } catch (ConfigException.NotResolved e) {
      return Optional.of(from);
    }
  }

  /** What is not there yet may be anywhere in a value that is not worked out: take all of it. */
  private static Optional<ConfigValue> unresolved(ConfigValue value) {
    try {
      value.valueType();
      return Optional.empty();
    } catch (ConfigException.NotResolved e) {
      return Optional.of(value);
    }
  }

  private static String rendered(ConfigValue value) {
    return value.render(ConfigRenderOptions.concise());
  }

  private static long add(long a, long b) {
    return Math.min(a + b, Long.MAX_VALUE / 4);
  }
}
