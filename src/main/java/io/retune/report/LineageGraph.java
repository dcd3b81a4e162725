package io.retune.report;

import static io.retune.report.Html.style;
import static io.retune.report.Html.tag;
import static io.retune.report.Html.with;

import java.util.ArrayList;
import java.util.List;

/** What was made of what, from left to right. */
final class LineageGraph {
  private static final int WIDTH = 920;
  private static final int BOX_WIDTH = 132;
  private static final int BOX_HEIGHT = 50;
  private static final int LANE = 62;
  private static final int COLUMNS = 6;

  /** Characters of a name that a box has room for. */
  private static final int NAME = 16;

  private final List<Node> nodes = new ArrayList<>();
  private final List<Html> edges = new ArrayList<>();
  private double lanes = 1;

  /**
   * @param kind what it is, as {@code dataset}
   * @param sha256 64 hexadecimal digits, of which the first are shown; may be empty
   */
  record Node(int column, double lane, String kind, String name, String sha256) {
    private double left() {
      return column * (WIDTH - BOX_WIDTH) / (COLUMNS - 1.0);
    }

    private double middle() {
      return 4 + lane * LANE + BOX_HEIGHT / 2.0;
    }
  }

  Node node(int column, double lane, String kind, String name, String sha256) {
    Node node = new Node(column, lane, kind, name, sha256);
    nodes.add(node);
    lanes = Math.max(lanes, lane + 1);
    return node;
  }

  void edge(Node from, Node to) {
    double x1 = from.left() + BOX_WIDTH;
    double x2 = to.left();
    // The last stretch before a node is where edges turn: so none crosses a node on its way.
    double turn = Math.min(x2 - x1, (WIDTH - BOX_WIDTH) / (COLUMNS - 1.0) - BOX_WIDTH);
    double straight = x2 - turn;
    edges.add(
        tag(
            "path",
            style("edge"),
            with(
                "d",
                "M%s %sH%sC%s %s %s %s %s %s"
                    .formatted(
                        Figures.coordinate(x1),
                        Figures.coordinate(from.middle()),
                        Figures.coordinate(straight),
                        Figures.coordinate(straight + turn / 2),
                        Figures.coordinate(from.middle()),
                        Figures.coordinate(straight + turn / 2),
                        Figures.coordinate(to.middle()),
                        Figures.coordinate(x2),
                        Figures.coordinate(to.middle())))));
  }

  Html svg(String label) {
    List<Html> all = new ArrayList<>(edges);
    nodes.forEach(node -> all.add(drawn(node)));
    return tag(
        "svg",
        style("graph"),
        with("viewBox", "0 0 " + WIDTH + " " + Figures.coordinate(lanes * LANE)),
        with("role", "img"),
        with("aria-label", label),
        Html.of(all));
  }

  private static Html drawn(Node node) {
    double top = node.middle() - BOX_HEIGHT / 2.0;
    double left = node.left() + 9;
    return tag(
        "g",
        style("node"),
        Plot.box("", node.left(), top, BOX_WIDTH, BOX_HEIGHT),
        line("kind", left, top + 14, node.kind),
        line("name", left, top + 29, shortened(node.name)),
        line("sha", left, top + 43, brief(node.sha256)));
  }

  static String brief(String sha256) {
    return sha256.substring(0, Math.min(12, sha256.length()));
  }

  private static String shortened(String name) {
    int characters = name.codePointCount(0, name.length());
    return characters <= NAME
        ? name
        : name.substring(0, name.offsetByCodePoints(0, NAME - 1)) + "…";
  }

  private static Html line(String classes, double x, double y, String content) {
    return tag(
        "text",
        style(classes),
        with("x", Figures.coordinate(x)),
        with("y", Figures.coordinate(y)),
        Html.text(content));
  }
}
