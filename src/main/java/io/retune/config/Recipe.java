package io.retune.config;

/**
 * Everything that changes a weight, as one configuration file says it. Where the run takes place is
 * the {@link Site}.
 *
 * @param name of the experiment; changes no weight
 * @param description for people; changes no weight
 */
public record Recipe(
    String name,
    String description,
    SourceSpec model,
    DataSpec data,
    OrderSpec order,
    TrainSpec train,
    EvaluationSpec evaluation) {}
