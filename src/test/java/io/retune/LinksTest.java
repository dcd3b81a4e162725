package io.retune;

import static java.util.function.Predicate.not;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import io.retune.config.ErrorCode;
import io.retune.config.SiteLoader;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParseResult;

/** What the pages of the repository point to is there, and what they tell to type is understood. */
class LinksTest {
  private static final Pattern FENCED = Pattern.compile("(?ms)^( *)```.*?\\n(.*?)^ *```$");
  private static final Pattern LINK = Pattern.compile("\\[[^]]*]\\(([^)\\s]+)\\)");
  private static final Pattern HEADING = Pattern.compile("(?m)^#{1,6} +(.*?) *$");

  private static final Pattern TEST = Pattern.compile("\\b([A-Z]\\w+Test)\\b(?:\\.([a-z]\\w+))?");

  /** A command at a line's beginning, after a prompt, in brackets, or offered as the next. */
  private static final Pattern RETUNE =
      Pattern.compile(
          "(?: {7}|(?:\\$|Next:|\\(.*;|.* &&|.* retune:[0-9.]+) +)?(?:\\./)?retune (.*)"
              + "|(?:\\w+=\\S+ )*jobs/submit\\.sh .*-- (.*)");

  /** {@code retune export: ...} is what a command says. */
  private static final Pattern SAID = Pattern.compile("retune(?: [\\w-]+)*: .*");

  /** What the launcher does itself. */
  private static final Pattern LAUNCHER = Pattern.compile("test\\b.*|bench (\\w+)");

  /** Other folders of a clone are its reader's. */
  private static final List<String> FOLDERS =
      List.of("conf", "deploy", "docs", "jobs", "lineage", "notebooks", "src");

  private static final Pattern OWN_FILE =
      Pattern.compile("(?:\\./)?((?:" + String.join("|", FOLDERS) + ")/[\\w./-]*\\w/?)[.,;:)]*");

  /** The reader's. */
  private static final Path MINE = Path.of("conf", "runs", "mine.conf");

  private static final Path QUICKSTART = Path.of("conf", "runs", "quickstart.conf");

  static List<Path> pages() throws IOException {
    List<Path> pages = new ArrayList<>(List.of(Path.of("README.md")));
    for (String folder : FOLDERS) {
      try (Stream<Path> files = Files.walk(Path.of(folder))) {
        files.filter(file -> file.toString().endsWith(".md")).sorted().forEach(pages::add);
      }
    }
    return pages;
  }

  @ParameterizedTest
  @MethodSource("pages")
  void everyLinkLeadsSomewhere(Path page) throws IOException {
    for (String link : links(Files.readString(page))) {
      assertThat(problem(page, link)).as("%s: %s", page, link).isEmpty();
    }
  }

  /** Outside of code. */
  private static List<String> links(String markdown) {
    String prose = FENCED.matcher(markdown).replaceAll("").replaceAll("`[^`\n]*`", "`code`");
    return LINK.matcher(prose).results().map(link -> link.group(1)).toList();
  }

  /** Why a link leads nowhere; empty: it leads somewhere. */
  private static String problem(Path page, String link) throws IOException {
    URI uri = URI.create(link);
    if (uri.getScheme() != null) {
      return Set.of("https", "http", "mailto").contains(uri.getScheme()) ? "" : "of what kind?";
    }
    Path folder = page.toAbsolutePath().getParent();
    Path target = uri.getPath().isEmpty() ? page : folder.resolve(uri.getPath()).normalize();
    if (!Files.exists(target)) {
      return "no such file";
    }
    String anchor = uri.getFragment();
    return anchor == null || anchors(Files.readString(target)).contains(anchor)
        ? ""
        : "no such heading";
  }

  /** Of its headings, as GitHub makes them. */
  private static Set<String> anchors(String markdown) {
    Set<String> anchors = new HashSet<>();
    HEADING
        .matcher(FENCED.matcher(markdown).replaceAll(""))
        .results()
        .map(heading -> heading.group(1).replaceAll("\\[([^]]*)]\\([^)]*\\)", "$1"))
        .map(text -> text.toLowerCase(Locale.ROOT).replaceAll("[^\\p{L}\\p{N}_ -]", ""))
        .map(text -> text.replace(' ', '-'))
        .forEach(
            anchor -> {
              String own = anchor;
              for (int i = 1; !anchors.add(own); i++) {
                own = anchor + "-" + i;
              }
            });
    return anchors;
  }

  @ParameterizedTest
  @MethodSource("pages")
  void everyTestThatIsNamedIsThere(Path page) throws IOException {
    for (MatchResult named : TEST.matcher(Files.readString(page)).results().toList()) {
      List<Path> files = testFiles(named.group(1) + ".java");
      assertThat(files).as("%s: %s", page, named.group()).hasSize(1);
      if (named.group(2) != null) {
        assertThat(Files.readString(files.get(0)))
            .as("%s: %s", page, named.group())
            .contains(" void " + named.group(2) + "(");
      }
    }
  }

