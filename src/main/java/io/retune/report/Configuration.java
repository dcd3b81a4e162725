package io.retune.report;

import static io.retune.report.Html.tag;
import static io.retune.report.Html.text;

import io.retune.lineage.JournalEntry.Asked;
import io.retune.lineage.Setting;
import java.util.List;

/** Every key with its value, and the reason for it. */
final class Configuration {
  private static final int MOST = 1000;

  private Configuration() {}

  static Html of(RunReport report) {
    Asked asked = report.declared().asked();
    List<Setting> settings = Setting.of(asked);
    Table table =
        new Table("Configuration", Table.words("Key"), Table.words("Value"), Table.words("Reason"));
    for (Setting setting : settings.subList(0, Math.min(MOST, settings.size()))) {
      boolean unexplained =
          asked.unexplained().stream().anyMatch(key -> isUnder(setting.key(), key));
      table.row(
          unexplained ? "unexplained" : setting.reason().isPresent() ? "explained" : "",
          tag("code", setting.key()),
          tag("code", setting.value()),
          text(
              setting
                  .reason()
                  .orElse(unexplained ? "⚠ changed from the default without a reason" : "")));
    }
    return Html.of(
        tag("p", text("Experiment "), tag("code", asked.experiment()), text(".")),
        tag("p", summary(asked, settings)),
        table.html());
  }

  private static boolean isUnder(String key, String above) {
    return key.equals(above) || key.startsWith(above + ".");
  }

  private static String summary(Asked asked, List<Setting> settings) {
    String left = settings.size() > MOST ? " The first " + Figures.count(MOST) + " are shown." : "";
    return asked.unexplained().isEmpty()
        ? Figures.count(settings.size(), "key") + "; no changed value lacks its reason." + left
        : "%s; changed from the default without a reason: %s.%s"
            .formatted(
                Figures.count(settings.size(), "key"),
                String.join(", ", asked.unexplained()),
                left);
  }
}
