package io.retune;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A mistake that somebody makes, and all that they are told; as it stands in a file of
 * src/test/resources/io/retune/bad:
 *
 * <pre>
 * === title
 * --- FILE                  and below it its text
 * --- FILE: WHAT IT IS      see {@link BadInputs}
 * --- submitted KEY=VALUE   what spark-submit sets, several with blanks between them
 * --- retune ARGUMENTS      as a shell takes them
 * --- exit N                and below it stderr, word for word
 * --- stdout                and below it stdout; without it there is none
 * </pre>
 *
 * In texts and arguments {@code @/} stands for the folder that the mistake is made in, and {@code
 * @sha256(FILE)} for a digest. In what is said paths are as from that folder.
 *
 * @param group name of the file, without suffix
 * @param submitted Spark's settings, by which a process knows that spark-submit started it
 * @param arguments of the command line
 */
record BadInput(
    String group,
    String title,
    List<Given> given,
    List<String> submitted,
    List<String> arguments,
    int exit,
    String stderr,
    String stdout) {
  static final Path FOLDER = Path.of("src/test/resources/io/retune/bad");

  private static final Pattern CASE = Pattern.compile("(?m)^=== (.*)\\n");
  private static final Pattern SECTION = Pattern.compile("(?m)^--- (.*)\\n");
  private static final Pattern CODE = Pattern.compile("(?m) \\[([a-z0-9-]+)]$");
  private static final Pattern WORD = Pattern.compile("'([^']*)'|\"([^\"]*)\"|(\\S+)");

  /**
   * A file that is there.
   *
   * @param what it is; empty: the text
   */
  record Given(String file, String what, String text) {}

  /** The kinds of mistakes that are told. */
  List<String> codes() {
    return CODE.matcher(stderr).results().map(code -> code.group(1)).toList();
  }

  @Override
  public String toString() {
    return group + ": " + title;
  }

  static List<BadInput> all() throws IOException {
    List<BadInput> all = new ArrayList<>();
    try (Stream<Path> files = Files.list(FOLDER)) {
      for (Path file : files.sorted().toList()) {
        String group = file.getFileName().toString().replaceFirst("\\.txt$", "");
        for (String[] part : parts(CASE, Files.readString(file))) {
          all.add(parsed(group, part[0], part[1]));
        }
      }
    }
    return all;
  }

  /** Headings with what stands below them. */
  private static List<String[]> parts(Pattern heading, String text) {
    List<String[]> parts = new ArrayList<>();
    Matcher matcher = heading.matcher(text);
    int start = -1;
    String title = "";
    while (matcher.find()) {
      if (start >= 0) {
        parts.add(new String[] {title, text.substring(start, matcher.start())});
      }
      title = matcher.group(1);
      start = matcher.end();
    }
    parts.add(new String[] {title, text.substring(start)});
    return parts;
  }

  private static BadInput parsed(String group, String title, String text) {
    List<Given> given = new ArrayList<>();
    List<String> submitted = List.of();
    List<String> arguments = List.of();
    int exit = -1;
    String stderr = "";
    String stdout = "";
    for (String[] part : parts(SECTION, text)) {
      String heading = part[0];
      String body = part[1].stripTrailing() + (part[1].isBlank() ? "" : "\n");
      if (heading.startsWith("submitted ")) {
        submitted = words(heading.substring("submitted ".length()));
      } else if (heading.startsWith("retune ")) {
        arguments = words(heading.substring("retune ".length()));
      } else if (heading.startsWith("exit ")) {
        exit = Integer.parseInt(heading.substring("exit ".length()));
        stderr = body;
      } else if (heading.equals("stdout")) {
        stdout = body;
      } else {
        String[] file = heading.split(": ", 2);
        given.add(new Given(file[0], file.length == 1 ? "" : file[1], body));
      }
    }
    return new BadInput(
        group, title, List.copyOf(given), submitted, arguments, exit, stderr, stdout);
  }

  /** Quotes of either kind keep blanks together, around a whole word. */
  static List<String> words(String line) {
    return WORD.matcher(line)
        .results()
        .map(
            word ->
                word.group(1) != null
                    ? word.group(1)
                    : word.group(2) != null ? word.group(2) : word.group(3))
        .toList();
  }
}
