package io.retune.config;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** docs/errors.md, which says of each {@link ErrorCode} what it means and what to do about it. */
public final class ErrorCatalogue {
  private static final String FILE = "errors.md";

  private static final Pattern GROUP = Pattern.compile("(?m)^## (.*)\\n");

  /** A group's sections begin behind what is said of all of them. */
  private static final Pattern SECTION = Pattern.compile("(?m)^### `([a-z0-9-]+)`\\n");

  private static final Pattern PARTS =
      Pattern.compile(
          String.join(
              "\n\n",
              "\\n(?<summary>[^\n]+)",
              "\\*\\*Why\\.\\*\\* (?<why>.*?)",
              "\\*\\*Do\\.\\*\\* (?<remedy>.*?)",
              "```\n(?<example>.*?)\n```",
              "(?<cured>[^\n]+):",
              "```\n(?<cure>.*?)\n```",
              "Exit code (?<exit>\\d)\\.\\s*"),
          Pattern.DOTALL);

  /**
   * What is said of a code; texts as they stand in the document.
   *
   * @param group of codes that it stands in
   * @param summary what it means, in a sentence
   * @param why it is refused: what would happen otherwise
   * @param remedy what to do
   * @param example of a message
   * @param cured how the example is cured, in a few words
   * @param cure what cures the example
   */
  public record Entry(
      ErrorCode code,
      String group,
      String summary,
      String why,
      String remedy,
      String example,
      String cured,
      String cure) {}

  private final Map<ErrorCode, Entry> entries = new EnumMap<>(ErrorCode.class);
  private final List<Entry> inOrder = new ArrayList<>();

  private ErrorCatalogue(String document) {
    List<Integer> starts = starts(GROUP, document);
    for (int i = 0; i + 1 < starts.size(); i++) {
      addGroup(document.substring(starts.get(i), starts.get(i + 1)));
    }
  }

  /** Where the parts of {@code text} begin, and where the last one ends. */
  private static List<Integer> starts(Pattern heading, String text) {
    List<Integer> starts = new ArrayList<>();
    Matcher matcher = heading.matcher(text);
    while (matcher.find()) {
      starts.add(matcher.start());
    }
    starts.add(text.length());
    return starts;
  }

  private void addGroup(String text) {
    Matcher heading = GROUP.matcher(text);
    heading.lookingAt();
    List<Integer> starts = starts(SECTION, text);
    for (int i = 0; i + 1 < starts.size(); i++) {
      Entry entry = entry(heading.group(1), text.substring(starts.get(i), starts.get(i + 1)));
      if (entries.put(entry.code(), entry) != null) {
        throw new IllegalStateException(entry.code() + " stands twice in " + FILE);
      }
      inOrder.add(entry);
    }
  }

  private static Entry entry(String group, String text) {
    Matcher heading = SECTION.matcher(text);
    heading.lookingAt();
    String word = heading.group(1);
    ErrorCode code =
        ErrorCode.of(word)
            .orElseThrow(() -> new IllegalStateException(word + " of " + FILE + " is no code"));
    Matcher parts = PARTS.matcher(text.substring(heading.end()));
    if (!parts.matches()) {
      throw new IllegalStateException("The section " + code + " of " + FILE + " lacks a part");
    } else if (Integer.parseInt(parts.group("exit")) != code.exit().code()) {
      throw new IllegalStateException(code + " of " + FILE + " has another exit code");
    }
    return new Entry(
        code,
        group,
        parts.group("summary"),
        parts.group("why"),
        parts.group("remedy"),
        parts.group("example"),
        parts.group("cured"),
        parts.group("cure"));
  }

  /** The one that this program was built with. */
  public static ErrorCatalogue read() {
    try (InputStream in = ErrorCatalogue.class.getResourceAsStream(FILE)) {
      if (in == null) {
        throw new IllegalStateException(FILE + " is not in this build");
      }
      return new ErrorCatalogue(new String(in.readAllBytes(), StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** In the order of the document. */
  public List<Entry> entries() {
    return List.copyOf(inOrder);
  }

  /**
   * @throws IllegalStateException if the document has no section of it
   */
  public Entry entry(ErrorCode code) {
    Entry entry = entries.get(code);
    if (entry == null) {
      throw new IllegalStateException(FILE + " says nothing of " + code);
    }
    return entry;
  }
}
