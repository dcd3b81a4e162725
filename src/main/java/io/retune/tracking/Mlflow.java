package io.retune.tracking;

import com.fasterxml.jackson.databind.JsonNode;
import io.retune.config.ErrorCode;
import io.retune.config.TrackingSite;
import java.net.URI;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.mlflow.api.proto.Service.CreateExperiment;
import org.mlflow.api.proto.Service.CreateRun;
import org.mlflow.api.proto.Service.Run;
import org.mlflow.api.proto.Service.RunTag;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * An MLflow server as the addressee of our runs. Whatever fails in between and however often a run
 * is published: in the end the server has one MLflow run of it, each metric point once, and each
 * artifact with the bytes that its digest names.
 *
 * <p>That rests on the server's own rules where they make a repetition harmless (equal points,
 * params, tags, inputs, files), and elsewhere on looking before making: what a request made is
 * never taken from its answer, which may be lost, but looked up. MLflow has no condition under
 * which to make a run, so two publishers at once, or a request that arrives after it was given up,
 * may make two. Before it makes a model and before it ends the run, each publisher therefore looks
 * again: all keep the run of the least id and remove the other, which MLflow can restore.
 */
public final class Mlflow {
  /** Tag that holds our own name of the run. */
  public static final String RUN_TAG = "retune.run";

  /** Tag of a removed run: the id of the one that was kept. */
  public static final String DUPLICATE_TAG = "retune.duplicate-of";

  private static final Logger log = LoggerFactory.getLogger(Mlflow.class);
  private static final String ACTIVE = "active";

  /** A run that vanishes while it is published vanishes again only if someone makes it. */
  private static final int STARTS = 3;

  private final Http http;
  private final Calls calls;
  private Optional<Addressee> current = Optional.empty();

  /**
   * Where a run's parts go.
   *
   * @param run our name of it
   * @param id MLflow's
   */
  record Addressee(String run, String experiment, String id, String artifactUri) {}

  /**
   * @param environment in which the site's variables are looked up
   * @throws io.retune.config.InvalidInputException if what the site names cannot be used
   */
  public Mlflow(TrackingSite site, Map<String, String> environment) {
    http = new Http(site, environment);
    calls = new Calls(http);
  }

  /** The server's address, without credentials. */
  public String server() {
    return http.server();
  }

  /**
   * Sends what is missing, so that the server has all of {@code run}. One at a time.
   *
   * @param before what was acknowledged earlier, by this server or by another
   * @param acknowledged told of each thing at once, on this thread
   * @throws MlflowUnreachableException if it gives no usable answer for the site's patience
   * @throws MlflowRefusedException if something must be changed first
   */
  public synchronized Publication publish(
      TrackedRun run, Delivered before, Consumer<Delivery> acknowledged) {
    Delivered delivered = before.on(server(), run.run());
    boolean startedAgain = false;
    for (int start = 1; ; start++) {
      Addressee addressee = addressee(run, delivered);
      if (delivered.mlflowRun().filter(id -> !id.equals(addressee.id())).isPresent()) {
        log.warn(
            "event=tracking-run-gone run={} lost={} mlflow_run={}",
            run.run(),
            delivered.mlflowRun().get(),
            addressee.id());
        delivered = Delivered.NONE;
        startedAgain = true;
      }
      Delivering delivering = new Delivering(http, calls, addressee, delivered, acknowledged);
      try {
        delivering.send(run, () -> isKept(addressee));
        return new Publication(
            addressee.experiment(),
            addressee.id(),
            page(addressee),
            delivering.count(),
            startedAgain);
      } catch (MlflowRefusedException e) {
        current = Optional.empty();
        delivered = delivering.delivered();
        if (start == STARTS || isKept(addressee)) {
          throw e;
        }
      }
    }
  }

  /**
   * The page of a run that the server has all of: by what it acknowledged, and by a look whether
   * the page is still there. Sends nothing.
   *
   * @return empty: there is something to {@link #publish}
   */
  public synchronized Optional<URI> complete(TrackedRun run, Delivered before) {
    Delivered delivered = before.on(server(), run.run());
    if (delivered.missing(run).isPresent()) {
      return Optional.empty();
    }
    return delivered
        .mlflowRun()
        .flatMap(calls::run)
        .filter(Mlflow::isActive)
        .flatMap(found -> active(run, found))
        .map(this::page);
  }

  private URI page(Addressee addressee) {
    return page(server(), addressee.experiment(), addressee.id());
  }

  /** A run's page, for a browser; experiment and run by MLflow's ids. */
  public static URI page(String server, String experiment, String mlflowRun) {
    return URI.create(
        "%s/#/experiments/%s/runs/%s?workflowType=machine_learning"
            .formatted(server, experiment, mlflowRun));
  }

  /**
   * The one MLflow run of {@code run}: the one that has had something, or the one that is there.
   */
  private Addressee addressee(TrackedRun run, Delivered delivered) {
    if (current.filter(a -> a.run().equals(run.run())).isEmpty()) {
      current =
          delivered
              .mlflowRun()
              .flatMap(calls::run)
              .flatMap(found -> active(run, found))
              .or(() -> Optional.of(settle(run)));
    }
    return current.get();
  }

