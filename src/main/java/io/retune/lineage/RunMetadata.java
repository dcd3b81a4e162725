package io.retune.lineage;

import com.fasterxml.jackson.databind.JsonNode;
import com.networknt.schema.JsonSchema;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SpecVersion;
import com.networknt.schema.ValidationMessage;
import io.retune.dataset.DatasetVersion;
import io.retune.dataset.Snapshot;
import io.retune.lineage.JournalEntry.AttemptStarted;
import io.retune.lineage.JournalEntry.Declared;
import io.retune.lineage.JournalEntry.DriverStarted;
import io.retune.lineage.JournalEntry.Ended;
import io.retune.store.Json;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * What a run is and was made of, in one document: {@code runs/RUN/metadata.json}, valid by {@code
 * docs/schemas/metadata.schema.json}.
 */
public final class RunMetadata {
  private static final int SCHEMA = 1;

  private RunMetadata() {}

  /**
   * Of a run that was declared.
   *
   * @throws IllegalStateException if the document is not valid, which is a defect of ours
   */
  public static String json(RunHistory history) {
    String json = Json.pretty(document(history)) + "\n";
    requireValid("metadata", json);
    return json;
  }

  /**
   * @param schema {@code metadata} or {@code journal}
   * @throws IllegalStateException naming every place that is not as the schema says
   */
  static void requireValid(String schema, String json) {
    Set<ValidationMessage> problems = Schemas.BY_NAME.get(schema).validate(parsed(json));
    if (!problems.isEmpty()) {
      throw new IllegalStateException(
          problems.stream()
              .map(ValidationMessage::getMessage)
              .sorted()
              .collect(Collectors.joining("; ", "Not valid by " + schema + ".schema.json: ", "")));
    }
  }

  /** Read once. */
  private static final class Schemas {
    private static final Map<String, JsonSchema> BY_NAME =
        Map.of("metadata", read("metadata"), "journal", read("journal"));

