package io.retune.init;

import io.retune.config.DatasetSpec.Format;
import java.util.Collections;
import java.util.List;
import java.util.TreeMap;
import java.util.regex.Pattern;

/** Rows that are text and nothing else. */
final class TextShape {
  /** No token of a tokenizer that we know is so long and has letters. */
  private static final int LONG_WORD = 24;

  private static final Pattern LETTERS = Pattern.compile("[\\p{L}\\p{N}]");

  private TextShape() {}

  static Shape of(DataFile file, String column) {
    // A text of one token has nothing to predict.
    String where =
        "trim(%1$s) RLIKE r'[\\p{L}\\p{N}]' AND (trim(%1$s) LIKE '%% %%' OR length(trim(%1$s)) >= %2$d)"
            .formatted(column, LONG_WORD);
    return new Shape(
        file.format() == Format.TEXT ? "text, an example a line" : "texts in the column " + column,
        new TreeMap<>(Collections.emptyMap()),
        where,
        List.of(column),
        column,
        "{ text = " + column + " }",
        List.of(),
        row -> Shapes.value(row, column).filter(TextShape::isText).map(Shape.Example::document));
  }

  private static boolean isText(String text) {
    String trimmed = text.replaceAll("^ +| +$", "");
    return LETTERS.matcher(trimmed).find()
        && (trimmed.contains(" ") || trimmed.codePointCount(0, trimmed.length()) >= LONG_WORD);
  }
}
