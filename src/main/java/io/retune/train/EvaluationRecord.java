package io.retune.train;

/**
 * The frozen split, scored with the weights after {@code step} steps (0: before training).
 *
 * @param lossSums per example, in the evaluation plan's order: sum of -log p over its target
 *     tokens, nats
 */
public record EvaluationRecord(int step, double[] lossSums, long wallMs) {}
