package io.retune.init;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.retune.config.InvalidInputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ShapesTest {
  @TempDir Path folder;

  private Path write(String name, String... lines) throws IOException {
    List<String> json = List.of(lines).stream().map(line -> line.replace('\'', '"')).toList();
    return Files.write(folder.resolve(name), json);
  }

  private static DataFile read(Path path) {
    return DataFile.read(
        path,
        () -> {
          throw new AssertionError("Spark is not needed");
        });
  }

  private Shape shape(String... lines) throws IOException {
    return Shapes.of(read(write("a.jsonl", lines)));
  }

  @Test
  void rolesThatAreNotKnownAreNamed() throws IOException {
    Path data =
        write(
            "a.jsonl",
            "{'conversations':[{'from':'human','value':'a'},{'from':'gtp','value':'b'}]}");
    assertThatThrownBy(() -> Shapes.of(read(data)))
        .isInstanceOf(InvalidInputException.class)
        .hasMessage(
            "--data "
                + data
                + ": has messages in conversations of the roles gtp. [unknown-shape]\n"
                + "  Known are assistant, bot, chatgpt, function, gpt, human, model, observation,"
                + " system, tool, user.");
  }

  @Test
  void everyLineThatIsNoObjectIsNamed() throws IOException {
    Path list = write("a.jsonl", "{'text':'One two'}", "", "['One two']", "One two");
    assertThatThrownBy(() -> read(list))
        .hasMessage(
            list
                + ":3: is JSON, but no object. [malformed-json]\n"
                + list
                + ":4: is no JSON: Unrecognized token 'One': was expecting (JSON String, Number, Array,"
                + " Object or token 'null', 'true' or 'false'). [malformed-json]\n"
                + "  Give JSON lines, one object a line; or say by the file's name what it is: .csv, .parquet or .txt.");
    Path table = write("b.tsv", "question\tanswer");
    assertThatThrownBy(() -> read(table)).hasMessageContaining(":1: is no JSON: ");
    Path empty = write("c.jsonl", "");
    assertThatThrownBy(() -> read(empty)).hasMessageContaining("has no rows.");
  }

  @Test
  void everyRecordThatDoesNotFitTheHeaderIsNamed() throws IOException {
    Path lacking = write("a.csv", "question,answer", "A,B", "A", "A,B,C");
    assertThatThrownBy(() -> read(lacking))
        .hasMessageStartingWith(
            lacking
                + ":3: has 1 field, the header 2. [malformed-csv]\n"
                + lacking
                + ":4: has 3 fields, the header 2. [malformed-csv]\n");
    Path thirty = write("c.csv", "question,answer", "A\n".repeat(30));
    assertThatThrownBy(() -> read(thirty))
        .isInstanceOfSatisfying(
            InvalidInputException.class, e -> assertThat(e.problems()).hasSize(20));
    Path open = write("b.csv", "question,answer", "A,'B");
    assertThatThrownBy(() -> read(open))
        .hasMessageStartingWith(open + ":2: has a quote that is never closed. [malformed-csv]\n");
  }

  /** As in a classification: rows that share a question would all be held out, or none. */
  @Test
  void whereAllQuestionsAreEqualTheAnswersTellRowsApart() throws IOException {
    Shape shape =
        shape(
            "{'prompt':'Tell a joke','completion':'A'}",
            "{'prompt':'Tell a joke','completion':'B'}");
    assertThat(shape.by()).isEqualTo("string(completion)");
    assertThat(shape("{'prompt':'A','completion':'C'}", "{'prompt':'B','completion':'C'}").by())
        .isEqualTo("string(prompt)");
  }

  @Test
  void aSystemColumnIsRenderedWhereEachRowHasOne() throws IOException {
    Shape each = shape("{'system':'Be kind','question':'A','answer':'B'}");
    assertThat(each.render()).contains("{ role = system,    content = \"${system}\" }");
    assertThat(each.notes()).isEmpty();
    Shape some =
        shape(
            "{'system':'Be kind','question':'A','answer':'B'}",
            "{'system':'','question':'A','answer':'C'}");
    assertThat(some.render()).doesNotContain("system");
    assertThat(some.notes())
        .containsExactly("The column system is left out: 1 of 2 rows have none.");
  }

  @Test
  void rowsWithNothingToLearnAreNoExamples() throws IOException {
    Path data =
        write(
            "a.jsonl",
            "{'question':'A','answer':'B'}",
            "{'question':'A','answer':' '}",
            "{'question':null,'answer':'B'}",
            "{'answer':'B'}");
    DataFile file = read(data);
    Shape shape = Shapes.of(file);
    assertThat(file.sample().stream().map(shape.reader()::read).flatMap(Optional::stream))
        .hasSize(1);
    assertThat(shape.where())
        .isEqualTo("length(trim(string(question))) > 0 AND length(trim(string(answer))) > 0");
  }

  @Test
  void aNameIsMadeThatADatasetMayHave() {
    assertThat(FirstConfiguration.nameOf(Path.of("x", "My Chats (v2).jsonl")))
        .isEqualTo("my-chats-v2");
    assertThat(FirstConfiguration.nameOf(Path.of("_.txt"))).isEqualTo("data");
    assertThat(FirstConfiguration.nameOf(Path.of("glossary"))).isEqualTo("glossary");
  }
}
