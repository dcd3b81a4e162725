package io.retune.config;

import java.util.List;
import java.util.SortedMap;

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
    List<String> unexplained) {}
