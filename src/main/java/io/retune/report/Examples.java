package io.retune.report;

import static io.retune.report.Html.style;
import static io.retune.report.Html.tag;
import static io.retune.report.Html.text;

import java.util.ArrayList;
import java.util.List;

/** The extremes of the held-out examples, with their texts. */
final class Examples {
  private Examples() {}

  static Html of(RunReport report) {
    List<Ranking> rankings = Ranking.of(report.history(), report.plan());
    if (rankings.get(0).examples().isEmpty()) {
      return Html.NOTHING;
    }
    List<Html> all = new ArrayList<>();
    all.add(
        tag(
            "p",
            text("Losses are nats per target token of the example; "),
            tag("mark", "run", "marked"),
            text(" is what is scored.")));
    for (Ranking ranking : rankings) {
      all.add(tag("h3", ranking.title()));
      all.add(tag("p", "note", ranking.explanation()));
      ranking.examples().forEach(example -> all.add(example(report.examples(), example)));
    }
    return Html.of(all);
  }

  private static Html example(ShownExamples texts, ScoredExample example) {
    ShownExample shown = texts.byId().get(example.id());
    Html body =
        shown == null
            ? tag("p", "nothing", "its text is not here")
            : Tokens.together(shown.tokens());
    List<Html> figures = new ArrayList<>();
    figures.add(
        tag(
            "span",
            "losses",
            "%s → %s (%s)"
                .formatted(
                    Figures.fixed(example.before(), 3),
                    Figures.fixed(example.after(), 3),
                    Figures.signed(example.change(), 3))));
    figures.add(tag("span", Figures.count(example.targetTokens(), "target token")));
    example.group().ifPresent(g -> figures.add(tag("span", g.isEmpty() ? "(none)" : g)));
    if (shown != null) {
      figures.add(tag("span", shown.dataset()));
    }
    figures.add(tag("code", example.id()));
    return tag("article", style("scored"), tag("p", style("figures"), Html.of(figures)), body);
  }
}
