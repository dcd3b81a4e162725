package io.retune.tracking;

import io.retune.tracking.TrackedRun.LoggedModel;
import io.retune.tracking.TrackedRun.Status;
import java.time.Instant;
import java.util.Optional;

/** A run that differs from another in one thing. */
public final class TrackedRunCopy {
  private TrackedRunCopy() {}

  public static TrackedRun withStatus(TrackedRun run, Status status, Optional<Instant> ended) {
    return copy(run, run.experiment(), ended, status, run.model());
  }

  public static TrackedRun withExperiment(TrackedRun run, String experiment) {
    return copy(run, experiment, run.ended(), run.status(), run.model());
  }

  public static TrackedRun withModel(TrackedRun run, LoggedModel model) {
    return copy(run, run.experiment(), run.ended(), run.status(), Optional.of(model));
  }

  private static TrackedRun copy(
      TrackedRun run,
      String experiment,
      Optional<Instant> ended,
      Status status,
      Optional<LoggedModel> model) {
    return new TrackedRun(
        run.run(),
        experiment,
        run.name(),
        run.summary(),
        run.started(),
        ended,
        status,
        run.tags(),
        run.params(),
        run.metrics(),
        run.inputs(),
        run.artifacts(),
        model);
  }
}
