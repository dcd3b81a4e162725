package io.retune.it;

import static java.util.stream.Collectors.joining;
import static org.assertj.core.api.Assertions.assertThat;

import io.retune.MadePage;
import io.retune.engine.Numerics;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.commons.io.FileUtils;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code docs/tutorial.md}: every command of it, typed in an empty folder, and what it prints. */
class TutorialTest {
  private static final Path PAGE = Path.of("docs", "tutorial.md");
  private static final Path DATA = Path.of("docs", "tutorial");
  private static final Pattern BLOCK = Pattern.compile("(?s)```console\n(.*?)```");
  private static final Pattern NUMERICS = Pattern.compile("<!-- numerics: ([0-9a-f]*) ?-->");

  /** Where the page's reader has home. */
  private static final String HOME = "/home/you";

  /** Between the commands' outputs; behind it the exit code. */
  private static final String MARK = "=== done ";

  /** {@code init} chooses sizes by them. */
  private static final String PROCESSORS = "-XX:ActiveProcessorCount=2";

  /** What is another each time, or on another machine of the same kind. */
  private enum Varying {
    TIME_LEFT("\\d+:\\d\\d left"),
    RATE("\\d+ tokens/s"),
    TIMES("(?m)^(?:time  |checked   in ).*$"),
    SIZE(" *\\d+\\.\\d [MG]iB"),
    /** The path of the data is in the configuration. */
    FINGERPRINT("(?<=fingerprint )[0-9a-f]{64}"),
    /** Made with the salt of the store. */
    ROW_ID("\\b[0-9a-f]{32}\\b"),
    MOMENT("\\d{4}-\\d\\d-\\d\\dT[0-9:.]+Z");

    private final Pattern pattern;

    Varying(String pattern) {
      this.pattern = Pattern.compile(pattern);
    }
  }

  /** What depends on the instruction set. */
  private enum Figure {
    LOSS("[+-]?\\d+\\.\\d{4}"),
    WEIGHTS("(?<=sha256 )[0-9a-f]{64}"),
    BARS("[▁▂▃▄▅▆▇█]+"),
    ANSWER("(?s)(?<=\n\\$ ./retune generate )[^\n]*\n.*?```");

    private final Pattern pattern;

    Figure(String pattern) {
      this.pattern = Pattern.compile(pattern);
    }
  }

  @Test
  void everyCommandPrintsWhatThePageSays(@TempDir Path folder) throws Exception {
    String page = Files.readString(PAGE);
    List<String> commands = BLOCK.matcher(page).results().flatMap(TutorialTest::commands).toList();
    List<String> outputs = typed(commands, folder.toRealPath());
    String made = withOutputs(page, outputs);
    String here = Numerics.probe().sha256().hex();
    made = NUMERICS.matcher(made).replaceAll("<!-- numerics: " + here + " -->");
    Matcher there = NUMERICS.matcher(page);
    assertThat(there.find()).isTrue();
    MadePage.hold(PAGE, made, steady(there.group(1).equals(here)), getClass());
  }

  private static Stream<String> commands(MatchResult block) {
    return block.group(1).lines().filter(line -> line.startsWith("$ ")).map(l -> l.substring(2));
  }

  /** One shell, as its user types: what each command prints. */
  private static List<String> typed(List<String> commands, Path home) throws Exception {
    install(home.resolve("retune"));
    String script =
        commands.stream()
            .map(
                command -> command + "\ncode=$?; echo '" + MARK + "'$code; [ $code = 0 ] || exit\n")
            .collect(joining());
    Path log = home.resolve("log");
    ProcessBuilder bash =
        new ProcessBuilder("bash", "-c", script)
            .directory(home.toFile())
            .redirectErrorStream(true)
            .redirectOutput(log.toFile());
    bash.environment().put("HOME", home.toString());
    bash.environment().put("CI", "true");
    bash.environment().put("LC_ALL", "C.UTF-8");
    assertThat(bash.start().waitFor(40, TimeUnit.MINUTES)).as("the commands end in time").isTrue();
    String all = Files.readString(log).replace(home.toString(), HOME);
    List<String> outputs = new ArrayList<>();
    for (String output : all.split("(?<=" + MARK + "\\d{1,3})\n")) {
      String[] ended = output.split(MARK);
      assertThat(ended).as(all).hasSize(2);
      assertThat(ended[1]).as(commands.get(outputs.size()) + "\n" + ended[0]).isEqualTo("0");
      outputs.add(ended[0]);
    }
    assertThat(outputs).hasSameSizeAs(commands);
    return outputs;
  }

  /** A clone, whose launcher is this build. */
  private static void install(Path clone) throws IOException {
    FileUtils.copyDirectory(DATA.toFile(), clone.resolve(DATA).toFile());
    RetuneProcess.installLauncher(clone, List.of(PROCESSORS));
  }

  private static String withOutputs(String page, List<String> outputs) {
    List<String> left = new ArrayList<>(outputs);
    return BLOCK
        .matcher(page)
        .replaceAll(
            block ->
                Matcher.quoteReplacement(
                    commands(block)
                        .map(command -> "$ " + command + "\n" + left.remove(0))
                        .collect(joining("", "```console\n", "```"))));
  }

  /**
   * Without what varies.
   *
   * @param sameNumerics then the figures are the same to the last digit
   */
  private static UnaryOperator<String> steady(boolean sameNumerics) {
    return page -> {
      String steady = NUMERICS.matcher(page).replaceAll("");
      if (!sameNumerics) {
        for (Figure figure : Figure.values()) {
          steady = figure.pattern.matcher(steady).replaceAll(figure.name());
        }
      }
      for (Varying varying : Varying.values()) {
        steady = varying.pattern.matcher(steady).replaceAll(varying.name());
      }
      return steady;
    };
  }
}
