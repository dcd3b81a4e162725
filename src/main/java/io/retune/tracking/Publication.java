package io.retune.tracking;

import java.net.URI;

/**
 * A run that an MLflow server has all of.
 *
 * @param experiment MLflow's id
 * @param mlflowRun MLflow's id
 * @param page of the run, for a browser
 * @param deliveries how many things were acknowledged this time; 0: nothing was missing
 * @param startedAgain whether the server had lost the run, and everything was sent to a new one
 */
public record Publication(
    String experiment, String mlflowRun, URI page, long deliveries, boolean startedAgain) {}
