package io.retune.config;

import java.util.List;
import java.util.Optional;
import java.util.SortedMap;

/**
 * What is trained on: datasets by name, and the transforms that turn their rows into examples.
 *
 * @param datasets at least one; their prepared rows are put together by column name
 * @param prepare applied in this order to the rows of all datasets together; exactly one {@link
 *     TransformSpec.Render} or {@link TransformSpec.Document}
 * @param groupBy column whose values the evaluation is told apart by; changes no weight
 */
public record DataSpec(
    SortedMap<String, DatasetSpec> datasets,
    List<TransformSpec> prepare,
    Optional<String> groupBy) {}
