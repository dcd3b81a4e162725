package io.retune.config;

import java.util.List;
import java.util.Optional;

/**
 * One dataset of the store, where it comes from, and how its lines become columns.
 *
 * @param origin the source's files; its digest is pinned
 * @param format how the files are read
 * @param version our version number to train on; empty: the version that holds exactly {@code
 *     origin}'s rows
 * @param key columns that identify a row across versions; empty: its content does
 * @param licence SPDX identifier or name, for the record
 * @param privacy free text, for the record ({@code personal}, {@code confidential}, ...); only of
 *     {@code public} ones texts are shown unless the recipe says so
 * @param prepare applied to this dataset's rows before they meet those of the others
 */
public record DatasetSpec(
    SourceSpec origin,
    Format format,
    Optional<Integer> version,
    List<String> key,
    String licence,
    String privacy,
    List<TransformSpec> prepare) {

  /** How the source's files are read; lines may be compressed, {@code .gz} or {@code .zst}. */
  public enum Format {
    /**
     * A row a line: columns {@code file} (name without folder) and {@code text} (UTF-8, without its
     * line end).
     */
    TEXT,
    /**
     * A row a line, one JSON object each: a column a key, nested values as Spark infers them over
     * all files.
     */
    JSONL,
    /**
     * RFC 4180 in UTF-8: commas, a header, a text column for each of its names. Nothing is
     * inferred, so an empty field is an empty text, never null.
     */
    CSV,
    /** Columns with the types that the files say, the same in all of them. */
    PARQUET,
    /** Not files: the columns of a {@link TableSource}. */
    TABLE;

    static final List<Format> OF_FILES = List.of(TEXT, JSONL, CSV, PARQUET);
  }
}
