package io.retune.dataset;

import io.retune.store.Sha256;

/**
 * A dataset as it was at one time.
 *
 * @param version our number, from 1; it is not Delta's
 * @param deltaVersion the commit of the Delta table that holds it
 * @param root Merkle root of the rows' content; the same for the same rows in any store
 * @param message why it changed, as the user said it
 * @param source where its rows came from
 * @param sourceSha256 of the source's file, or of the manifest of its files
 * @param added whether this call made it; false: it was there already
 */
public record DatasetVersion(
    String name,
    int version,
    long deltaVersion,
    Sha256 root,
    long rows,
    String licence,
    String privacy,
    String message,
    String source,
    String sourceSha256,
    boolean added) {}
