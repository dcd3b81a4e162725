package io.retune.lineage;

import io.retune.config.Experiment;
import io.retune.lineage.JournalEntry.Asked;
import io.retune.lineage.JournalEntry.AttemptStarted;
import io.retune.lineage.JournalEntry.Declared;
import io.retune.lineage.JournalEntry.DriverStarted;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * What the weights of a run are a function of: its configuration, and what that became when it ran.
 *
 * @param name of the run, or the file of a configuration that has not run
 * @param settings by key
 * @param inputs by {@link Part}, with a name of each; none of a configuration that has not run
 */
public record Arguments(
    String name, SortedMap<String, Setting> settings, Map<Part, SortedMap<String, String>> inputs) {

  /** Of a comparison, and what somebody can say was meant to differ. */
  public enum Part {
    CONFIGURATION,
    MODEL,
    DATA,
    ORDER,
    CODE,
    NUMERICS;

    public String word() {
      return name().toLowerCase(java.util.Locale.ROOT);
    }
  }

  /** Of a configuration that has not run. */
  public static Arguments of(String name, Experiment experiment) {
    return new Arguments(name, settings(Asked.of(experiment)), Map.of());
  }

  /** Of a run that was declared. */
  public static Arguments of(RunHistory history) {
    Declared declared = history.declared().orElseThrow();
    Map<Part, SortedMap<String, String>> inputs = new TreeMap<>();
    inputs.put(Part.MODEL, new TreeMap<>(Map.of("files", declared.modelSha256())));
    SortedMap<String, String> data = new TreeMap<>();
    declared.datasets().forEach(d -> data.put("rows of " + d.name(), d.root().hex()));
    data.put("examples", declared.snapshot().root().hex());
    inputs.put(Part.DATA, data);
    inputs.put(Part.ORDER, new TreeMap<>(Map.of("plan", declared.planSha256())));
    List<DriverStarted> drivers = history.computingDrivers();
    if (!drivers.isEmpty()) {
      String programs =
          drivers.stream()
              .map(driver -> driver.environment().code().programSha256())
              .distinct()
              .collect(Collectors.joining(", "));
      inputs.put(Part.CODE, new TreeMap<>(Map.of("program", programs)));
    }
    List<AttemptStarted> attempts = history.attempts();
    if (!attempts.isEmpty()) {
      inputs.put(Part.NUMERICS, attempts.get(0).numerics());
    }
    return new Arguments(history.run(), settings(declared.asked()), inputs);
  }

  private static SortedMap<String, Setting> settings(Asked asked) {
    return new TreeMap<>(
        Setting.of(asked).stream().collect(Collectors.toMap(Setting::key, Function.identity())));
  }

  /**
   * Something that the two do not have alike.
   *
   * @param one what the one has; absent: nothing
   * @param why as the one's configuration says
   * @param intended whether it was meant to differ, or changes no weight and no score
   */
  public record Difference(
      Part part,
      String key,
      Optional<String> one,
      Optional<String> other,
      Optional<String> why,
      Optional<String> otherWhy,
      boolean intended) {}

  /**
   * In what this differs from another. What only one of them can have, since the other has not run,
   * is no difference.
   *
   * @param intended keys of the configuration, or blocks of them, and {@link Part}s, that were
   *     meant to differ; the data that follow from an intended key are intended too
   */
  public List<Difference> differencesTo(Arguments other, Set<String> intended) {
    List<Difference> differences = new ArrayList<>();
    for (String key : union(settings.keySet(), other.settings.keySet())) {
      Optional<Setting> mine = Optional.ofNullable(settings.get(key));
      Optional<Setting> theirs = Optional.ofNullable(other.settings.get(key));
      if (!mine.map(Setting::value).equals(theirs.map(Setting::value))) {
        differences.add(
            new Difference(
                Part.CONFIGURATION,
                key,
                mine.map(Setting::value),
                theirs.map(Setting::value),
                mine.flatMap(Setting::reason),
                theirs.flatMap(Setting::reason),
                isIntended(key, intended) || Experiment.isAside(key)));
      }
    }
    Set<Part> following = following(differences, intended);
    for (Part part : inputs.keySet()) {
      if (other.inputs.containsKey(part)) {
        add(part, other, following.contains(part), differences);
      }
    }
    return differences;
  }

  private void add(Part part, Arguments other, boolean intended, List<Difference> differences) {
    SortedMap<String, String> mine = inputs.get(part);
    SortedMap<String, String> theirs = other.inputs.get(part);
    for (String key : union(mine.keySet(), theirs.keySet())) {
      Optional<String> one = Optional.ofNullable(mine.get(key));
      Optional<String> two = Optional.ofNullable(theirs.get(key));
      if (!one.equals(two)) {
        differences.add(
            new Difference(part, key, one, two, Optional.empty(), Optional.empty(), intended));
      }
    }
  }

  private static Set<String> union(Set<String> one, Set<String> other) {
    Set<String> all = new TreeSet<>(one);
    all.addAll(other);
    return all;
  }

  private static boolean isIntended(String key, Set<String> intended) {
    return intended.stream().anyMatch(i -> key.equals(i) || key.startsWith(i + "."));
  }

  /** The parts that differ as they should: another model cuts the same text into other tokens. */
  private static Set<Part> following(List<Difference> differences, Set<String> intended) {
    Set<Part> following = new TreeSet<>();
    for (Part part : Part.values()) {
      if (intended.contains(part.word())) {
        following.add(part);
      }
    }
    List<String> meant =
        differences.stream().map(Difference::key).filter(key -> isIntended(key, intended)).toList();
    if (meant.stream().anyMatch(key -> key.startsWith("model."))) {
      following.addAll(Set.of(Part.MODEL, Part.DATA, Part.ORDER));
    }
    if (meant.stream().anyMatch(key -> key.startsWith("data."))) {
      following.addAll(Set.of(Part.DATA, Part.ORDER));
    }
    if (meant.stream().anyMatch(key -> key.startsWith("order."))) {
      following.add(Part.ORDER);
    }
    return following;
  }
}
