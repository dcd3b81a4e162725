package io.retune.text;

/**
 * A chat as the model reads it.
 *
 * @param text what the template made of it, the messages' own text unchanged
 * @param inputIds token ids [tokens]
 * @param trained whether each is a target [tokens]
 */
public record RenderedChat(String text, int[] inputIds, boolean[] trained) {}
