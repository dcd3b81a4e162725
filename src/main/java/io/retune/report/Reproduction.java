package io.retune.report;

import static io.retune.report.Html.style;
import static io.retune.report.Html.tag;
import static io.retune.report.Html.text;

import io.retune.dataset.DatasetVersion;
import io.retune.lineage.Environment;
import io.retune.lineage.JournalEntry.Declared;
import io.retune.lineage.JournalEntry.DriverStarted;
import io.retune.lineage.JournalEntry.Ended;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** The commands that make or check the run again, and what they need. */
final class Reproduction {
  private Reproduction() {}

  static Html of(RunReport report) {
    Declared declared = report.declared();
    List<Html> all = new ArrayList<>();
    all.add(tag("h3", "What it needs"));
    all.add(needs(report));
    all.add(tag("h3", "The commands"));
    command(
        all,
        "Make it again. With this request in the same store it is found, or gone on with; in an"
            + " empty store it is computed, to the same weights. CONF is the configuration file"
            + " whose experiment is "
            + LineageGraph.brief(declared.asked().experiment())
            + ".",
        "./retune run CONF --request " + quoted(declared.request()));
    command(
        all,
        "Which rows made these weights, and when.",
        "./retune lineage rows-of-run run=" + quoted(declared.run()));
    command(
        all,
        "Hold the run's journal, files and tables against each other.",
        "./retune rebuild " + quoted(declared.run()));
    report.history().ended().ifPresent(ended -> weights(all, ended));
    return Html.of(all);
  }

  private static void weights(List<Html> all, Ended ended) {
    command(
        all,
        "Check the weights, in the folder of the store. It prints " + ended.weightsSha256() + ".",
        "sha256sum " + quoted(ended.adapter() + "/adapter_model.safetensors"));
  }

  private static void command(List<Html> all, String what, String command) {
    all.add(tag("p", what));
    all.add(tag("pre", style("command"), tag("code", command)));
  }

  /** As a shell takes it. */
  private static String quoted(String word) {
    return word.matches("[A-Za-z0-9_./:=-]+") ? word : "'" + word.replace("'", "'\\''") + "'";
  }

  private static Html needs(RunReport report) {
    Declared declared = report.declared();
    Facts facts = new Facts();
    Set<Environment.Code> programs = new HashSet<>();
    for (DriverStarted driver : report.history().computingDrivers()) {
      if (programs.add(driver.environment().code())) {
        facts.wide("Retune at commit", commit(driver));
      }
    }
    facts.wide("Base model", source(declared.source().source(), declared.source().sha256()));
    for (DatasetVersion version : declared.datasets()) {
      facts.wide("Data: " + version.name(), source(version.source(), version.sourceSha256()));
    }
    facts.wide(
        "Machine",
        text("With the same instruction set; the numerics above say when two machines are alike."));
    return facts.html();
  }

  private static Html commit(DriverStarted driver) {
    Environment.Code code = driver.environment().code();
    return code.diffSha256().isEmpty()
        ? tag("code", code.commit())
        : Html.of(
            tag("code", code.commit()),
            text(
                " with the difference that the run keeps as "
                    + Environment.diffFile(driver.driver())
                    + ", SHA-256 "),
            tag("code", code.diffSha256()));
  }

  private static Html source(String source, String sha256) {
    return Html.of(text(source), tag("br"), tag("code", sha256));
  }
}
