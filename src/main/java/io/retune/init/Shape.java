package io.retune.init;

import com.fasterxml.jackson.databind.JsonNode;
import io.retune.text.ChatMessage;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;

/**
 * How the rows of a file become examples: as a configuration says it, and the same in Java, for
 * measuring a sample.
 *
 * @param title for people: what the file was taken for
 * @param select columns that are made first, by Spark SQL; empty: the file's own are used
 * @param where rows that can be rendered
 * @param unique columns in which no two rows are to be equal
 * @param by an expression over the columns: rows equal in it are held out together
 * @param render the transform's value, as it stands in a configuration
 * @param notes what is left out, and why
 * @param reader a row's example; empty where {@code where} drops the row
 */
record Shape(
    String title,
    SortedMap<String, String> select,
    String where,
    List<String> unique,
    String by,
    String render,
    List<String> notes,
    Reader reader) {

  /** Reads one row. */
  interface Reader {
    Optional<Example> read(JsonNode row);
  }

  /**
   * A row's example.
   *
   * @param by value of {@link Shape#by}
   * @param chat what the template renders; empty: {@code text} stands for itself
   * @param text of a document
   */
  record Example(String by, List<ChatMessage> chat, String text) {
    static Example of(String by, List<ChatMessage> chat) {
      return new Example(by, List.copyOf(chat), "");
    }

    static Example document(String text) {
      return new Example(text, List.of(), text);
    }
  }

  /** Whether it is rendered without a template. */
  boolean isDocuments() {
    return render.startsWith("{ text");
  }
}
