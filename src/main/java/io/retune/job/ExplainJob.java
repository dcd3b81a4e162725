package io.retune.job;

import io.retune.config.ErrorCatalogue;
import io.retune.config.ErrorCatalogue.Entry;
import io.retune.config.ErrorCode;
import io.retune.config.InvalidInputException;
import io.retune.config.Nearest;
import io.retune.store.Json;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** {@code retune explain [CODE ...]}: what the word in brackets behind a message means. */
public final class ExplainJob {
  private static final int LINE_CHARACTERS = 100;

  private final ErrorCatalogue catalogue = ErrorCatalogue.read();
  private final Terminal terminal = new Terminal(System.out);

  /** All codes, a line each. */
  public void list(boolean json) {
    if (json) {
      printJson(catalogue.entries());
      return;
    }
    int width =
        Arrays.stream(ErrorCode.values()).mapToInt(c -> c.toString().length()).max().orElse(0);
    String group = "";
    for (Entry entry : catalogue.entries()) {
      if (!entry.group().equals(group)) {
        terminal.say("%s%s", group.isEmpty() ? "" : "\n", entry.group());
        group = entry.group();
      }
      terminal.say("  %-" + width + "s  %s", entry.code(), plain(entry.summary()));
    }
  }

  /**
   * @param words codes as messages have them, with or without brackets; or the starts of some
   * @throws InvalidInputException if no code starts like one of them
   */
  public void explain(List<String> words, boolean json) {
    List<Entry> entries =
        words.stream()
            .flatMap(word -> codes(word).stream())
            .distinct()
            .map(catalogue::entry)
            .toList();
    if (json) {
      printJson(entries);
      return;
    }
    for (int i = 0; i < entries.size(); i++) {
      print(entries.get(i), i == 0 ? "" : "\n");
    }
  }

  private static List<ErrorCode> codes(String word) {
    String bare = word.replaceAll("^\\[|]$", "");
    Optional<ErrorCode> whole = ErrorCode.of(bare);
    if (whole.isPresent()) {
      return List.of(whole.get());
    }
    List<ErrorCode> started =
        Arrays.stream(ErrorCode.values())
            .filter(code -> !bare.isEmpty() && code.toString().startsWith(bare))
            .toList();
    if (started.isEmpty()) {
      throw unknown(bare);
    }
    return started;
  }

  private static InvalidInputException unknown(String word) {
    List<String> near =
        Nearest.some(word, Arrays.stream(ErrorCode.values()).map(ErrorCode::toString).toList());
    return InvalidInputException.of(
        ErrorCode.UNKNOWN_CODE,
        "retune explain",
        "there is no code \"" + word + "\".",
        (near.isEmpty() ? "" : "Did you mean " + String.join(" or ", near) + "? ")
            + "All of them: ./retune explain");
  }

  private void print(Entry entry, String before) {
    terminal.say("%s%s  (exit code %d)", before, entry.code(), entry.code().exit().code());
    terminal.say("%s", paragraph(entry.summary()));
    terminal.say("\n%s", paragraph("Why: " + entry.why()));
    terminal.say("\n%s", paragraph("What to do: " + entry.remedy()));
    terminal.say("\nSuch as\n%s", indented(entry.example()));
    terminal.say("\n%s\n%s", plain(entry.cured()), indented(entry.cure()));
  }

  private static String indented(String block) {
    return block.replaceAll("(?m)^(?=.)", "    ");
  }

  private static String paragraph(String markdown) {
    StringBuilder lines = new StringBuilder();
    int length = 0;
    for (String word : plain(markdown).split("\\s+")) {
      boolean isFull = length + word.length() >= LINE_CHARACTERS;
      lines.append(length == 0 ? "" : isFull ? "\n" : " ").append(word);
      length = isFull ? word.length() : length + 1 + word.length();
    }
    return lines.toString();
  }

  /** Without the marks that a page is laid out by. */
  private static String plain(String markdown) {
    return markdown.replaceAll("\\[([^]]*)]\\([^)]*\\)", "$1").replace("`", "");
  }

  private static void printJson(List<Entry> entries) {
    List<Map<String, Object>> errors = new ArrayList<>();
    for (Entry entry : entries) {
      Map<String, Object> error = new LinkedHashMap<>();
      error.put("code", entry.code().toString());
      error.put("exit", entry.code().exit().code());
      error.put("group", entry.group());
      error.put("summary", entry.summary());
      error.put("why", entry.why());
      error.put("remedy", entry.remedy());
      error.put("example", entry.example());
      error.put("cure", entry.cure());
      errors.add(error);
    }
    System.out.println(Json.write(Map.of("errors", errors)));
  }
}
