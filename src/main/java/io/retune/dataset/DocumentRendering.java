package io.retune.dataset;

import io.retune.config.ErrorCode;
import io.retune.config.InvalidInputException;
import io.retune.config.TransformSpec;
import io.retune.text.Tokenizer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.apache.spark.api.java.function.MapPartitionsFunction;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/**
 * Rows to documents to tokens, without a template: as the tokenizer encodes a text that stands for
 * itself, with the special tokens that the model expects around one. Adds the columns that {@link
 * Rendering} adds; every token is trained. A model needs no chat template for it.
 */
final class DocumentRendering {
  private DocumentRendering() {}

  /**
   * @param place of the transform in the configuration
   * @param modelDirectory on the disk of every machine that renders
   * @throws InvalidInputException if the column is not there, or holds no text
   */
  static Frame apply(
      String place,
      TransformSpec.Document document,
      Frame frame,
      Path modelDirectory,
      int partitions) {
    requireText(place, document.column(), frame.schema());
    // What is wrong with the model's tokenizer is said here, not by an executor.
    Tokenizer.open(modelDirectory).close();
    Dataset<Row> rows = frame.rows().repartition(partitions);
    StructType schema = Rendering.rendered(frame.rows().schema());
    int column = frame.rows().schema().fieldIndex(document.column());
    String directory = modelDirectory.toString();
    MapPartitionsFunction<Row, Row> renderAll = some -> renderAll(some, directory, column);
    return new Frame(rows.mapPartitions(renderAll, Encoders.row(schema)));
  }

  private static void requireText(String place, String column, StructType schema) {
    List<String> known = Arrays.asList(schema.fieldNames());
    if (!known.contains(column)) {
      throw Expressions.noColumn(place + ".render.text", column, known);
    }
    if (!schema.apply(column).dataType().equals(DataTypes.StringType)) {
      throw InvalidInputException.of(
          ErrorCode.WRONG_COLUMN_TYPE,
          place + ".render.text",
          "column \"" + column + "\" is " + schema.apply(column).dataType().simpleString() + ".",
          "Make it text with a select before it, such as \"string(" + column + ")\".");
    }
  }

  private static Iterator<Row> renderAll(Iterator<Row> rows, String directory, int column) {
    if (!rows.hasNext()) {
      return rows;
    }
    Tokenizer tokenizer = Tokenizer.open(Path.of(directory));
    Map<Integer, String> special = new HashMap<>();
    tokenizer.specialTokens().forEach((text, id) -> special.put(id, text));
    return Rendering.each(rows, tokenizer::close, row -> render(row, column, tokenizer, special));
  }

  private static Row render(
      Row row, int column, Tokenizer tokenizer, Map<Integer, String> special) {
    List<Object> values = new ArrayList<>();
    for (int i = 0; i < row.length(); i++) {
      values.add(row.get(i));
    }
    String text = row.isNullAt(column) ? "" : row.getString(column);
    int[] ids = tokenizer.encodeDocument(text);
    boolean[] trained = new boolean[ids.length];
    Arrays.fill(trained, true);
    int targets = Rendering.targets(trained);
    if (targets < 1) {
      String defect = "has no trained token: its text has fewer than two.";
      values.addAll(Arrays.asList(null, null, null, null, null, defect));
      return RowFactory.create(values.toArray());
    }
    values.addAll(
        Arrays.asList(asRead(text, ids, special), ids, trained, ids.length, targets, null));
    return RowFactory.create(values.toArray());
  }

  /** With the names of the special tokens around it, as a rendered chat's text has them. */
  private static String asRead(String text, int[] ids, Map<Integer, String> special) {
    StringBuilder whole = new StringBuilder();
    int first = 0;
    while (first < ids.length && special.containsKey(ids[first])) {
      whole.append(special.get(ids[first++]));
    }
    whole.append(text);
    int end = ids.length;
    while (end > first && special.containsKey(ids[end - 1])) {
      end--;
    }
    for (int i = end; i < ids.length; i++) {
      whole.append(special.get(ids[i]));
    }
    return whole.toString();
  }
}
