package io.retune.train;

import java.util.List;
import java.util.Map;

/**
 * What one optimizer step did. Everything but the times is a function of the run's arguments, and
 * equal whenever the step is computed again.
 *
 * @param step from 1
 * @param loss mean over the step's target tokens, nats
 * @param learningRate used in this step
 * @param gradNorm L2 norm of the summed gradient before clipping
 * @param leafDigests 128-bit digest, hexadecimal, of each leaf's gradient in leaf order
 * @param tensorDigests 128-bit digest, hexadecimal, of the summed gradient by tensor name
 * @param computeMs in kernels, the longest of all ranks; likewise exchange, wait and data
 */
public record StepRecord(
    int step,
    double loss,
    double learningRate,
    double gradNorm,
    int microBatches,
    int tokens,
    int targetTokens,
    List<String> leafDigests,
    Map<String, String> tensorDigests,
    long computeMs,
    long exchangeMs,
    long waitMs,
    long dataMs,
    long wallMs) {}
