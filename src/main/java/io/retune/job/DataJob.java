package io.retune.job;

import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import io.retune.config.DatasetSpec;
import io.retune.config.ErrorCode;
import io.retune.config.Experiment;
import io.retune.config.InvalidInputException;
import io.retune.dataset.DatasetVersion;
import io.retune.dataset.Snapshot;
import io.retune.model.ImportedModel;
import io.retune.plan.Plan;
import io.retune.store.Json;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;

/** {@code retune ingest | prepare | plan}: the data's way up to one of its stations. */
public final class DataJob {
  /** How far to go. */
  public enum Until {
    INGESTED,
    PREPARED,
    PLANNED
  }

  /** A dataset's version, for who goes on with it: a scheduler. */
  @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
  private record Ingested(
      int version, String rootSha256, long rows, String sourceSha256, boolean added) {
    static Ingested of(DatasetVersion version) {
      return new Ingested(
          version.version(),
          version.root().hex(),
          version.rows(),
          version.sourceSha256(),
          version.added());
    }
  }

  private final Workspace workspace;
  private final Experiment experiment;
  private final Stages stages;
  private final Terminal terminal;
  private final Recording recording;
  private final String message;

  public DataJob(Workspace workspace, Experiment experiment, String message) {
    this.workspace = workspace;
    this.terminal = workspace.terminal();
    this.experiment = experiment;
    this.stages = new Stages(workspace, experiment.recipe(), terminal);
    this.recording = new Recording(workspace);
    this.message = message;
  }

  /**
   * @param names of the datasets it is about; empty: all of the configuration
   * @throws InvalidInputException if the configuration has no dataset of such a name
   */
  public void execute(Until until, Set<String> names, boolean json) {
    Map<String, Object> result = reached(until, asked(names));
    terminal.say("time      %s", workspace.times());
    if (json) {
      System.out.println(Json.write(result));
    }
  }

  private Map<String, DatasetSpec> asked(Set<String> names) {
    Map<String, DatasetSpec> all = experiment.recipe().data().datasets();
    for (String name : names) {
      if (!all.containsKey(name)) {
        throw InvalidInputException.of(
            ErrorCode.BAD_ARGUMENT,
            "--dataset " + name,
            "is none of the configuration's datasets.",
            "It has: " + String.join(", ", new TreeSet<>(all.keySet())) + ".");
      }
    }
    Map<String, DatasetSpec> asked = new TreeMap<>(all);
    if (!names.isEmpty()) {
      asked.keySet().retainAll(names);
    }
    return asked;
  }

  private Map<String, Object> reached(Until until, Map<String, DatasetSpec> asked) {
    Map<String, Object> result = new LinkedHashMap<>();
    SortedMap<String, DatasetVersion> versions = stages.ingest(asked, message);
    recording.ingested(versions.values());
    versions.forEach((name, version) -> result.put("dataset/" + name, version.version()));
    Map<String, Ingested> ingested = new TreeMap<>();
    versions.forEach((name, version) -> ingested.put(name, Ingested.of(version)));
    result.put("datasets", ingested);
    if (until == Until.INGESTED) {
      return result;
    }
    ImportedModel model = stages.importModel();
    Snapshot snapshot = stages.prepare(versions, model);
    recording.prepared(experiment.recipe().model(), model, snapshot);
    result.put("snapshot_sha256", snapshot.root().hex());
    if (until == Until.PREPARED) {
      return result;
    }
    Plan plan = stages.plan(snapshot);
    recording.planned(plan, snapshot);
    result.put("plan_sha256", plan.root().hex());
    return result;
  }
}
