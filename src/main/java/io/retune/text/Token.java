package io.retune.text;

/**
 * What is to be seen of a token, or of several that make one character together.
 *
 * @param special whether the template put it there, as {@code <|im_end|>}
 */
public record Token(String text, boolean trained, boolean special) {}
