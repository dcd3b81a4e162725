package io.retune.report;

import static io.retune.report.Html.style;
import static io.retune.report.Html.tag;
import static io.retune.report.Html.text;

import io.retune.text.Token;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;

/** The extremes of the held-out examples, with their texts. */
final class Examples {
  private final ShownExamples texts;
  private final int alike;

  private Examples(ShownExamples texts) {
    this.texts = texts;
    this.alike = alike(texts.byId().values().stream().filter(e -> !e.isWithheld()).toList());
  }

  static Html of(RunReport report) {
    List<Ranking> rankings = Ranking.of(report.history(), report.plan());
    if (rankings.get(0).examples().isEmpty()) {
      return Html.NOTHING;
    }
    Examples examples = new Examples(report.examples());
    return Html.of(
        tag(
            "p",
            text("Losses are nats per target token of the example; "),
            tag("mark", "run", "marked"),
            text(" is what is scored." + examples.leftOut())),
        report.withheldNote(),
        tag("div", style("pair"), Html.of(rankings.stream().map(examples::ranking).toList())));
  }

  /** How many tokens all shown examples begin with, which say nothing about any of them. */
  private static int alike(Collection<ShownExample> examples) {
    if (examples.size() < 2) {
      return 0;
    }
    List<Token> first = examples.iterator().next().tokens();
    int alike = first.size();
    for (ShownExample example : examples) {
      int same = 0;
      while (same < Math.min(alike, example.tokens().size())
          && !first.get(same).trained()
          && first.get(same).equals(example.tokens().get(same))) {
        same++;
      }
      alike = same;
    }
    return lineEnd(first.subList(0, alike));
  }

  /** Behind the last whole line: what is shown begins where a reader can begin. */
  private static int lineEnd(List<Token> tokens) {
    int end = tokens.size();
    while (end > 0 && !tokens.get(end - 1).text().endsWith("\n")) {
      end--;
    }
    return end;
  }

  private String leftOut() {
    return alike == 0
        ? ""
        : " The " + Figures.count(alike, "token") + " that all of them begin with are left out.";
  }

  private Html ranking(Ranking ranking) {
    return tag(
        "div",
        tag("h3", ranking.title()),
        tag("p", "note", ranking.explanation()),
        Html.of(ranking.examples().stream().map(this::example).toList()));
  }

  private Html example(ScoredExample example) {
    Optional<ShownExample> shown = Optional.ofNullable(texts.byId().get(example.id()));
    return tag(
        "article",
        style("scored"),
        figures(example, shown),
        shown.map(this::body).orElseGet(() -> tag("p", "nothing", "Its text is not here.")));
  }

  private Html body(ShownExample shown) {
    if (shown.isWithheld()) {
      return tag("p", "nothing", "Its text is withheld.");
    }
    return Tokens.together(shown.tokens().subList(alike, shown.tokens().size()));
  }

  private static Html figures(ScoredExample example, Optional<ShownExample> shown) {
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
    example.group().ifPresent(g -> figures.add(tag("span", g)));
    figures.add(tag("span", Figures.count(example.targetTokens(), "target token")));
    figures.add(
        tag("span", text(shown.map(s -> s.dataset() + " ").orElse("")), tag("code", example.id())));
    return tag("p", style("figures"), Html.of(figures));
  }
}
