package io.retune.report;

import static io.retune.report.Html.tag;
import static io.retune.report.Html.text;
import static io.retune.report.Html.with;

import io.retune.evaluate.GroupComparison;
import io.retune.lineage.JournalEntry.Ended;
import java.util.List;
import java.util.stream.DoubleStream;

/** The verdict on each group of the held-out examples. */
final class Verdicts {
  private Verdicts() {}

  static Html of(RunReport report) {
    List<GroupComparison> loss = report.history().ended().map(Ended::loss).orElse(List.of());
    if (loss.size() < 2) {
      return Html.NOTHING;
    }
    return Html.of(
        tag(
            "p",
            "Change of the loss, nats per target token: what lies left of zero is better. Each "
                + Difference.confidence(report.declared().asked())
                + " interval stands for itself: of many groups some lie outside of theirs by chance."),
        table(loss));
  }

  private static Html table(List<GroupComparison> loss) {
    ForestPlot plot =
        new ForestPlot(
            loss.stream()
                .map(GroupComparison::comparison)
                .flatMapToDouble(c -> DoubleStream.of(c.low(), c.high(), c.after() - c.before())));
    Table table =
        new Table(
            "Verdict by group",
            Table.words("Group"),
            Table.drawing("Change with interval"),
            Table.number("Change"),
            Table.number("Interval"),
            Table.words("Verdict"),
            Table.number("Before"),
            Table.number("After"),
            Table.number("Examples"),
            Table.number("Target tokens"));
    for (GroupComparison group : loss) {
      boolean whole = group.isWhole();
      Difference difference = new Difference(group.comparison());
      table.row(
          (whole ? "whole " : "") + difference.style(),
          text(group.label()),
          plot.row(
              difference.onAxis(), whole ? ForestPlot.Shape.DIAMOND : ForestPlot.Shape.WHISKERS),
          text(difference.signedChange()),
          text(difference.signedInterval()),
          text(group.comparison().verdict().words()),
          text(Figures.fixed(group.comparison().before(), 3)),
          text(Figures.fixed(group.comparison().after(), 3)),
          text(Figures.count(group.examples())),
          text(Figures.count(group.targetTokens())));
    }
    return table.html(
        tag(
            "tr",
            with("aria-hidden", "true"),
            tag("td"),
            tag("td", Html.style("drawing"), plot.scale()),
            tag("td", with("colspan", 7))));
  }
}
