package io.retune.config;

import java.util.Optional;

/**
 * Everything that changes a weight, as one configuration file says it. Where the run takes place is
 * the {@link Site}.
 *
 * @param name of the experiment; changes no weight
 * @param description for people; changes no weight
 * @param parent what it is to be compared with: a run, the start of its name, or the path of a
 *     configuration; changes no weight
 */
public record Recipe(
    String name,
    String description,
    Optional<String> parent,
    SourceSpec model,
    DataSpec data,
    OrderSpec order,
    TrainSpec train,
    EvaluationSpec evaluation) {}
