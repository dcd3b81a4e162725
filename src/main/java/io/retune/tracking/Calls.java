package io.retune.tracking;

import com.fasterxml.jackson.databind.JsonNode;
import io.retune.config.ErrorCode;
import io.retune.store.Json;
import io.retune.tracking.TrackedRun.DatasetInput;
import java.io.IOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.mlflow.api.proto.Service.Run;
import org.mlflow.api.proto.Service.ViewType;
import org.mlflow.tracking.MlflowClient;
import org.mlflow.tracking.creds.MlflowHostCreds;
import org.mlflow.tracking.creds.MlflowHostCredsProvider;

/**
 * MLflow's own Java client on our {@link Http}, since its own has no timeouts and sends everything
 * three times (createRun too); and the requests that it does not know. What of it would go round
 * {@link Http} fails: use nothing but what is used here.
 */
final class Calls extends MlflowClient {
  private static final long serialVersionUID = 1L;

  private static final String API = "/api/2.0/mlflow/";
  private static final String ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts/";

  /** What makes something new each time, or fails the second time. */
  private static final Set<String> CREATIONS =
      Set.of(
          "experiments/create",
          "runs/create",
          "runs/outputs",
          "logged-models",
          "registered-models/create",
          "model-versions/create");

  private static final int PAGE = 1000;

  private final transient Http http;

  /** A model of MLflow's 3: files with an id of their own. */
  record Model(String id, String artifactUri, String status, long createdMs) {}

  /** A version of a registered model. */
  record Version(long number, String source) {}

  /** Where the client's own transport asks whom to call. */
  private static final class Nobody implements MlflowHostCredsProvider {
    @Override
    public MlflowHostCreds getHostCreds() {
      throw new IllegalStateException("This request of MLflow's client goes round ours");
    }

    @Override
    public void refresh() {
      // Nothing is kept.
    }
  }

  Calls(Http http) {
    super(new Nobody());
    this.http = http;
  }

  @Override
  public String sendGet(String path) {
    return http.send(new Http.Call("GET", API + path, Optional.empty(), true));
  }

  @Override
  public String sendPost(String path, String json) {
    return http.send(
        new Http.Call(
            "POST",
            API + path,
            Optional.of(Upload.Content.of(path, json)),
            !CREATIONS.contains(path)));
  }

  @Override
  public String sendPatch(String path, String json) {
    return http.send(
        new Http.Call("PATCH", API + path, Optional.of(Upload.Content.of(path, json)), true));
  }

  /**
   * Puts a file where {@code mlflow-artifacts:/folder} is; MLflow keeps it when it has it whole.
   *
   * @param path letters, digits and {@code . _ - /}
   */
  void put(String path, Upload.Content content) {
    http.send(new Http.Call("PUT", ARTIFACTS + path, Optional.of(content), true));
  }

  private JsonNode get(String path, Map<String, String> query) {
    StringBuilder full = new StringBuilder(path);
    char separator = '?';
    for (Map.Entry<String, String> entry : query.entrySet()) {
      full.append(separator).append(entry.getKey()).append('=');
      full.append(URLEncoder.encode(entry.getValue(), StandardCharsets.UTF_8));
      separator = '&';
    }
    return read(sendGet(full.toString()));
  }

  private JsonNode post(String path, Map<String, ?> json) {
    return read(sendPost(path, Json.write(json)));
  }

