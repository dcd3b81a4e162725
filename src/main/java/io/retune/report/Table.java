package io.retune.report;

import static io.retune.report.Html.style;
import static io.retune.report.Html.tag;
import static io.retune.report.Html.text;
import static io.retune.report.Html.with;

import java.util.ArrayList;
import java.util.List;

/** Rows under column heads, in a box of its own that scrolls where it is too wide. */
final class Table {
  private final String name;
  private final List<Column> columns;
  private final List<Html> rows = new ArrayList<>();

  /** How a column's cells are set. */
  enum Kind {
    TEXT(""),
    NUMBER("number"),
    DIGEST("digest"),
    DRAWING("drawing");

    final String style;

    Kind(String style) {
      this.style = style;
    }
  }

  record Column(String head, Kind kind) {}

  /**
   * @param name what the table is, for who cannot see where it stands
   */
  Table(String name, Column... columns) {
    this.name = name;
    this.columns = List.of(columns);
  }

  static Column words(String head) {
    return new Column(head, Kind.TEXT);
  }

  static Column number(String head) {
    return new Column(head, Kind.NUMBER);
  }

  static Column digest(String head) {
    return new Column(head, Kind.DIGEST);
  }

  static Column drawing(String head) {
    return new Column(head, Kind.DRAWING);
  }

  /** The first cell names the row. */
  Table row(Html... cells) {
    return row("", cells);
  }

  Table row(String classes, Html... cells) {
    if (cells.length != columns.size()) {
      throw new IllegalArgumentException(cells.length + " cells for " + columns.size());
    }
    List<Html> row = new ArrayList<>();
    for (int i = 0; i < cells.length; i++) {
      Part.Attribute kind = style(columns.get(i).kind.style);
      row.add(i == 0 ? tag("th", with("scope", "row"), kind, cells[i]) : tag("td", kind, cells[i]));
    }
    rows.add(tag("tr", style(classes), Html.of(row)));
    return this;
  }

  Table row(String... cells) {
    Html[] texts = new Html[cells.length];
    for (int i = 0; i < cells.length; i++) {
      texts[i] = text(cells[i]);
    }
    return row("", texts);
  }

  boolean isEmpty() {
    return rows.isEmpty();
  }

  Html html(Html... foot) {
    List<Html> heads = new ArrayList<>();
    for (Column column : columns) {
      heads.add(tag("th", with("scope", "col"), style(column.kind.style), text(column.head)));
    }
    Html below = foot.length == 0 ? Html.NOTHING : tag("tfoot", Html.of(foot));
    return tag(
        "div",
        style("scroll"),
        with("role", "group"),
        with("tabindex", "0"),
        with("aria-label", name),
        tag("table", tag("thead", tag("tr", Html.of(heads))), tag("tbody", Html.of(rows)), below));
  }
}
