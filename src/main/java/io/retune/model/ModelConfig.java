package io.retune.model;

/**
 * A decoder of the Llama family, as its {@code config.json} describes it.
 *
 * @param rope how positions rotate queries and keys
 * @param tiedHead the output projection is the embedding
 */
public record ModelConfig(
    int vocabulary,
    int width,
    int feedForward,
    int layers,
    int heads,
    int keyValueHeads,
    int headWidth,
    int contextTokens,
    double rmsEpsilon,
    Rope rope,
    boolean tiedHead) {

  /**
   * Rotary embedding (Su et al. 2021, arXiv:2104.09864).
   *
   * @param inverseFrequencies float32 [headWidth / 2], any scaling (linear, llama3) already
   *     applied, computed as transformers does
   * @param attentionScale factor on sine and cosine; 1 but for yarn
   */
  public record Rope(float[] inverseFrequencies, float attentionScale) {}
}
