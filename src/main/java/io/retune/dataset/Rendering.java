package io.retune.dataset;

import static org.apache.spark.sql.functions.array;
import static org.apache.spark.sql.functions.concat;
import static org.apache.spark.sql.functions.lit;

import io.retune.config.ErrorCode;
import io.retune.config.InvalidInputException;
import io.retune.config.Problem;
import io.retune.config.TransformSpec;
import io.retune.text.ChatMessage;
import io.retune.text.ChatRenderer;
import io.retune.text.RenderedChat;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.function.MapPartitionsFunction;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.util.TaskCompletionListener;

/**
 * Rows to chats to tokens, with the model's own template. Adds to a frame the columns below; a row
 * that cannot be rendered has a reason in {@link #DEFECT} and nothing in the others.
 */
final class Rendering {
  static final String TEXT = "__text";
  static final String INPUT_IDS = "__input_ids";
  static final String TRAINED = "__trained";
  static final String TOKENS = "__tokens";
  static final String TARGET_TOKENS = "__target_tokens";
  static final String DEFECT = "__defect";

  private static final String CHAT = "__chat";
  private static final Pattern COLUMN = Pattern.compile("\\$\\{([^}]*)}");

  private Rendering() {}

  /**
   * @param modelDirectory on the disk of every machine that renders
   * @throws InvalidInputException if a column that is asked for is not there
   */
  static Frame apply(
      String place, TransformSpec.Render render, Frame frame, Path modelDirectory, int partitions) {
    Column chat =
        render.messages().isEmpty()
            ? messagesColumn(place, render.messagesColumn(), frame)
            : contents(place, render.messages(), frame);
    // What is wrong with the model's template or tokenizer is said here, not by an executor.
    ChatRenderer.open(modelDirectory).close();
    Dataset<Row> chats = frame.rows().withColumn(CHAT, chat).repartition(partitions);
    StructType schema = rendered(frame.rows().schema());
    String directory = modelDirectory.toString();
    List<TransformSpec.Render.Message> messages = List.copyOf(render.messages());
    List<Template> templates = messages.stream().map(Template::of).toList();
    MapPartitionsFunction<Row, Row> renderAll = rows -> renderAll(rows, directory, templates);
    return new Frame(chats.mapPartitions(renderAll, Encoders.row(schema)));
  }

  /** Rows with what rendering adds to them. */
  static StructType rendered(StructType rows) {
    return rows.add(TEXT, DataTypes.StringType)
        .add(INPUT_IDS, DataTypes.createArrayType(DataTypes.IntegerType, false))
        .add(TRAINED, DataTypes.createArrayType(DataTypes.BooleanType, false))
        .add(TOKENS, DataTypes.IntegerType)
        .add(TARGET_TOKENS, DataTypes.IntegerType)
        .add(DEFECT, DataTypes.StringType);
  }

  /** A message of the configuration, as executors need it. */
  private record Template(String role, boolean train, String columns)
      implements java.io.Serializable {
    static Template of(TransformSpec.Render.Message message) {
      String columns =
          COLUMN
              .matcher(message.content())
              .results()
              .map(m -> m.group(1))
              .distinct()
              .sorted()
              .collect(Collectors.joining(", "));
      return new Template(message.role(), message.train(), columns);
    }
  }

  private static Column contents(
      String place, List<TransformSpec.Render.Message> messages, Frame frame) {
    return array(
        messages.stream()
            .map(message -> content(place, message.content(), frame))
            .toArray(Column[]::new));
  }

  /** Null where a column of the row is null. */
  private static Column content(String place, String template, Frame frame) {
    List<String> known = Arrays.asList(frame.schema().fieldNames());
    List<Column> parts = new ArrayList<>();
    Matcher matcher = COLUMN.matcher(template);
    int end = 0;
    while (matcher.find()) {
      String column = matcher.group(1);
      requireColumn(place, column, known);
      parts.add(lit(template.substring(end, matcher.start())));
      parts.add(Frame.column(column).cast(DataTypes.StringType));
      end = matcher.end();
    }
    parts.add(lit(template.substring(end)));
    return concat(parts.toArray(Column[]::new));
  }

  private static void requireColumn(String place, String column, List<String> known) {
    if (!known.contains(column)) {
      throw Expressions.noColumn(place + ".render", column, known);
    }
  }

