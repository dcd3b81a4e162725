package io.retune.lineage;

import io.retune.config.Experiment;
import io.retune.dataset.DatasetVersion;
import io.retune.lineage.JournalEntry.Asked;
import io.retune.lineage.JournalEntry.Declared;
import java.util.Map;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * Datasets whose rows nobody is to read who only reads about a run, on its page or on a tracking
 * server: all that are not declared {@code public}, since the word is the user's own, unless the
 * recipe says {@code show-texts}. Ids, lengths and losses say nothing of a row and are shown.
 *
 * @param datasets their names
 */
public record Withheld(SortedSet<String> datasets) {
  private static final String PUBLIC = "public";

  /**
   * Of a run. A dataset's version keeps what was declared when it was made, the recipe may say
   * something else by now: the stricter counts.
   */
  public static Withheld of(Declared declared) {
    SortedMap<String, String> made = new TreeMap<>();
    for (DatasetVersion version : declared.datasets()) {
      made.put(version.name(), version.privacy());
    }
    return of(declared.asked(), made);
  }

  /** Of a recipe that has not run. */
  public static Withheld of(Experiment experiment) {
    SortedMap<String, String> declared = new TreeMap<>();
    experiment.recipe().data().datasets().forEach((name, d) -> declared.put(name, d.privacy()));
    return of(Asked.of(experiment), declared);
  }

  /**
   * @param privacies by dataset, what was declared of it
   */
  private static Withheld of(Asked asked, SortedMap<String, String> privacies) {
    Map<String, String> settings =
        Setting.of(asked).stream().collect(Collectors.toMap(Setting::key, Setting::value));
    SortedSet<String> datasets = new TreeSet<>();
    privacies.forEach(
        (name, privacy) -> {
          String recipe = "data.datasets." + name + ".";
          boolean isPublic =
              isPublic(privacy) && isPublic(settings.getOrDefault(recipe + "privacy", privacy));
          boolean isShown = Boolean.parseBoolean(settings.get(recipe + "show-texts"));
          if (!isPublic && !isShown) {
            datasets.add(name);
          }
        });
    return new Withheld(datasets);
  }

  private static boolean isPublic(String privacy) {
    return privacy.strip().equalsIgnoreCase(PUBLIC);
  }

  /** Whether a row of {@code dataset} is. */
  public boolean has(String dataset) {
    return datasets.contains(dataset);
  }

  /** Whether no row is. */
  public boolean isEmpty() {
    return datasets.isEmpty();
  }

  /** For people: why, and how to change that. */
  public String reason() {
    return "Texts of the rows of %s are not shown: their privacy is not %s. To show them in later runs, set %s in the recipe; that is no other experiment."
        .formatted(
            String.join(" and ", datasets),
            PUBLIC,
            datasets.stream()
                .map(name -> "data.datasets." + name + ".show-texts = true")
                .collect(Collectors.joining(" and ")));
  }
}
