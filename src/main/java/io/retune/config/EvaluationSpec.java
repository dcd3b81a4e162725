package io.retune.config;

/**
 * What is measured on the frozen split before and after.
 *
 * @param resamples of the paired bootstrap
 * @param seed of the resampling
 * @param confidence of the interval, 0.95 by default
 */
public record EvaluationSpec(int resamples, long seed, double confidence) {}