  private JsonNode read(String json) {
    try {
      return Json.read(json.getBytes(StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw MlflowRefusedException.of(
          ErrorCode.NOT_MLFLOW,
          http.server(),
          "does not answer in JSON",
          "Check tracking.mlflow.uri in the site, and what stands between here and there.");
    }
  }

  /** The experiment of that name, deleted ones too. */
  Optional<JsonNode> experiment(String name) {
    return ifThere(
        () -> get("experiments/get-by-name", Map.of("experiment_name", name)).path("experiment"));
  }

  /** The run, deleted ones too. */
  Optional<JsonNode> run(String id) {
    return ifThere(() -> get("runs/get", Map.of("run_id", id)).path("run"));
  }

  private static <T> Optional<T> ifThere(Supplier<T> request) {
    try {
      return Optional.of(request.get());
    } catch (MlflowRefusedException e) {
      if (e.isMissing()) {
        return Optional.empty();
      }
      throw e;
    }
  }

  /** Makes it, unless it is there. */
  void createIfMissing(Runnable creation) {
    try {
      creation.run();
    } catch (MlflowRefusedException e) {
      if (!e.alreadyExists()) {
        throw e;
      }
    }
  }

  /** Runs with that tag, deleted ones too. */
  List<Run> runs(String experiment, String tag, String value) {
    return searchRuns(
            List.of(experiment), "tags.`" + tag + "` = '" + value + "'", ViewType.ALL, PAGE)
        .getItems();
  }

  /** As MLflow's own clients do, one that goes on again keeps the time of its last end. */
  void setStatus(String run, TrackedRun.Status status, Optional<Instant> ended) {
    Map<String, Object> update = new LinkedHashMap<>();
    update.put("run_id", run);
    update.put("status", status.name());
    ended.ifPresent(at -> update.put("end_time", at.toEpochMilli()));
    post("runs/update", update);
  }

  void deleteRun(Run run) {
    post("runs/delete", Map.of("run_id", run.getInfo().getRunId()));
  }

  /** Equal ones are there once: MLflow tells them apart by name and digest. */
  void logInputs(String run, List<DatasetInput> inputs) {
    List<Map<String, Object>> datasets = new ArrayList<>();
    for (DatasetInput input : inputs) {
      Map<String, Object> dataset = new LinkedHashMap<>();
      dataset.put("name", input.name());
      dataset.put("digest", input.digest());
      dataset.put("source_type", "delta_table");
      dataset.put("source", input.source());
      input.schema().ifPresent(schema -> dataset.put("schema", schema));
      input.profile().ifPresent(profile -> dataset.put("profile", profile));
      Map<String, String> context = Map.of("key", "mlflow.data.context", "value", input.context());
      datasets.add(Map.of("dataset", dataset, "tags", List.of(context)));
    }
    post("runs/log-inputs", Map.of("run_id", run, "datasets", datasets));
  }

  /** Models of that name that the run made, the oldest first. */
  List<Model> models(String experiment, String run, String name) {
    JsonNode answer =
        post(
            "logged-models/search",
            Map.of(
                "experiment_ids",
                List.of(experiment),
                "filter",
                "name = '" + name + "' AND source_run_id = '" + run + "'"));
    return elements(answer.path("models"))
        .map(model -> model.path("info"))
        .map(
            info ->
                new Model(
                    info.path("model_id").asText(),
                    info.path("artifact_uri").asText(),
                    info.path("status").asText(),
                    info.path("creation_timestamp_ms").asLong()))
        .sorted(Comparator.comparing(Model::createdMs).thenComparing(Model::id))
        .toList();
  }

  void createModel(String experiment, String run, String name) {
    post("logged-models", Map.of("experiment_id", experiment, "source_run_id", run, "name", name));
  }

  /** Unless another was faster. */
  void delete(Model model) {
    deleteIfThere("logged-models/" + model.id(), Optional.empty());
  }

  /** Unless another was faster. */
  void delete(String name, Version version) {
    String json = Json.write(Map.of("name", name, "version", "" + version.number()));
    deleteIfThere("model-versions/delete", Optional.of(Upload.Content.of("version", json)));
  }

  private void deleteIfThere(String path, Optional<Upload.Content> body) {
    ifThere(
        () -> {
          http.send(new Http.Call("DELETE", API + path, body, true));
          return path;
        });
  }

  void finish(Model model) {
    sendPatch(
        "logged-models/" + model.id(),
        Json.write(Map.of("model_id", model.id(), "status", "LOGGED_MODEL_READY")));
  }

  /** Ids of the models that the run names as made by it. */
  List<String> outputs(String run) {
    JsonNode outputs = run(run).map(r -> r.path("outputs").path("model_outputs")).orElseThrow();
    return elements(outputs).map(model -> model.path("model_id").asText()).toList();
  }

  void addOutput(String run, Model model, long step) {
    post(
        "runs/outputs",
        Map.of("run_id", run, "models", List.of(Map.of("model_id", model.id(), "step", step))));
  }

  Optional<JsonNode> registeredModel(String name) {
    return ifThere(
        () -> get("registered-models/get", Map.of("name", name)).path("registered_model"));
  }

  void createRegisteredModel(String name) {
    createIfMissing(() -> post("registered-models/create", Map.of("name", name)));
  }

  /** Versions that were made of the model, the first one first. */
  List<Version> versions(String name, String run, Model model) {
    String filter = "name = '" + name.replace("'", "\\'") + "' AND run_id = '" + run + "'";
    JsonNode answer = get("model-versions/search", Map.of("filter", filter));
    return elements(answer.path("model_versions"))
        .map(v -> new Version(v.path("version").asLong(), v.path("source").asText()))
        .filter(version -> version.source().equals(source(model)))
        .sorted(Comparator.comparing(Version::number))
        .toList();
  }

  void createVersion(String name, String run, Model model) {
    post(
        "model-versions/create",
        Map.of("name", name, "run_id", run, "model_id", model.id(), "source", source(model)));
  }

  private static String source(Model model) {
    return "models:/" + model.id();
  }

  void setAlias(String name, String alias, Version version) {
    post(
        "registered-models/alias",
        Map.of("name", name, "alias", alias, "version", String.valueOf(version.number())));
  }

  private static Stream<JsonNode> elements(JsonNode array) {
    return StreamSupport.stream(array.spliterator(), false);
  }
}
