package io.retune.job;

import io.retune.config.ErrorCode;
import io.retune.config.InvalidInputException;
import io.retune.config.TrackingSite;
import io.retune.lineage.RunHistory;
import io.retune.plan.Plan;
import io.retune.store.Json;
import io.retune.store.Lease;
import io.retune.store.LeaseHeldException;
import io.retune.store.Store;
import io.retune.tracking.Delivered;
import io.retune.tracking.Mlflow;
import io.retune.tracking.MlflowUnreachableException;
import io.retune.tracking.Publication;
import io.retune.tracking.TrackedRun;
import java.net.URI;
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
   * @throws LeaseHeldException if a driver works on the one that was named
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
                        ErrorCode.TRACKING_NOT_CONFIGURED,
                        "retune sync",
                        "the site names no tracking server.",
                        "Give --set tracking.mlflow.uri=http://host:port, or a --site with it."));
    Sync sync = new Sync(site, new Mlflow(site, System.getenv()));
    List<Map<String, Object>> published =
        start.isPresent()
            ? sync.one(RunFolder.named(store, start.get()).run())
            : sync.all(RunFolder.names(store));
    if (json) {
      System.out.println(Json.write(published));
    }
    sync.failure.ifPresent(
        e -> {
          throw e;
        });
  }

  /** To one server. */
  private final class Sync {
    private final TrackingSite site;
    private final Mlflow mlflow;
    private Optional<RuntimeException> failure = Optional.empty();

    Sync(TrackingSite site, Mlflow mlflow) {
      this.site = site;
      this.mlflow = mlflow;
    }

    List<Map<String, Object>> one(String run) {
      return List.of(unlessComplete(run));
    }

    /** What cannot be sent of one run keeps no other from the server. */
    List<Map<String, Object>> all(List<String> runs) {
      List<Map<String, Object>> published = new ArrayList<>();
      for (String run : runs) {
        try {
          if (isOurs(run)) {
            published.add(unlessComplete(run));
          }
        } catch (LeaseHeldException e) {
          workspace.terminal().warn("%s  %s", run, e.getMessage());
        } catch (MlflowUnreachableException e) {
          workspace.terminal().warn("%s  %s", run, e.getMessage());
          failure = failure.or(() -> Optional.of(e));
          return published;
        } catch (RuntimeException e) {
          workspace.terminal().warn("%s  %s", run, e.getMessage());
          failure = failure.or(() -> Optional.of(e));
        }
      }
      return published;
    }

    /** One that was declared, and that no driver works on: that sends it itself. */
    private boolean isOurs(String run) {
      if (RunFolder.history(store, run).declared().isEmpty()) {
        return false;
      }
      Optional<Lease.Holder> driver = RunFolder.holder(store, run);
      driver.ifPresent(
          holder ->
              workspace
                  .terminal()
                  .say("%s  is left to its driver, %s, which sends it itself", run, holder));
      return driver.isEmpty();
    }

    /** The run is taken only where something is to be sent of it. */
    private Map<String, Object> unlessComplete(String run) {
      RunHistory history = RunFolder.history(store, run);
      Optional<URI> page = mlflow.complete(tracked(history), delivered(history));
      if (page.isPresent()) {
        workspace.terminal().say("%s  was there already  %s", run, page.get());
        return result(run, page.get(), 0);
      }
      try (RunFolder folder = RunFolder.hold(store, run)) {
        return publish(folder);
      }
    }

    private Map<String, Object> publish(RunFolder folder) {
      RunHistory history = folder.history();
      try {
        Publication publication =
            mlflow.publish(
                tracked(history),
                delivered(history),
                delivery -> folder.append(TrackedRuns.entry(delivery, 0)));
        workspace
            .terminal()
            .say(
                "%s  %,d deliveries%s  %s",
                history.run(),
                publication.deliveries(),
                publication.startedAgain() ? ", to a new run: the server had lost it" : "",
                publication.page());
        return result(history.run(), publication.page(), publication.deliveries());
      } finally {
        new Recording(workspace).tryUpToDate(folder);
      }
    }

    private TrackedRun tracked(RunHistory history) {
      Plan plan = history.declared().orElseThrow().plan(store);
      return TrackedRuns.left(store, site, history, plan);
    }
  }

  private static Delivered delivered(RunHistory history) {
    return Delivered.of(TrackedRuns.deliveries(history));
  }

  private static Map<String, Object> result(String run, URI page, long deliveries) {
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("run", run);
    result.put("page", page.toString());
    result.put("deliveries", deliveries);
    return result;
  }
}
