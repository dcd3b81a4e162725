package io.retune.init;

import io.retune.config.DatasetSpec.Format;
import io.retune.config.TransformSpec;
import java.util.List;
import java.util.TreeMap;
import java.util.regex.Pattern;

/** Rows that are text and nothing else. */
final class TextShape {
  /** No token of a tokenizer that we know is so long and has letters. */
  private static final int LONG_WORD = 24;

  private static final String TEXT = "text";

  private static final Pattern LETTERS = Pattern.compile("[\\p{L}\\p{N}]");

  private TextShape() {}

  static Shape of(DataFile file, String column) {
    TreeMap<String, String> select = new TreeMap<>();
    if (!column.matches(TransformSpec.COLUMN)) {
      select.put(TEXT, Shapes.quoted(column));
    }
    String text = select.isEmpty() ? column : TEXT;
    // A text of one token has nothing to predict.
    String where =
        "trim(%1$s) RLIKE r'[\\p{L}\\p{N}]' AND (trim(%1$s) LIKE '%% %%' OR length(trim(%1$s)) >= %2$d)"
            .formatted(text, LONG_WORD);
    return new Shape(
        file.format() == Format.TEXT ? "text, an example a line" : "texts in the column " + column,
        select,
        where,
        List.of(text),
        text,
        "{ text = " + text + " }",
        List.of(),
        row -> Shapes.value(row, column).filter(TextShape::isText).map(Shape.Example::document));
  }

  private static boolean isText(String text) {
    String trimmed = text.replaceAll("^ +| +$", "");
    return LETTERS.matcher(trimmed).find()
        && (trimmed.contains(" ") || trimmed.codePointCount(0, trimmed.length()) >= LONG_WORD);
  }
}
