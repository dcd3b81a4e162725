package io.retune.report;

import static io.retune.report.Html.tag;
import static io.retune.report.Html.text;

import io.retune.lineage.JournalEntry.Asked;
import io.retune.lineage.Setting;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;

/** What was chosen and why, and behind it every key with its value. */
final class Configuration {
  /** Rows of a table, at most. */
  private static final int MOST = 500;

  /** Characters of a value or reason. */
  private static final int MOST_CHARACTERS = 600;

  private final Asked asked;
  private final List<Setting> settings;

  private Configuration(Asked asked) {
    this.asked = asked;
    this.settings = Setting.of(asked);
  }

  static Html of(RunReport report) {
    return new Configuration(report.declared().asked()).html();
  }

  private Html html() {
    return Html.of(
        tag("p", text("Experiment "), tag("code", asked.experiment()), text(".")),
        chosen(),
        tag(
            "details",
            tag("summary", "Every key, " + Figures.count(settings.size())),
            left(settings.size()),
            every().html()));
  }

  /** By the keys that have a reason, or lack one. */
  private Html chosen() {
    SortedSet<String> keys = new TreeSet<>(asked.reasons().keySet());
    keys.addAll(asked.unexplained());
    if (keys.isEmpty()) {
      return tag("p", "No reason was given, and no value changed from its default needs one.");
    }
    Table table = table("What was chosen, and why");
    keys.stream()
        .limit(MOST)
        .forEach(
            key ->
                table.row(
                    asked.reasons().containsKey(key) ? "" : "unexplained",
                    key(key),
                    values(key),
                    reason(key)));
    return Html.of(left(keys.size()), table.html());
  }

  /** What is not shown of so many, where that is so. */
  private static Html left(int all) {
    return all <= MOST
        ? Html.NOTHING
        : tag(
            "p",
            "The first %s of %s are shown.".formatted(Figures.count(MOST), Figures.count(all)));
  }

  private static Table table(String name) {
    return new Table(name, Table.words("Key"), Table.words("Value"), Table.words("Reason"));
  }

  private Html reason(String key) {
    return text(
        cut(asked.reasons().getOrDefault(key, "⚠ changed from the default without a reason")));
  }

  private static String cut(String text) {
    return Excerpt.of(text, MOST_CHARACTERS);
  }

  /** With what stands below the key. */
  private Html values(String key) {
    List<Html> values = new ArrayList<>();
    for (Setting setting : settings) {
      if (setting.key().equals(key)) {
        values.add(tag("div", tag("code", cut(setting.value()))));
      } else if (setting.key().startsWith(key + ".") && !setting.key().equals(key + ".name")) {
        String below = setting.key().substring(key.length() + 1);
        values.add(tag("div", tag("code", below + " = " + cut(setting.value()))));
      }
    }
    return Html.of(values);
  }

  private Table every() {
    Table table = table("Every key");
    settings.stream()
        .limit(MOST)
        .forEach(
            setting ->
                table.row(
                    "",
                    key(setting.key()),
                    tag("code", cut(setting.value())),
                    text(cut(setting.reason().orElse("")))));
    return table;
  }

  /** Which may be broken behind its points. */
  private static Html key(String key) {
    List<Html> parts = new ArrayList<>();
    for (String part : key.split("(?<=\\.)")) {
      parts.add(text(part));
      parts.add(tag("wbr"));
    }
    return tag("code", Html.of(parts));
  }
}
