package io.retune.config;

import java.util.List;
import java.util.SortedMap;
import java.util.regex.Pattern;

/**
 * A configuration file, read, checked and bound.
 *
 * @param fingerprint SHA-256, 64 hexadecimal digits, of {@code canonicalJson}: the identity of the
 *     experiment
 * @param canonicalJson the recipe with defaults elided, without name, description and reasons: RFC
 *     8785 canonical JSON
 * @param resolvedJson the whole recipe, defaults included, for people and tables
 * @param reasons by configuration key, why its value was chosen
 * @param unexplained keys set to a value other than the default without a reason
 */
public record Experiment(
    Recipe recipe,
    String fingerprint,
    String canonicalJson,
    String resolvedJson,
    SortedMap<String, String> reasons,
    List<String> unexplained) {
  /** Of keys of {@code resolvedJson}, and of what stands in them. */
  private static final Pattern ASIDE =
      Pattern.compile(
          "(name|description|extends|model[.]licence|data[.]datasets[.][^.]*[.]show-texts"
              + "|evaluation[.](split|group-by|prompts|max-new-tokens|success))([.].*)?");

  /** Whether a key changes no weight and no score, only what is said of them. */
  public static boolean isAside(String key) {
    return ASIDE.matcher(key).matches();
  }
}
