package io.retune.model;

import io.retune.config.ErrorCode;
import io.retune.config.InvalidInputException;
import io.retune.store.Sha256;
import io.retune.store.Store;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A model of the store.
 *
 * @param sha256 of the manifest of its files; the name of its folder
 * @param directory local folder in Hugging Face's layout: config.json, model.safetensors,
 *     tokenizer.json, ...
 */
public record ImportedModel(Sha256 sha256, Path directory, ModelConfig config) {
  /**
   * One that was imported into {@code store}.
   *
   * @throws InvalidInputException if it is not there any more, or cannot be read
   */
  public static ImportedModel open(Store store, Sha256 sha256) {
    Path directory = store.localPath("models", sha256.hex());
    if (!Files.exists(directory.resolve("config.json"))) {
      throw InvalidInputException.of(
          ErrorCode.MODEL_NOT_IN_STORE,
          "model " + sha256.brief(),
          "is not in this store any more.",
          "Run a configuration that uses it: it is imported again.");
    }
    try {
      return new ImportedModel(
          sha256, directory, ModelConfig.read(directory.resolve("config.json")));
    } catch (IOException e) {
      throw ModelImporter.unreadable(directory, e);
    }
  }
}
