package io.retune.lineage;

import static org.assertj.core.api.Assertions.assertThat;

import io.retune.config.TransformSpec;
import io.retune.tracking.Delivery;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** {@code docs/tables.md} says of each SQL file what the file says of itself. */
class TablesDocTest {
  private static final Pattern TABLE_COMMENT =
      Pattern.compile("\nUSING delta\nCOMMENT '((?:[^'\\\\]|\\\\.)*)'\n");
  private static final Pattern COLUMN = Pattern.compile("(?m)^  (\\w+) +[A-Z].*$");

  @Test
  void everyTableIsListedWithItsComment() throws IOException {
    assertThat(listed("Tables")).isEqualTo(purposes("tables", TablesDocTest::tableComment));
  }

  @Test
  void everyViewAndQueryIsListedWithItsFirstLine() throws IOException {
    assertThat(listed("Views")).isEqualTo(purposes("views", TablesDocTest::firstLine));
    assertThat(listed("Queries")).isEqualTo(purposes("queries", TablesDocTest::firstLine));
  }

  @Test
  void everyColumnOfEveryTableHasAComment() {
    for (String table : SqlFiles.names("tables")) {
      List<String> columns =
          COLUMN.matcher(SqlFiles.text("tables", table)).results().map(r -> r.group()).toList();
      assertThat(columns).as(table).isNotEmpty();
      assertThat(columns).as(table).allMatch(column -> column.matches(".* COMMENT '.+',?"));
    }
  }

  @Test
  void kindsAreThoseThatAreWritten() {
    Stream<String> transforms =
        Arrays.stream(TransformSpec.class.getPermittedSubclasses())
            .map(transform -> transform.getSimpleName().toLowerCase(Locale.ROOT));
    assertThat(comment("transforms", "kind").split(", "))
        .containsExactlyInAnyOrder(
            Stream.concat(Stream.of("dataset"), transforms).toArray(String[]::new));
    assertThat(comment("deliveries", "kind"))
        .isEqualTo(
            Arrays.stream(Delivery.Kind.values())
                    .map(Delivery.Kind::text)
                    .collect(Collectors.joining(", "))
                + "; end is what status was called once");
    assertThat(Delivery.Kind.of("end")).isEqualTo(Delivery.Kind.STATUS);
  }

  private static String comment(String table, String column) {
    return TableDefinition.of(table).columns().apply(column).getComment().get();
  }

  private static Map<String, String> purposes(String folder, UnaryOperator<String> purpose) {
    Map<String, String> purposes = new TreeMap<>();
    SqlFiles.names(folder)
        .forEach(name -> purposes.put(name, purpose.apply(SqlFiles.text(folder, name))));
    return purposes;
  }

  private static String tableComment(String sql) {
    Matcher comment = TABLE_COMMENT.matcher(sql);
    assertThat(comment.find()).as(sql).isTrue();
    return comment.group(1).replace("\\'", "'");
  }

  private static String firstLine(String sql) {
    return sql.lines().findFirst().orElseThrow().substring("-- ".length());
  }

  /** By name, from the table under a heading. */
  private static Map<String, String> listed(String heading) throws IOException {
    String section =
        Files.readString(Path.of("docs", "tables.md")).split("\n## " + heading + "\n")[1];
    Map<String, String> listed = new TreeMap<>();
    section
        .lines()
        .takeWhile(line -> !line.startsWith("## "))
        .filter(line -> line.startsWith("| `"))
        .map(line -> line.split("\\| `|` \\| | \\|$"))
        .forEach(cells -> listed.put(cells[1], cells[2]));
    return listed;
  }
}
