package io.retune.text;

/**
 * One message of a chat.
 *
 * @param train its content and its end-of-turn token are targets
 */
public record ChatMessage(String role, String content, boolean train) {}
