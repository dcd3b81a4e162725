package io.retune.init;

import com.fasterxml.jackson.databind.JsonNode;
import io.retune.text.ChatMessage;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/** Rows with something that is asked and its answer, perhaps with what the question is about. */
final class PairShape {
  /** What a question is about, when it stands in a column of its own. */
  private static final List<String> CONTEXTS = List.of("input", "context");

  private static final List<String> SYSTEMS = List.of("system", "system_prompt");

  private final DataFile file;
  private final String asked;
  private final String answer;
  private final Optional<String> context;
  private final Optional<String> system;
  private final boolean byAnswer;

  private PairShape(DataFile file, String asked, String answer) {
    this.file = file;
    this.asked = asked;
    this.answer = answer;
    this.context = CONTEXTS.stream().filter(c -> !c.equals(asked) && filled(c) > 0).findFirst();
    this.system = SYSTEMS.stream().filter(c -> filled(c) == file.rows()).findFirst();
    this.byAnswer = sameQuestions();
  }

  private long filled(String column) {
    return Shapes.isValue(file, column) ? file.columns().get(column).filled() : 0;
  }

  static Shape of(DataFile file, String asked, String answer) {
    return new PairShape(file, asked, answer).shape();
  }

  private Shape shape() {
    TreeMap<String, String> select = new TreeMap<>();
    context.ifPresent(
        column -> {
          select.put(
              "question",
              "concat(string(%1$s), if(length(trim(string(%2$s))) > 0, concat('\\n\\n', string(%2$s)), ''))"
                  .formatted(asked, column));
          select.put("answer", "string(" + answer + ")");
          system.ifPresent(name -> select.put(name, name));
        });
    String question = context.isPresent() ? "question" : asked;
    String answered = context.isPresent() ? "answer" : answer;
    List<String> unique = new ArrayList<>(List.of(question, answered));
    system.ifPresent(unique::add);
    return new Shape(
        (asked.equals("instruction") && answer.equals("output")
                ? "Alpaca"
                : "questions and answers")
            + " in the columns "
            + asked
            + context.map(c -> ", " + c).orElse("")
            + " and "
            + answer,
        select,
        "length(trim(string(%s))) > 0 AND length(trim(string(%s))) > 0"
            .formatted(question, answered),
        unique,
        "string(" + (byAnswer ? answered : question) + ")",
        render(question, answered),
        notes(),
        this::read);
  }

  /** Where hardly a question differs, as in a classification, rows are told apart by the answer. */
  private boolean sameQuestions() {
    Set<String> different = new HashSet<>();
    file.sample().forEach(row -> read(row, false).ifPresent(e -> different.add(e.by())));
    return different.size() < Math.max(2, file.sample().size() / 20);
  }

  private String render(String question, String answered) {
    return "[\n"
        + system.map(c -> "        { role = system,    content = \"${" + c + "}\" }\n").orElse("")
        + "        { role = user,      content = \"${"
        + question
        + "}\" }\n"
        + "        { role = assistant, content = \"${"
        + answered
        + "}\", train = true } ]";
  }

  private List<String> notes() {
    return SYSTEMS.stream()
        .filter(c -> filled(c) > 0 && filled(c) < file.rows())
        .map(
            c ->
                "The column %s is left out: %,d of %,d rows have none."
                    .formatted(c, file.rows() - filled(c), file.rows()))
        .toList();
  }

  private Optional<Shape.Example> read(JsonNode row) {
    return read(row, byAnswer);
  }

  private Optional<Shape.Example> read(JsonNode row, boolean byAnswer) {
    Optional<String> question = Shapes.value(row, asked);
    Optional<String> answered = Shapes.value(row, answer);
    if (question.isEmpty() || answered.isEmpty()) {
      return Optional.empty();
    }
    String whole =
        question.get()
            + context.flatMap(c -> Shapes.value(row, c)).map(text -> "\n\n" + text).orElse("");
    List<ChatMessage> chat = new ArrayList<>();
    system
        .flatMap(c -> Shapes.value(row, c))
        .ifPresent(text -> chat.add(new ChatMessage("system", text, false)));
    chat.add(new ChatMessage("user", whole, false));
    chat.add(new ChatMessage("assistant", answered.get(), true));
    return Optional.of(Shape.Example.of(byAnswer ? answered.get() : whole, chat));
  }
}
