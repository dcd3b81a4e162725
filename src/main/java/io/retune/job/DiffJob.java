package io.retune.job;

import io.retune.config.CheckDoesNotHoldException;
import io.retune.config.ConfigLoader;
import io.retune.config.ErrorCode;
import io.retune.config.InvalidInputException;
import io.retune.evaluate.Comparison;
import io.retune.lineage.Arguments;
import io.retune.lineage.Arguments.Difference;
import io.retune.lineage.RowsPrinter;
import io.retune.lineage.RunHistory;
import io.retune.store.Json;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * {@code retune diff A B}: in what two runs, or configurations that have not run, differ, and
 * whether a comparison of them says something about what was meant to differ.
 */
public final class DiffJob {
  private static final int DIGITS_SHOWN = 12;
  private static final int CHARS_SHOWN = 40;

  private final Workspace workspace;

  public DiffJob(Workspace workspace) {
    this.workspace = workspace;
  }

  private record Side(Arguments arguments, Optional<Comparison> loss) {}

  /**
   * @param one a run, the start of its name, or the file of a configuration; likewise {@code other}
   * @param other absent: what {@code one} extends, which then stands first
   * @param intended see {@link Arguments#differencesTo}; empty: nobody said
   * @throws CheckDoesNotHoldException if something differs beside what was intended
   */
  public void execute(String one, Optional<String> other, Set<String> intended, boolean json) {
    if (other.isPresent()) {
      execute(one, other.get(), intended, json);
    } else {
      execute(extended(one), one, intended, json);
    }
  }

  private static String extended(String named) {
    if (!isConfiguration(named)) {
      requireNoFile(named);
      throw InvalidInputException.of(
          ErrorCode.MISSING_ARGUMENT,
          "retune diff " + named,
          "says not what the run is to be held against.",
          "Name another run, or a configuration: retune diff RUN " + named);
    }
    return ConfigLoader.load(Path.of(named), List.of())
        .recipe()
        .parent()
        .orElseThrow(
            () ->
                InvalidInputException.of(
                    ErrorCode.MISSING_ARGUMENT,
                    named,
                    "extends nothing that it could be held against.",
                    "Say extends = RUN in it, or name the other: retune diff OTHER " + named));
  }

  private void execute(String one, String other, Set<String> intended, boolean json) {
    Side a = side(one);
    Side b = side(other);
    List<Difference> differences = a.arguments().differencesTo(b.arguments(), intended);
    List<Difference> unintended = differences.stream().filter(d -> !d.intended()).toList();
    if (json) {
      System.out.println(Json.write(result(a, b, differences, unintended.isEmpty())));
    } else {
      print(a, b, differences);
    }
    if (!intended.isEmpty() && !unintended.isEmpty()) {
      throw new CheckDoesNotHoldException(
          ErrorCode.UNFAIR_COMPARISON,
          one + " and " + other,
          "differ in %s too, so that they compare more than %s."
              .formatted(
                  String.join(", ", unintended.stream().map(DiffJob::named).toList()),
                  String.join(", ", intended)),
          "Make the rest equal, or name it under --intended as well.");
    }
  }

  /** A run's name holds no slash. */
  private static void requireNoFile(String named) {
    if (named.contains("/") || named.endsWith(".conf")) {
      throw InvalidInputException.of(
          ErrorCode.FILE_NOT_FOUND,
          named,
          "is no file.",
          "Give the file of a configuration, or a run; ./retune runs lists those.");
    }
  }

  private static boolean isConfiguration(String named) {
    return Files.isRegularFile(Path.of(named));
  }

  /** Of a run, or of a configuration that has not run. */
  static Arguments arguments(Workspace workspace, String named) {
    return new DiffJob(workspace).side(named).arguments();
  }

  private Side side(String named) {
    if (isConfiguration(named)) {
      return new Side(
          Arguments.of(named, ConfigLoader.load(Path.of(named), List.of())), Optional.empty());
    }
    requireNoFile(named);
    RunHistory history = RunFolder.named(workspace.store(), named);
    return new Side(Arguments.of(history), history.ended().map(ended -> ended.whole()));
  }

  private static String named(Difference difference) {
    return difference.part() == Arguments.Part.CONFIGURATION
        ? difference.key()
        : difference.part().word() + " (" + difference.key() + ")";
  }

  private static void print(Side a, Side b, List<Difference> differences) {
    List<List<String>> lines = new ArrayList<>();
    for (Difference d : differences) {
      lines.add(
          List.of(
              d.part().word(),
              d.key(),
              brief(d.one()),
              brief(d.other()),
              d.intended() ? "yes" : "no",
              d.why().orElse(""),
              d.otherWhy().orElse("")));
    }
    String one = a.arguments().name();
    String other = b.arguments().name();
    RowsPrinter.print(
        List.of("part", "key", one, other, "intended", "why", "why of the other"),
        lines,
        System.out);
    a.loss().ifPresent(loss -> System.out.println(outcome(one, loss)));
    b.loss().ifPresent(loss -> System.out.println(outcome(other, loss)));
    if (differences.stream().allMatch(Difference::intended)) {
      System.out.println(
          differences.isEmpty() ? "Nothing differs." : "Fair: nothing else differs.");
    }
  }

  /** Digests, and long texts, by their beginning. */
  static String brief(Optional<String> value) {
    String all = value.orElse("");
    if (all.matches("[0-9a-f]{64}(, [0-9a-f]{64})*")) {
      return Arrays.stream(all.split(", "))
          .map(digest -> digest.substring(0, DIGITS_SHOWN))
          .collect(Collectors.joining(", "));
    }
    return all.length() <= CHARS_SHOWN ? all : all.substring(0, CHARS_SHOWN) + "...";
  }

  private static String outcome(String name, Comparison loss) {
    return String.format(
        Locale.ROOT,
        "%s: held-out loss %.4f to %.4f (%s): %s",
        name,
        loss.before(),
        loss.after(),
        loss.interval(),
        loss.verdict().words());
  }

  private static Map<String, Object> result(
      Side a, Side b, List<Difference> differences, boolean fair) {
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("one", a.arguments().name());
    result.put("other", b.arguments().name());
    result.put("fair", fair);
    result.put(
        "differences",
        differences.stream()
            .map(
                d -> {
                  Map<String, Object> row = new LinkedHashMap<>();
                  row.put("part", d.part().word());
                  row.put("key", d.key());
                  d.one().ifPresent(v -> row.put("one", v));
                  d.other().ifPresent(v -> row.put("other", v));
                  d.why().ifPresent(v -> row.put("why", v));
                  d.otherWhy().ifPresent(v -> row.put("other_why", v));
                  row.put("intended", d.intended());
                  return row;
                })
            .toList());
    return result;
  }
}
