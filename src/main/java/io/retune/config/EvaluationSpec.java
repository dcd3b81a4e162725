package io.retune.config;

import java.util.List;

/**
 * What is measured on the frozen split before and after, and what is asked to be read.
 *
 * @param resamples of the paired bootstrap
 * @param seed of the resampling
 * @param confidence of the interval, 0.95 by default
 * @param prompts user messages that the model answers before and after training, for people to
 *     compare; they change no weight
 * @param maxNewTokens of an answer; changes no weight
 * @param success what a run has to come to
 */
public record EvaluationSpec(
    int resamples,
    long seed,
    double confidence,
    List<String> prompts,
    int maxNewTokens,
    SuccessSpec success) {
  public EvaluationSpec {
    prompts = List.copyOf(prompts);
  }
}
