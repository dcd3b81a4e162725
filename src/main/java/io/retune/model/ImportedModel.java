package io.retune.model;

import io.retune.store.Sha256;
import java.nio.file.Path;

/**
 * A model of the store.
 *
 * @param sha256 of the manifest of its files; the name of its folder
 * @param directory local folder in Hugging Face's layout: config.json, model.safetensors,
 *     tokenizer.json, ...
 */
public record ImportedModel(Sha256 sha256, Path directory, ModelConfig config) {}