  /** Empty if it was removed in favour of another. */
  private Optional<Addressee> active(TrackedRun run, JsonNode found) {
    JsonNode info = found.path("info");
    if (isActive(found)) {
      return Optional.of(
          new Addressee(
              run.run(),
              info.path("experiment_id").asText(),
              info.path("run_id").asText(),
              info.path("artifact_uri").asText()));
    }
    for (JsonNode tag : found.path("data").path("tags")) {
      if (tag.path("key").asText().equals(DUPLICATE_TAG)) {
        return Optional.empty();
      }
    }
    throw deleted(run.run(), info.path("run_id").asText());
  }

  private MlflowRefusedException deleted(String run, String id) {
    return MlflowRefusedException.of(
        ErrorCode.TRACKING_REFUSES,
        server(),
        "has the run " + run + " among the deleted ones",
        "If it is wanted after all: `mlflow runs restore --run-id " + id + "` on the server.");
  }

  /** Finds or makes the run in its experiment. */
  private Addressee settle(TrackedRun run) {
    String experiment = experiment(run.experiment());
    List<Run> runs = findOrMake(() -> runs(experiment, run.run()), () -> create(experiment, run));
    return keepOne(runs).orElseThrow(() -> deleted(run.run(), runs.get(0).getInfo().getRunId()));
  }

  private String experiment(String name) {
    JsonNode experiment =
        findOrMake(
                () -> calls.experiment(name).stream().toList(),
                () ->
                    calls.createIfMissing(
                        () ->
                            calls.createExperiment(
                                CreateExperiment.newBuilder().setName(name).build())))
            .get(0);
    String id = experiment.path("experiment_id").asText();
    if (!experiment.path("lifecycle_stage").asText().equals(ACTIVE)) {
      throw MlflowRefusedException.of(
          ErrorCode.TRACKING_REFUSES,
          server(),
          "has the experiment \"" + name + "\" among the deleted ones",
          "Name another in the site (tracking.mlflow.experiment), or `mlflow experiments restore -x "
              + id
              + "` on the server.");
    }
    return id;
  }

  private void create(String experiment, TrackedRun run) {
    calls.createRun(
        CreateRun.newBuilder()
            .setExperimentId(experiment)
            .setRunName(run.name())
            .setStartTime(run.started().toEpochMilli())
            .addTags(RunTag.newBuilder().setKey(RUN_TAG).setValue(run.run()))
            .build());
  }

  /** Those that were not removed in favour of another, active or deleted by someone. */
  private List<Run> runs(String experiment, String run) {
    return calls.runs(experiment, RUN_TAG, run).stream()
        .filter(
            found ->
                found.getData().getTagsList().stream()
                    .noneMatch(tag -> tag.getKey().equals(DUPLICATE_TAG)))
        .sorted(Comparator.comparing(found -> found.getInfo().getRunId()))
        .toList();
  }

  /** The active run of the least id; any other active one is removed. */
  private Optional<Addressee> keepOne(List<Run> runs) {
    List<Run> active =
        runs.stream().filter(r -> r.getInfo().getLifecycleStage().equals(ACTIVE)).toList();
    Optional<Addressee> kept =
        active.stream()
            .findFirst()
            .map(
                first ->
                    new Addressee(
                        tag(first),
                        first.getInfo().getExperimentId(),
                        first.getInfo().getRunId(),
                        first.getInfo().getArtifactUri()));
    active.stream().skip(1).forEach(duplicate -> remove(duplicate, kept.orElseThrow()));
    return kept;
  }

  private static String tag(Run run) {
    return run.getData().getTagsList().stream()
        .filter(tag -> tag.getKey().equals(RUN_TAG))
        .map(RunTag::getValue)
        .findFirst()
        .orElseThrow();
  }

  private void remove(Run duplicate, Addressee kept) {
    String id = duplicate.getInfo().getRunId();
    log.warn(
        "event=tracking-duplicate-removed run={} mlflow_run={} kept={}", kept.run(), id, kept.id());
    try {
      calls.setTag(id, DUPLICATE_TAG, kept.id());
      calls.deleteRun(duplicate);
    } catch (MlflowRefusedException e) {
      // A deleted run takes no tag: another publisher was faster.
      if (calls.run(id).filter(Mlflow::isActive).isPresent()) {
        throw e;
      }
    }
  }

  private static boolean isActive(JsonNode run) {
    return run.path("info").path("lifecycle_stage").asText().equals(ACTIVE);
  }

  /** Whether the run is there, and is the one that all publishers of it keep. */
  private boolean isKept(Addressee addressee) {
    return keepOne(runs(addressee.experiment(), addressee.run()))
        .filter(kept -> kept.id().equals(addressee.id()))
        .isPresent();
  }

  private <T> List<T> findOrMake(Supplier<List<T>> find, Runnable make) {
    return findOrMake(http, find, make);
  }

  /**
   * Looks for something, makes it if it is not there, and looks again: an answer to the making that
   * is lost loses nothing. Makes it a second time only if the first certainly or probably failed.
   */
  static <T> List<T> findOrMake(Http http, Supplier<List<T>> find, Runnable make) {
    Patience patience = http.patience();
    boolean made = false;
    while (true) {
      List<T> found = find.get();
      if (!found.isEmpty()) {
        return found;
      }
      String reason = "what was made cannot be found";
      if (!made) {
        try {
          make.run();
          made = true;
          continue;
        } catch (MlflowUnreachableException e) {
          reason = e.reason();
        }
      }
      pause(http, patience, reason);
    }
  }

  private static void pause(Http http, Patience patience, String reason) {
    try {
      if (!patience.pause(Optional.empty())) {
        throw new MlflowUnreachableException(http.server(), reason);
      }
    } catch (InterruptedException e) {
      throw http.interrupted();
    }
  }
}
