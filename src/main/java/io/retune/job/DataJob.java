package io.retune.job;

import io.retune.config.Experiment;
import io.retune.dataset.DatasetVersion;
import io.retune.dataset.Snapshot;
import io.retune.model.ImportedModel;
import io.retune.plan.Plan;
import io.retune.store.Json;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SortedMap;

/** {@code retune ingest | prepare | plan}: the data's way up to one of its stations. */
public final class DataJob {
  /** How far to go. */
  public enum Until {
    INGESTED,
    PREPARED,
    PLANNED
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

  public void execute(Until until, boolean json) {
    Map<String, Object> result = reached(until);
    terminal.say("time      %s", workspace.times());
    if (json) {
      System.out.println(Json.write(result));
    }
  }

  private Map<String, Object> reached(Until until) {
    Map<String, Object> result = new LinkedHashMap<>();
    SortedMap<String, DatasetVersion> versions = stages.ingest(message);
    recording.ingested(versions.values());
    versions.forEach((name, version) -> result.put("dataset/" + name, version.version()));
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