    private static JsonSchema read(String name) {
      try (InputStream in = RunMetadata.class.getResourceAsStream(name + ".schema.json")) {
        return JsonSchemaFactory.getInstance(SpecVersion.VersionFlag.V202012)
            .getSchema(Json.read(in.readAllBytes()));
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  private static JsonNode parsed(String json) {
    try {
      return Json.read(json.getBytes(StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Map<String, Object> document(RunHistory history) {
    Declared declared = history.declared().orElseThrow();
    JsonNode configuration = parsed(declared.asked().configuration());
    Map<String, Object> document = new LinkedHashMap<>();
    document.put("schema", SCHEMA);
    document.put("run", declared.run());
    document.put("request", declared.request());
    document.put("started_at", history.startedAt());
    document.put("experiment", experiment(declared.asked(), configuration));
    document.put(
        "model",
        Map.of(
            "source", declared.source().source(),
            "source_sha256", declared.source().sha256(),
            "sha256", declared.modelSha256()));
    document.put("datasets", declared.datasets().stream().map(RunMetadata::dataset).toList());
    document.put("snapshot", snapshot(declared.snapshot()));
    document.put("plan", plan(declared));
    document.put(
        "seeds",
        Map.of(
            "order", configuration.at("/order/seed").asLong(),
            "train", configuration.at("/train/seed").asLong(),
            "bootstrap", configuration.at("/evaluation/bootstrap/seed").asLong()));
    document.put("drivers", history.driverStarts().stream().map(RunMetadata::driver).toList());
    document.put("attempts", attempts(history));
    history.ended().ifPresent(ended -> document.put("result", result(history, ended)));
    return document;
  }

  private static Map<String, Object> experiment(JournalEntry.Asked asked, JsonNode configuration) {
    return Map.of(
        "name", asked.name(),
        "description", asked.description(),
        "fingerprint", asked.experiment(),
        "configuration", configuration,
        "reasons", asked.reasons(),
        "unexplained", asked.unexplained());
  }

  private static Map<String, Object> plan(Declared declared) {
    Map<String, Object> plan = new LinkedHashMap<>();
    plan.put("key", declared.planKey());
    plan.put("sha256", declared.planSha256());
    putKnown(plan, "manifest_sha256", declared.planManifestSha256());
    putKnown(plan, "evaluation_sha256", declared.evaluationSha256());
    plan.put("steps", declared.steps());
    plan.put("tokens", declared.tokens());
    plan.put("target_tokens", declared.targetTokens());
    return plan;
  }

  private static void putKnown(Map<String, Object> object, String key, String digest) {
    if (!digest.isEmpty()) {
      object.put(key, digest);
    }
  }

  private static Map<String, Object> dataset(DatasetVersion version) {
    return Map.of(
        "name", version.name(),
        "version", version.version(),
        "sha256", version.root().hex(),
        "rows", version.rows(),
        "licence", version.licence(),
        "privacy", version.privacy(),
        "message", version.message(),
        "source", version.source(),
        "source_sha256", version.sourceSha256());
  }

  private static Map<String, Object> snapshot(Snapshot snapshot) {
    return Map.of(
        "key", snapshot.key(),
        "sha256", snapshot.root().hex(),
        "train_examples", snapshot.trainExamples(),
        "evaluation_examples", snapshot.evaluationExamples(),
        "transforms",
            snapshot.counts().stream()
                .map(
                    count ->
                        Map.of(
                            "name", count.transform(),
                            "kind", count.kind(),
                            "code_sha256", count.codeSha256(),
                            "rows", count.rows()))
                .toList());
  }

  private static Map<String, Object> driver(DriverStarted started) {
    Environment environment = started.environment();
    Environment.Code code = environment.code();
    Map<String, Object> driver = new LinkedHashMap<>();
    driver.put("driver", started.driver());
    driver.put(
        "code",
        Map.of(
            "version", code.version(),
            "commit", code.commit(),
            "branch", code.branch(),
            "diff_sha256", code.diffSha256(),
            "program_sha256", code.programSha256()));
    driver.put("user", environment.user());
    driver.put("java", environment.java());
    driver.put("jvm_flags", environment.jvmFlags());
    driver.put("machine", machine(environment.machine()));
    driver.put("spark", environment.spark());
    driver.put("libraries", environment.libraries());
    return driver;
  }

  private static Map<String, Object> machine(io.retune.train.Machine machine) {
    return Map.of(
        "host", machine.host(),
        "os", machine.os(),
        "architecture", machine.architecture(),
        "cpu", machine.cpu(),
        "cores", machine.cores(),
        "memory_bytes", machine.memoryBytes(),
        "gpus", machine.gpus());
  }

  private static List<Map<String, Object>> attempts(RunHistory history) {
    List<Map<String, Object>> attempts = new ArrayList<>();
    for (AttemptStarted started : history.attempts()) {
      Map<String, Object> attempt = new LinkedHashMap<>();
      attempt.put("attempt", started.attempt());
      attempt.put("resumed_from", started.resumedFrom());
      attempt.put(
          "executors",
          started.ranks().stream()
              .map(
                  rank ->
                      Map.of(
                          "host", rank.host(),
                          "pid", rank.pid(),
                          "lanes", rank.lanes(),
                          "machine", machine(rank.machine())))
              .toList());
      attempt.put("numerics", started.numerics());
      attempt.put("numerics_sha256", started.numericsSha256());
      history.end(started.attempt()).ifPresent(end -> attempt.put("outcome", end.end()));
      attempts.add(attempt);
    }
    return attempts;
  }

  private static Map<String, Object> result(RunHistory history, Ended ended) {
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("steps", history.lastStep());
    result.put("weights_sha256", ended.weightsSha256());
    result.put("adapter", ended.adapter());
    result.put("loss_before", ended.whole().before());
    result.put("loss_after", ended.whole().after());
    result.put("verdict", ended.whole().verdict().words());
    result.put("success", ended.success());
    result.put("time_ms", ended.timeMs());
    return result;
  }
}
