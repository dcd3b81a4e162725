package io.retune.init;

import com.fasterxml.jackson.databind.JsonNode;
import io.retune.config.ErrorCode;
import io.retune.config.InvalidInputException;
import io.retune.dataset.ColumnNames;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Tells what a file's rows are by the names and values of their columns. */
final class Shapes {
  /**
   * What a message asks for and what answers it, as the data sets that people publish call them.
   */
  private static final List<List<String>> PAIRS =
      List.of(
          List.of("instruction", "output"),
          List.of("instruction", "response"),
          List.of("instruction", "completion"),
          List.of("instruction", "answer"),
          List.of("prompt", "completion"),
          List.of("prompt", "response"),
          List.of("prompt", "answer"),
          List.of("prompt", "output"),
          List.of("question", "answer"),
          List.of("question", "response"),
          List.of("query", "response"),
          List.of("query", "answer"),
          List.of("input", "output"),
          List.of("input", "response"),
          List.of("input", "target"),
          List.of("source", "target"),
          List.of("user", "assistant"));

  private static final List<String> CHATS =
      List.of("messages", "conversations", "conversation", "chat", "dialog", "dialogue");

  private static final List<String> TEXTS = List.of("text", "content", "document", "body");

  private static final String UNDERSTOOD =
      "Understood are: messages = [{ role, content }]; conversations = [{ from, value }] (ShareGPT);"
          + " instruction, input, output (Alpaca); prompt and completion; question and answer;"
          + " instruction and response; text alone; and files of text that end in .txt. Rename the"
          + " columns, or write a configuration with a select that makes one of these; see"
          + " conf/reference.conf.";

  private Shapes() {}

  /**
   * @throws InvalidInputException saying what was seen and what is understood, or which columns
   *     have names that no table takes
   */
  static Shape of(DataFile file) {
    ColumnNames.requireUsable(file.columns().keySet());
    return chat(file)
        .or(() -> pair(file))
        .or(() -> text(file))
        .orElseThrow(
            () ->
                InvalidInputException.of(
                    ErrorCode.UNKNOWN_SHAPE,
                    "--data " + file.path(),
                    "has rows of a shape that is not understood: its columns are "
                        + file.described()
                        + ".",
                    UNDERSTOOD));
  }

  private static Optional<Shape> chat(DataFile file) {
    Optional<String> named =
        CHATS.stream()
            .filter(name -> file.has(name) && file.columns().get(name).isChat())
            .findFirst();
    List<String> all =
        file.columns().entrySet().stream()
            .filter(column -> column.getValue().isChat())
            .map(Map.Entry::getKey)
            .toList();
    // Of two chats in a row, as of preferences, nobody knows which is to be learnt.
    return named
        .or(() -> all.size() == 1 ? Optional.of(all.get(0)) : Optional.empty())
        .map(column -> ChatShape.of(file, column));
  }

  private static Optional<Shape> pair(DataFile file) {
    return PAIRS.stream()
        .filter(pair -> pair.stream().allMatch(name -> isValue(file, name)))
        .findFirst()
        .map(pair -> PairShape.of(file, pair.get(0), pair.get(1)));
  }

  static boolean isValue(DataFile file, String column) {
    return file.has(column) && file.columns().get(column).isValue();
  }

  /** A column as SQL names it, whatever its name. */
  static String quoted(String column) {
    return "`" + column.replace("`", "``") + "`";
  }

  private static Optional<Shape> text(DataFile file) {
    Optional<String> named =
        TEXTS.stream()
            .filter(name -> file.has(name) && file.columns().get(name).isText())
            .findFirst();
    boolean alone = file.columns().size() == 1;
    return named
        .or(
            () ->
                file.columns().keySet().stream()
                    .filter(n -> alone && file.columns().get(n).isText())
                    .findFirst())
        .map(column -> TextShape.of(file, column));
  }

  /** A value as Spark writes it into text; empty where it is null or blank. */
  static Optional<String> value(JsonNode row, String column) {
    JsonNode value = row.path(column);
    return value.isValueNode() && !value.isNull() && !SeenColumn.isBlank(value.asText())
        ? Optional.of(value.asText())
        : Optional.empty();
  }
}
