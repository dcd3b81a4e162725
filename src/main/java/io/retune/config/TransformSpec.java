package io.retune.config;

import java.util.List;
import java.util.SortedMap;

/**
 * One step of preparation. Either row-wise, or global with a declared total order; each has a name
 * that is unique in its chain and appears in every lineage table. Expressions are Spark SQL over
 * the row's columns.
 */
public sealed interface TransformSpec {
  /** The names of columns that a transform can say without an expression. */
  String COLUMN = "[A-Za-z_][A-Za-z0-9_]*";

  String name();

  /**
   * {@code select = { lemma = "expr", ... }}: these columns and no others, in the order of their
   * names.
   */
  record Select(String name, SortedMap<String, String> columns) implements TransformSpec {}

  /** {@code where = "condition"}: keeps the rows for which it is true. */
  record Where(String name, String condition) implements TransformSpec {}

  /**
   * {@code explode { column = lemma, of = "array expression" }}: a row for each element, added as a
   * column; no row for an empty array.
   */
  record Explode(String name, String column, String of) implements TransformSpec {}

  /**
   * {@code dedup = [a, b]}: of rows equal in these columns the one with the least content digest.
   */
  record Dedup(String name, List<String> columns) implements TransformSpec {}

  /**
   * {@code split { evaluation = 0.1, by = synset, seed = 7 }}: rows whose keyed hash of {@code by}
   * falls under the fraction get the split {@code evaluation}, the others {@code train}. Rows equal
   * in {@code by} stay together.
   *
   * @param evaluation fraction in (0, 1)
   * @param by an expression over the columns
   */
  record Split(String name, double evaluation, String by, long seed) implements TransformSpec {}

  /**
   * {@code sample { keep = 1200, by = synset, seed = 7 }}: the {@code keep} rows with the least
   * keyed hash of {@code by}; ties by digest.
   */
  record Sample(String name, int keep, String by, long seed) implements TransformSpec {}

  /**
   * {@code render = [ { role, content, train }, ... ]}: a chat with the model's own template,
   * tokenised and masked; {@code ${column}} in a content is the row's value. Or {@code render {
   * messages = column }}: the column holds the chat as an array of structs with role and content;
   * every assistant message is trained.
   */
  record Render(String name, List<Message> messages, String messagesColumn)
      implements TransformSpec {
    /**
     * One message of the chat; {@code train}: its content and its end-of-turn token are targets.
     */
    public record Message(String role, String content, boolean train) {}
  }

  /**
   * {@code render { text = column }}: the column's text stands for itself, without a template;
   * every token of it is trained.
   */
  record Document(String name, String column) implements TransformSpec {}

  /**
   * {@code length { max = 256 }}: after render; drops the examples of more than {@code max} tokens
   * and records how many.
   */
  record Length(String name, int max) implements TransformSpec {}
}
