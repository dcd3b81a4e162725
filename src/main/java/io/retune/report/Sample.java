package io.retune.report;

/**
 * What the model answers to a prompt.
 *
 * @param before by the base model
 * @param after by the trained one
 */
public record Sample(String prompt, String before, String after) {}
