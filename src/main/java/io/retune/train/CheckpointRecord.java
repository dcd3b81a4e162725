package io.retune.train;

/**
 * A checkpoint that is durable.
 *
 * @param path its folder, relative to the store
 * @param sha256 of its manifest, 64 hexadecimal digits
 */
public record CheckpointRecord(int step, String path, String sha256, long bytes, long wallMs) {}
