package io.retune.report;

import static io.retune.report.Html.style;
import static io.retune.report.Html.tag;
import static io.retune.report.Html.with;

import io.retune.lineage.JournalEntry.Declared;
import io.retune.lineage.RunHistory;
import io.retune.lineage.Withheld;
import io.retune.plan.Plan;
import java.util.ArrayList;
import java.util.List;

/**
 * The page of a run: what was asked, what came of it, how sure that is, what it was made of, and
 * how to make it again. One file that needs no other; of the same run always the same bytes.
 *
 * @param history of a run that was declared
 * @param status word of its {@link io.retune.lineage.RunStatus}
 * @param samples answers before and after training; may be empty
 */
public record RunReport(
    RunHistory history, Plan plan, String status, ShownExamples examples, List<Sample> samples) {
  /** Name of the page in the run's folder. */
  public static final String FILE = "report.html";

  public RunReport {
    if (history.declared().isEmpty()) {
      throw new IllegalArgumentException("Only a run that was declared has a page");
    }
    samples = List.copyOf(samples);
  }

  Declared declared() {
    return history.declared().orElseThrow();
  }

  /** Why texts are missing where they would stand; nothing where none is. */
  Html withheldNote() {
    Withheld withheld = Withheld.of(declared());
    return withheld.isEmpty() ? Html.NOTHING : tag("p", "note", withheld.reason());
  }

  /** The whole page. */
  public String html() {
    List<Section> sections = sections().stream().filter(s -> !s.content().isEmpty()).toList();
    List<Html> all = new ArrayList<>();
    all.add(tag("header", style("headline"), Headline.of(this)));
    all.add(contents(sections));
    sections.forEach(section -> all.add(section.html()));
    return Page.of(declared().run() + " · Retune", Html.of(all), foot());
  }

  private List<Section> sections() {
    return List.of(
        new Section("verdict", "Verdict by group", Verdicts.of(this)),
        new Section("training", "Training", Training.of(this)),
        new Section("samples", "Before and after", Samples.of(this)),
        new Section("examples", "Held-out examples", Examples.of(this)),
        new Section("data", "Data", Data.of(this)),
        new Section("configuration", "Configuration", Configuration.of(this)),
        new Section("lineage", "Lineage", Lineage.of(this)),
        new Section("attempts", "Attempts", Attempts.of(this)),
        new Section("environment", "Environment", Surroundings.of(this)),
        new Section("artifacts", "Artifacts", Artifacts.of(this)),
        new Section("reproduce", "Reproduce", Reproduction.of(this)));
  }

  /** A part of the page with a heading that can be linked to. */
  private record Section(String id, String title, Html content) {
    Html html() {
      return tag(
          "section",
          with("id", id),
          with("aria-labelledby", id + "-title"),
          tag("h2", with("id", id + "-title"), Html.text(title)),
          content);
    }
  }

  private static Html contents(List<Section> sections) {
    List<Html> links = new ArrayList<>();
    for (Section section : sections) {
      links.add(tag("li", tag("a", with("href", "#" + section.id), Html.text(section.title))));
    }
    return tag("nav", with("aria-label", "Contents"), tag("ul", Html.of(links)));
  }

  private Html foot() {
    return tag(
        "p",
        rows() + " It names no time of its making: of the same run it is always the same file.");
  }

  private String rows() {
    Withheld withheld = Withheld.of(declared());
    boolean isNoneShown = declared().datasets().stream().allMatch(d -> withheld.has(d.name()));
    return isNoneShown && !withheld.isEmpty()
        ? "This page holds no text of rows."
        : "This page holds the text of rows: samples, held-out examples and one training example."
            + " Where rows are to be erased, erase it with them.";
  }
}
