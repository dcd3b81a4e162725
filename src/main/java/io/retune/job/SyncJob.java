package io.retune.job;

import io.retune.config.InvalidInputException;
import io.retune.config.TrackingSite;
import io.retune.lineage.RunHistory;
import io.retune.plan.Plan;
import io.retune.store.Json;
import io.retune.store.LeaseHeldException;
import io.retune.store.Store;
import io.retune.tracking.Delivered;
import io.retune.tracking.Mlflow;
import io.retune.tracking.MlflowUnreachableException;
import io.retune.tracking.Publication;
import io.retune.tracking.TrackedRun;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** {@code retune sync [RUN]}: sends the tracking server what it has not yet acknowledged. */
public final class SyncJob {
  private final Workspace workspace;
  private final Store store;

  public SyncJob(Workspace workspace) {
    this.workspace = workspace;
    this.store = workspace.store();
  }

  /**
   * @param start a run, or the start of its name; empty: every run that no driver works on
   * @throws InvalidInputException if the site names no server, or it refuses who we are
   * @throws io.retune.tracking.MlflowUnreachableException if it gives no answer; what it has
   *     acknowledged by then is noted
   */
  public void execute(Optional<String> start, boolean json) {
    TrackingSite site =
        workspace
            .site()
            .tracking()
            .orElseThrow(
                () ->
                    InvalidInputException.of(
                        "retune sync",
                        "the site names no tracking server.",
                        "Give --set tracking.mlflow.uri=http://host:port, or a --site with it."));
    Mlflow mlflow = new Mlflow(site, System.getenv());
    List<Map<String, Object>> published = new ArrayList<>();
    Optional<RuntimeException> first = Optional.empty();
    for (String run : runs(start)) {
      try (RunFolder folder = RunFolder.hold(store, run)) {
        if (folder.history().declared().isPresent()) {
          published.add(publish(mlflow, site, folder));
        }
      } catch (RuntimeException e) {
        // The others are sent all the same.
        workspace.terminal().warn("%s  %s", run, e.getMessage());
        first = first.or(() -> e instanceof LeaseHeldException ? Optional.empty() : Optional.of(e));
        if (start.isPresent() || e instanceof MlflowUnreachableException) {
          throw e;
        }
      }
    }
    if (json) {
      System.out.println(Json.write(published));
    }
    first.ifPresent(
        e -> {
          throw e;
        });
  }

  private List<String> runs(Optional<String> start) {
    return start
        .map(name -> List.of(RunFolder.named(store, name).run()))
        .orElseGet(() -> RunFolder.names(store));
  }

  private Map<String, Object> publish(Mlflow mlflow, TrackingSite site, RunFolder folder) {
    RunHistory history = folder.history();
    Plan plan = history.declared().orElseThrow().plan(store);
    TrackedRun run = TrackedRuns.of(store, site, history, plan);
    Publication publication =
        mlflow.publish(
            run,
            Delivered.of(TrackedRuns.deliveries(history)),
            delivery -> folder.append(TrackedRuns.entry(delivery, 0)));
    if (publication.deliveries() > 0) {
      new Recording(workspace).upToDate(folder);
    }
    workspace
        .terminal()
        .say(
            "%s  %s  %s",
            run.run(),
            publication.deliveries() == 0
                ? "was there already"
                : "%,d deliveries%s"
                    .formatted(
                        publication.deliveries(),
                        publication.startedAgain() ? ", to a new run: the server had lost it" : ""),
            publication.page());
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("run", run.run());
    result.put("page", publication.page().toString());
    result.put("deliveries", publication.deliveries());
    return result;
  }
}
