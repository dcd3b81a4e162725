package io.retune.config;

import com.typesafe.config.ConfigException;
import com.typesafe.config.ConfigObject;
import com.typesafe.config.ConfigUtil;
import com.typesafe.config.ConfigValue;
import com.typesafe.config.ConfigValueType;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Reads a recipe from HOCON. What it says is checked before anything is started, all of it at once;
 * nothing but the file, what it includes from its own folder, and the overrides can reach it: no
 * environment, no system property, no network.
 */
public final class ConfigLoader {
  private ConfigLoader() {}

  /**
   * The experiment that {@code file} describes.
   *
   * @param overrides {@code path=value} as if it stood in the file in place of what is there; later
   *     ones win
   * @throws InvalidInputException with every problem found, each with its file and line
   */
  public static Experiment load(Path file, List<String> overrides) {
    return bind(file, overrides).experiment();
  }

  /** Every key that binding {@code file} asks for; {@code *} stands for names and list elements. */
  static Set<String> knownKeys(Path file) {
    return new TreeSet<>(bind(file, List.of()).shared().knownKeys);
  }

  /** Every value that binding {@code file} asks for, in that order. */
  static List<Block.Key> values(Path file) {
    return List.copyOf(bind(file, List.of()).shared().values);
  }

  private record Bound(Experiment experiment, Block.Shared shared) {}

  private static Bound bind(Path file, List<String> overrides) {
    Problems problems = new Problems();
    ConfigObject values = new ConfigFiles(problems).read(file, overrides);
    Block.Shared shared = new Block.Shared(problems);
    Block root = Block.root(shared, values, new Place(file.toString(), 0));
    RecipeBinder binder = new RecipeBinder();
    Recipe recipe = binder.bind(root);
    SortedMap<String, String> reasons = binder.reasons();
    reasons.putAll(reasons(root, values, problems));
    root.refuseUnknown();
    problems.throwIfAny();
    return new Bound(experiment(recipe, root, shared, reasons), shared);
  }

  private static Experiment experiment(
      Recipe recipe, Block root, Block.Shared shared, SortedMap<String, String> reasons) {
    String canonical = CanonicalJson.write(root.elided());
    SortedMap<String, Object> whole = new TreeMap<>(root.whole());
    whole.put("name", recipe.name());
    whole.put("description", recipe.description());
    List<String> unexplained =
        shared.changed.stream().filter(key -> !explained(key, reasons)).toList();
    return new Experiment(
        recipe,
        CanonicalJson.sha256(canonical),
        canonical,
        CanonicalJson.write(whole),
        reasons,
        unexplained);
  }

  /** By a reason for the key itself, or for a block that it stands in. */
  private static boolean explained(String key, Map<String, String> reasons) {
    return reasons.keySet().stream()
        .anyMatch(reason -> key.equals(reason) || key.startsWith(reason + "."));
  }

  private static SortedMap<String, String> reasons(
      Block root, ConfigObject values, Problems problems) {
    SortedMap<String, String> reasons = new TreeMap<>();
    Optional<ConfigValue> why = root.take("why");
    if (why.isEmpty()) {
      return reasons;
    }
    if (!(why.get() instanceof ConfigObject block)) {
      root.problem(
          ErrorCode.WRONG_TYPE,
          "why",
          "is not a block.",
          "Expected why { \"KEY\" = \"the reason\" }.");
      return reasons;
    }
    block.forEach(
        (key, reason) -> {
          if (isReason(key, reason, values, problems)) {
            reasons.put(key, (String) reason.unwrapped());
          }
        });
    return reasons;
  }

  private static boolean isReason(
      String key, ConfigValue reason, ConfigObject values, Problems problems) {
    Place place = Place.of(reason.origin());
    if (reason.valueType() != ConfigValueType.STRING) {
      problems.add(
          ErrorCode.REASON_WITHOUT_VALUE,
          place,
          "why.\"" + key + "\" = " + Kind.shown(reason) + " is not text.",
          "Write the whole key in quotes: why { \"order.steps\" = \"the reason\" }.");
      return false;
    }
    Optional<ConfigValue> explained = find(values, key);
    if (explained.isEmpty()) {
      problems.add(
          ErrorCode.REASON_WITHOUT_VALUE,
          place,
          "why.\"" + key + "\" explains a key that is not set.",
          "Expected a key that this file sets, such as \"order.steps\".");
      return false;
    }
    Place set = Place.of(explained.get().origin());
    if (set.isOverride()) {
      return false; // the reason was for the value that was overridden
    }
    if (!set.file().equals(place.file()) && !(explained.get() instanceof ConfigObject)) {
      problems.add(
          ErrorCode.REASON_WITHOUT_VALUE,
          place,
          "why.\"" + key + "\" explains a value of " + set + ".",
          "Expected the reason in the file that sets the value.");
      return false;
    }
    return true;
  }

  private static Optional<ConfigValue> find(ConfigObject values, String key) {
    try {
      ConfigValue value = values;
      for (String part : ConfigUtil.splitPath(key)) {
        value = value instanceof ConfigObject object ? object.get(part) : null;
      }
      return Optional.ofNullable(value);
    } catch (ConfigException e) {
      return Optional.empty();
    }
  }
}
