package io.retune.report;

import static io.retune.report.Html.tag;
import static io.retune.report.Html.text;

import io.retune.lineage.Environment;
import io.retune.lineage.JournalEntry.AttemptStarted;
import io.retune.lineage.JournalEntry.DriverStarted;
import io.retune.train.Machine;
import java.util.List;
import java.util.SortedMap;

/** The program and the machine that the last driver was, and the numerics of the last attempt. */
final class Surroundings {
  private Surroundings() {}

  static Html of(RunReport report) {
    List<DriverStarted> drivers = report.history().driverStarts();
    List<AttemptStarted> attempts = report.history().attempts();
    Html driver =
        drivers.isEmpty()
            ? tag("p", "No driver has said what it is yet.")
            : driver(drivers.get(drivers.size() - 1).environment());
    Html numerics = attempts.isEmpty() ? Html.NOTHING : numerics(attempts.get(attempts.size() - 1));
    return Html.of(driver, numerics);
  }

  private static Html driver(Environment environment) {
    Environment.Code code = environment.code();
    Machine machine = environment.machine();
    return Html.of(
        new Facts()
            .add("Retune", code.version())
            .add("Branch", code.branch())
            .add("Java", environment.java())
            .add("Machine", machine.cpu())
            .add("Cores", Figures.count(machine.cores()))
            .add("Memory", Figures.bytes(machine.memoryBytes()))
            .add("GPUs", String.join(", ", machine.gpus()))
            .add("System", machine.os() + " " + machine.architecture())
            .digest("Commit", code.commit())
            .digest("Difference from the commit, SHA-256", code.diffSha256())
            .digest("Program, SHA-256", code.programSha256())
            .html(),
        folded("Settings of Spark", environment.spark()),
        list("Flags of the Java machine", environment.jvmFlags()),
        list("Libraries", environment.libraries()));
  }

  private static Html numerics(AttemptStarted attempt) {
    Table table = named("Numerics", attempt.numerics());
    return Html.of(
        tag("h3", "Numerics"),
        tag(
            "p",
            text("What decides bits, the same for every rank and attempt: "),
            tag("code", attempt.numericsSha256()),
            text(".")),
        table.html());
  }

  private static Table named(String name, SortedMap<String, String> values) {
    Table table = new Table(name, Table.words("Name"), Table.words("Value"));
    values.forEach((key, value) -> table.row("", tag("code", key), tag("code", value)));
    return table;
  }

  private static Html folded(String title, SortedMap<String, String> values) {
    return values.isEmpty()
        ? Html.NOTHING
        : tag(
            "details",
            tag("summary", title + ", " + Figures.count(values.size())),
            named(title, values).html());
  }

  private static Html list(String title, List<String> values) {
    return values.isEmpty()
        ? Html.NOTHING
        : tag(
            "details",
            tag("summary", title + ", " + Figures.count(values.size())),
            tag(
                "ul",
                Html.style("plain"),
                Html.of(values.stream().map(v -> tag("li", tag("code", v))).toList())));
  }
}