  private static List<Path> testFiles(String name) throws IOException {
    List<Path> found = new ArrayList<>();
    for (String folder : List.of("test", "it")) {
      try (Stream<Path> files = Files.walk(Path.of("src", folder, "java"))) {
        files.filter(file -> file.endsWith(name)).forEach(found::add);
      }
    }
    return found;
  }

  @ParameterizedTest
  @MethodSource("pages")
  void everyCommandIsUnderstood(Path page) throws IOException {
    for (String command : commands(Files.readString(page))) {
      assertThatCode(() -> understand(command))
          .as("%s: %s", page, command)
          .doesNotThrowAnyException();
    }
  }

  @Test
  void commandsAreFoundWhereTheyStand() {
    assertThat(
            commands(
                """
                ```
                ./retune run A      # why
                $ ./retune runs
                (ulimit -f 9; ./retune run B --set a.b=1)
                rm -r x && retune plan C
                Next:  ./retune show D      what it did
                       ./retune report D
                jobs/submit.sh --master M \\
                  -- run E --lanes 2
                docker run -v a:/b retune:0.1.0 retune check F
                retune export: --to DIR is missing. [missing-argument]
                  It goes on. ./retune status says how far it is.
                  ./retune pin CONF writes it.
                ```
                ./retune outside
                """))
        .containsExactly(
            "run A",
            "runs",
            "run B --set a.b=1",
            "plan C",
            "show D",
            "report D",
            "run E --lanes 2",
            "check F");
  }

  /** What stands behind {@code ./retune} in the page's blocks of code, but for remarks. */
  private static List<String> commands(String markdown) {
    List<String> commands = new ArrayList<>();
    for (String line : code(markdown)) {
      Matcher command = RETUNE.matcher(line);
      if (!SAID.matcher(line).matches() && command.matches()) {
        String words = command.group(1) == null ? command.group(2) : command.group(1);
        words = words.replaceFirst("( +#| [|] |   ).*$", "").strip();
        commands.add(line.startsWith("(") ? words.replaceFirst("\\)$", "") : words);
      }
    }
    return commands;
  }

  private static List<String> code(String markdown) {
    return FENCED
        .matcher(markdown)
        .results()
        .map(block -> block.group(2).replaceAll("\\\\\\n", " "))
        .flatMap(String::lines)
        .toList();
  }

  /** Reads it as Retune does, and the configuration and the site that it names with its changes. */
  private static void understand(String command) throws IOException {
    Matcher launched = LAUNCHER.matcher(command);
    if (launched.matches()) {
      String what = launched.group(1) == null ? "= test ]" : "'bench " + launched.group(1) + "')";
      assertThat(Files.readString(Path.of("retune"))).contains(what);
      return;
    }
    List<String> words = BadInput.words(command);
    CommandLine line = Retune.commandLine();
    ParseResult parsed = line.parseArgs(words.toArray(String[]::new));
    if (!parsed.hasSubcommand()) {
      return;
    }
    CommandSpec verb = parsed.subcommand().commandSpec();
    if (verb.mixins().containsKey(Commands.ASKED)) {
      Commands.Asked asked = (Commands.Asked) verb.mixins().get(Commands.ASKED).userObject();
      if (!Files.exists(asked.conf)) {
        asked.conf = QUICKSTART;
      }
      asked.load();
    } else if (verb.mixins().containsKey("place")) {
      Commands.Place place = (Commands.Place) verb.mixins().get("place").userObject();
      SiteLoader.load(place.site, place.siteOverrides());
    }
    if (words.get(0).equals("explain")) {
      assertThat(words.stream().skip(1).filter(not("CODE"::equals)))
          .allMatch(code -> ErrorCode.of(code).isPresent());
    }
    if (words.get(0).equals("lineage") && words.size() > 1) {
      Path query = Path.of("lineage", "queries", words.get(1) + ".sql");
      assertThat(words.stream().skip(2).filter(word -> word.matches("\\w+=.*")))
          .allMatch(word -> contains(query, ":" + word.replaceFirst("=.*", "")));
    }
  }

  private static boolean contains(Path file, String text) {
    try {
      return Files.readString(file).contains(text);
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  @ParameterizedTest
  @MethodSource("pages")
  void everyFileOfOursInACommandIsThere(Path page) throws IOException {
    assertThat(
            code(Files.readString(page)).stream()
                .flatMap(line -> Stream.of(line.split("[\\s\"']+")))
                .map(OWN_FILE::matcher)
                .filter(Matcher::matches)
                .map(MatchResult.class::cast)
                .map(file -> Path.of(file.group(1)))
                .filter(not(MINE::equals)))
        .allMatch(Files::exists);
  }
}
