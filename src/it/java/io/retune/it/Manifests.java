package io.retune.it;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.retune.store.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;

/** The documents of {@code deploy/kubernetes}, and what checks files of {@code deploy}. */
final class Manifests {
  private static final Path FOLDER = Path.of("deploy", "kubernetes").toAbsolutePath();

  private static final Venv VENV =
      new Venv(
          "deploy",
          List.of("requirements-deploy.txt"),
          List.of(Venv.pip("--quiet", "requirements-deploy.txt")),
          Map.of());

  private final List<JsonNode> documents;

  /**
   * @param out where they are written as JSON
   */
  Manifests(Path out) throws IOException {
    List<Object> arguments = new ArrayList<>(files());
    arguments.add(out);
    VENV.run("yaml_documents.py", arguments.toArray());
    documents = Json.read(Files.readAllBytes(out)).valueStream().toList();
  }

  /** hadolint, kubernetes-validate. */
  static Path tool(String name) {
    return VENV.python().resolveSibling(name);
  }

  static List<Path> files() throws IOException {
    try (Stream<Path> files = Files.walk(FOLDER)) {
      return files.filter(file -> file.toString().endsWith(".yaml")).sorted().toList();
    }
  }

  List<JsonNode> documents() {
    return documents;
  }

  List<JsonNode> ofKind(String kind) {
    return documents.stream().filter(d -> d.path("kind").asText().equals(kind)).toList();
  }

  JsonNode only(String kind) {
    assertThat(ofKind(kind)).hasSize(1);
    return ofKind(kind).get(0);
  }

  static Set<String> names(List<JsonNode> documents) {
    Set<String> names = new TreeSet<>();
    documents.forEach(document -> names.add(document.at("/metadata/name").asText()));
    return names;
  }

  /** Of Job, Deployment and the two templates: the pod. */
  Map<String, JsonNode> pods() {
    Map<String, JsonNode> pods = new TreeMap<>();
    pods.put("submission", only("Job").at("/spec/template"));
    pods.put("mlflow", only("Deployment").at("/spec/template"));
    for (JsonNode template : ofKind("Pod")) {
      pods.put(component(template), template);
    }
    assertThat(pods).containsOnlyKeys("submission", "mlflow", "driver", "executor", "put");
    return pods;
  }

  static String component(JsonNode pod) {
    return pod.at("/metadata/labels").path("app.kubernetes.io/component").asText();
  }
}