  private static Column messagesColumn(String place, String column, Frame frame) {
    StructType schema = frame.schema();
    requireColumn(place, column, Arrays.asList(schema.fieldNames()));
    boolean fits =
        schema.apply(column).dataType() instanceof ArrayType array
            && array.elementType() instanceof StructType message
            && isText(message, "role")
            && isText(message, "content");
    if (!fits) {
      throw InvalidInputException.of(
          ErrorCode.WRONG_COLUMN_TYPE,
          place + ".render.messages",
          "column \""
              + column
              + "\" is "
              + schema.apply(column).dataType().simpleString()
              + ", no chat.",
          "A chat is an array of structs with role and content, both text.");
    }
    return Frame.column(column);
  }

  private static boolean isText(StructType message, String field) {
    return Arrays.asList(message.fieldNames()).contains(field)
        && message.apply(field).dataType().equals(DataTypes.StringType);
  }

  private static Iterator<Row> renderAll(
      Iterator<Row> rows, String directory, List<Template> templates) {
    if (!rows.hasNext()) {
      return rows;
    }
    ChatRenderer renderer = ChatRenderer.open(Path.of(directory));
    return each(rows, renderer::close, row -> render(row, renderer, templates));
  }

  /** Each row rendered when it is asked for; {@code close} is called when the task is over. */
  static Iterator<Row> each(Iterator<Row> rows, Runnable close, UnaryOperator<Row> render) {
    TaskCompletionListener over = context -> close.run();
    TaskContext.get().addTaskCompletionListener(over);
    return new Iterator<>() {
      @Override
      public boolean hasNext() {
        return rows.hasNext();
      }

      @Override
      public Row next() {
        return render.apply(rows.next());
      }
    };
  }

  private static Row render(Row row, ChatRenderer renderer, List<Template> templates) {
    int chatIndex = row.fieldIndex(CHAT);
    List<Object> values = new ArrayList<>();
    for (int i = 0; i < row.length(); i++) {
      if (i != chatIndex) {
        values.add(row.get(i));
      }
    }
    try {
      List<?> contents = row.isNullAt(chatIndex) ? List.of() : row.getList(chatIndex);
      RenderedChat chat = renderer.render(chat(contents, templates));
      int targets = targets(chat.trained());
      if (targets == 0) {
        throw defect("has no trained token");
      }
      values.add(chat.text());
      values.add(chat.inputIds());
      values.add(chat.trained());
      values.add(chat.inputIds().length);
      values.add(targets);
      values.add(null);
    } catch (InvalidInputException e) {
      String reasons = e.problems().stream().map(Problem::message).collect(Collectors.joining(" "));
      values.addAll(Arrays.asList(null, null, null, null, null, reasons));
    }
    return RowFactory.create(values.toArray());
  }

  private static List<ChatMessage> chat(List<?> contents, List<Template> templates) {
    List<ChatMessage> chat = new ArrayList<>();
    for (int i = 0; i < contents.size(); i++) {
      chat.add(
          templates.isEmpty()
              ? given(i, (Row) contents.get(i))
              : templated(i, (String) contents.get(i), templates.get(i)));
    }
    if (chat.isEmpty()) {
      throw defect("has no messages");
    }
    return chat;
  }

  private static ChatMessage templated(int index, String content, Template template) {
    if (content == null) {
      throw defect(
          "has no content for message "
              + (index + 1)
              + " ("
              + template.role()
              + "): one of its columns is null: "
              + template.columns());
    }
    return new ChatMessage(template.role(), content, template.train());
  }

  private static ChatMessage given(int index, Row message) {
    String role = message == null ? null : message.getAs("role");
    String content = message == null ? null : message.getAs("content");
    if (role == null || content == null) {
      throw defect("has no " + (role == null ? "role" : "content") + " in message " + (index + 1));
    }
    return new ChatMessage(role, content, role.equals("assistant"));
  }

  /** The first token is predicted from nothing, so it is no target even where it is trained. */
  static int targets(boolean[] trained) {
    int targets = 0;
    for (int i = 1; i < trained.length; i++) {
      targets += trained[i] ? 1 : 0;
    }
    return targets;
  }

  private static InvalidInputException defect(String message) {
    return InvalidInputException.of(
        ErrorCode.ROW_NOT_RENDERED, "row", message + ".", "Mend the row.");
  }
}
