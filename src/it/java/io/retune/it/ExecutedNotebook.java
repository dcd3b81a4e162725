package io.retune.it;

import static java.util.stream.Collectors.joining;

import com.fasterxml.jackson.databind.JsonNode;
import io.retune.store.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jsoup.Jsoup;
import org.jsoup.select.Elements;

/** A notebook with its outputs. */
record ExecutedNotebook(JsonNode notebook) {
  static ExecutedNotebook read(Path file) throws IOException {
    return new ExecutedNotebook(Json.read(Files.readAllBytes(file)));
  }

  List<JsonNode> cells() {
    return notebook.path("cells").valueStream().toList();
  }

  List<JsonNode> codeCells() {
    return cells().stream().filter(c -> c.path("cell_type").asText().equals("code")).toList();
  }

  List<String> sources() {
    return cells().stream().map(cell -> cell.path("id").asText() + "\n" + source(cell)).toList();
  }

  /** Of each code cell, what kinds of output it has. */
  Map<String, List<String>> kinds() {
    Map<String, List<String>> kinds = new LinkedHashMap<>();
    for (JsonNode cell : codeCells()) {
      List<String> ofCell = new ArrayList<>();
      for (JsonNode output : cell.path("outputs")) {
        List<String> types = new ArrayList<>();
        output.path("data").fieldNames().forEachRemaining(types::add);
        ofCell.add(output.path("output_type").asText() + " " + types);
      }
      kinds.put(cell.path("id").asText(), ofCell);
    }
    return kinds;
  }

  /** The sentences of a cell, a line each. */
  String said(String cell) {
    return outputs(cell, "text/markdown").collect(joining("\n"));
  }

  Elements tables(String cell) {
    return Jsoup.parse(outputs(cell, "text/html").collect(joining())).select("table");
  }

  private Stream<String> outputs(String id, String type) {
    JsonNode cell =
        codeCells().stream().filter(c -> c.path("id").asText().equals(id)).findAny().orElseThrow();
    return cell.path("outputs")
        .valueStream()
        .map(output -> text(output.path("data").path(type)))
        .filter(text -> !text.isEmpty());
  }

  private static String source(JsonNode cell) {
    return text(cell.path("source"));
  }

  /** Of lines, or of one text: the format allows both. */
  private static String text(JsonNode lines) {
    return lines.isArray()
        ? lines.valueStream().map(JsonNode::asText).collect(joining())
        : lines.asText();
  }
}
