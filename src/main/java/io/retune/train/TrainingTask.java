package io.retune.train;

import io.retune.collective.Attempt;
import io.retune.config.TrainSpec;
import java.io.Serializable;

/**
 * Everything a rank needs to know; travels from the driver to the executors. Nothing in it but
 * {@code attempt}, {@code resumeStep}, {@code lanes} and the places differs between two runs that
 * must end in the same weights.
 *
 * @param store URI
 * @param cache local directory for prepared weights
 * @param modelSha256 the model's folder in the store
 * @param plan key of the plan
 * @param resumeStep step of the checkpoint to go on from; 0: from the beginning
 * @param lanes micro-batches side by side in a rank
 * @param driverHost where the driver takes events
 */
public record TrainingTask(
    Attempt attempt,
    String store,
    String cache,
    String modelSha256,
    String plan,
    TrainSpec train,
    int resumeStep,
    int lanes,
    String driverHost,
    int driverPort)
    implements Serializable {
  /** The same, with the place where the driver takes events. */
  public TrainingTask reportingTo(String host, int port) {
    return new TrainingTask(
        attempt, store, cache, modelSha256, plan, train, resumeStep, lanes, host, port);
  }
}
