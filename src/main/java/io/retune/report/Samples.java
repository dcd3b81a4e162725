package io.retune.report;

import static io.retune.report.Html.style;
import static io.retune.report.Html.tag;
import static io.retune.report.Html.text;
import static io.retune.report.Html.with;

import java.util.ArrayList;
import java.util.List;

/** What the model answered before and after, side by side. */
final class Samples {
  private static final int MOST = 40;

  /** Characters of a text, about two pages. */
  private static final int MOST_CHARACTERS = 4000;

  private Samples() {}

  static Html of(RunReport report) {
    if (report.samples().isEmpty()) {
      return Html.NOTHING;
    }
    List<Html> all = new ArrayList<>();
    all.add(tag("p", "The same prompts, answered by the base model and by the trained one."));
    Html after = report.withheldNote();
    if (!after.isEmpty()) {
      all.add(
          tag(
              "p",
              "What the trained model answers may be what it was trained on, and is withheld with it."));
      all.add(after);
    }
    report.samples().stream()
        .limit(MOST)
        .forEach(sample -> all.add(sample(sample, after.isEmpty())));
    int left = report.samples().size() - MOST;
    if (left > 0) {
      all.add(tag("p", Figures.count(left, "more sample") + " not shown."));
    }
    return Html.of(all);
  }

  private static Html sample(Sample sample, boolean isShown) {
    return tag(
        "article",
        style("sample"),
        tag("h3", with("dir", "auto"), text(Excerpt.of(sample.prompt(), MOST_CHARACTERS))),
        tag(
            "div",
            style("pair"),
            answer("Before", sample.before()),
            isShown
                ? answer("After", sample.after())
                : tag(
                    "div", style("answer"), tag("h4", "After"), tag("p", "nothing", "withheld"))));
  }

  private static Html answer(String when, String answer) {
    Html shown =
        answer.isBlank()
            ? tag("p", "nothing", "no answer")
            : tag("blockquote", with("dir", "auto"), text(Excerpt.of(answer, MOST_CHARACTERS)));
    return tag("div", style("answer"), tag("h4", when), shown);
  }
}
