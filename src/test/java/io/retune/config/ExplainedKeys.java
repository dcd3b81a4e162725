package io.retune.config;

import static java.util.stream.Collectors.joining;

import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigList;
import com.typesafe.config.ConfigObject;
import com.typesafe.config.ConfigValue;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/**
 * A configuration that explains its keys: each in the lines of comment directly above it, behind it
 * in its line, and further in the same column below that. Keys that are commented out count too.
 */
final class ExplainedKeys {
  private static final Pattern COMMENTED_OUT =
      Pattern.compile("^( *)# (?= *(?:# )?[a-z][\\w.-]* *[={]| *})");

  private static final Pattern REMARK = Pattern.compile("^((?:[^\"#]|\"[^\"]*\")*)#+ ?(.*)$");

  /** Of these blocks the keys are the user's. */
  private static final String NAMED = "data.datasets";

  private static final String OWN_COLUMNS = "select";
  private static final String REASONS = "why";

  /**
   * A key of the file.
   *
   * @param path with {@code *} for names and list elements
   * @param comment empty: none of its own
   */
  record Explained(String path, ConfigValue value, int line, String comment) {}

  private final List<String> lines;
  private final Map<String, Explained> keys = new LinkedHashMap<>();

  private ExplainedKeys(List<String> lines) {
    this.lines = lines;
  }

  /** In the order of the file. */
  static List<Explained> read(Path file) throws IOException {
    List<String> lines = new ArrayList<>();
    for (String line : Files.readAllLines(file)) {
      String once = COMMENTED_OUT.matcher(line).replaceFirst("$1");
      lines.add(COMMENTED_OUT.matcher(once).replaceFirst("$1"));
    }
    ExplainedKeys keys = new ExplainedKeys(lines);
    keys.walk("", ConfigFactory.parseString(String.join("\n", lines)).root());
    return keys.withOneCommentALine();
  }

  private void walk(String path, ConfigValue value) {
    if (value instanceof ConfigObject block && !path.endsWith(OWN_COLUMNS)) {
      block.forEach(
          (key, inside) -> {
            String name = path.equals(NAMED) ? "*" : key;
            String whole = path.isEmpty() ? name : path + "." + name;
            int line = inside.origin().lineNumber();
            keys.putIfAbsent(whole, new Explained(whole, inside, line, comment(line)));
            if (!whole.equals(REASONS)) {
              walk(whole, inside);
            }
          });
    } else if (value instanceof ConfigList list) {
      list.forEach(element -> walk(path + ".*", element));
    }
  }

  /** The key that it is about: the first, but for the name of one of several in a list. */
  private List<Explained> withOneCommentALine() {
    List<Explained> all =
        keys.values().stream()
            .sorted(
                Comparator.comparingInt(Explained::line)
                    .thenComparingInt(key -> columnOf(key))
                    .thenComparing(Explained::path))
            .toList();
    return all.stream()
        .map(
            key ->
                key.equals(explained(all.stream().filter(k -> k.line() == key.line()).toList()))
                    ? key
                    : new Explained(key.path(), key.value(), key.line(), ""))
        .toList();
  }

  private static Explained explained(List<Explained> ofOneLine) {
    boolean isElement = ofOneLine.get(0).path().endsWith(".*.name");
    return ofOneLine.get(isElement ? 1 : 0);
  }

  private int columnOf(Explained key) {
    String last = key.path().substring(key.path().lastIndexOf('.') + 1);
    Matcher place =
        Pattern.compile("\\b" + Pattern.quote(last) + "\\b(?!\\.)")
            .matcher(lines.get(key.line() - 1));
    return place.find() ? place.start() : Integer.MAX_VALUE; // "a" of "a.b = c" is not written
  }

  private String comment(int number) {
    int line = number - 1;
    int column = indentation(lines.get(line));
    int above = line;
    while (above > 0 && isComment(above - 1) && indentation(lines.get(above - 1)) == column) {
      above--;
    }
    int below = line + 1;
    boolean isBehind = REMARK.matcher(lines.get(line)).matches();
    while (isBehind
        && below < lines.size()
        && isComment(below)
        && indentation(lines.get(below)) > column) {
      below++;
    }
    return IntStream.range(above, below).mapToObj(this::remark).collect(joining(" ")).strip();
  }

  private boolean isComment(int line) {
    return lines.get(line).stripLeading().startsWith("#");
  }

  private String remark(int line) {
    Matcher remark = REMARK.matcher(lines.get(line));
    return remark.matches() ? remark.group(2).strip() : "";
  }

  private static int indentation(String line) {
    return line.length() - line.stripLeading().length();
  }
}
