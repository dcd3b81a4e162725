package io.retune.job;

import io.retune.config.Experiment;
import io.retune.store.Json;
import java.util.Map;

/** {@code retune check CONF}: what the configuration is, once it has no problem. */
public final class CheckJob {
  private CheckJob() {}

  public static void execute(Experiment experiment, boolean json) {
    Terminal terminal = new Terminal(false);
    terminal.say("%s: no problems.", experiment.recipe().name());
    terminal.say("fingerprint %s", experiment.fingerprint());
    if (!experiment.unexplained().isEmpty()) {
      terminal.say(
          "Changed from the default without a reason (say it under `why`): %s",
          String.join(", ", experiment.unexplained()));
    }
    if (json) {
      System.out.println(
          Json.write(
              Map.of(
                  "experiment", experiment.fingerprint(),
                  "unexplained", experiment.unexplained())));
    }
  }
}
