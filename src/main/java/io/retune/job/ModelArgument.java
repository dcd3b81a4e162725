package io.retune.job;

import io.retune.config.ErrorCode;
import io.retune.config.InvalidInputException;
import io.retune.config.SourceSpec;
import io.retune.model.ImportedModel;
import io.retune.model.ModelImporter;
import io.retune.store.Sha256;
import io.retune.store.Store;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * A MODEL of the command line: the digest of one in the store, or its start; a Hugging Face
 * directory, used where it lies; or a source, which is imported into the store.
 */
final class ModelArgument {
  private static final String DIGEST_START = "[0-9a-f]{8,64}";

  private ModelArgument() {}

  /**
   * @throws InvalidInputException if nothing, or more than one model of the store, is meant
   */
  static ImportedModel open(Workspace workspace, String model) {
    if (Files.isDirectory(Path.of(model))) {
      return ModelImporter.inPlace(Path.of(model));
    }
    if (model.matches(DIGEST_START)) {
      return stored(workspace.store(), model);
    }
    if (Files.exists(Path.of(model))) {
      return imported(workspace, "file:" + model);
    }
    if (model.matches("[a-z][a-z0-9+.-]*:.+")) {
      return imported(workspace, model);
    }
    throw InvalidInputException.of(
        ErrorCode.NOT_A_SOURCE,
        "MODEL \"" + model + "\"",
        "is no directory, no digest and no source.",
        "Give a Hugging Face directory, the digest of a model in the store, or a source such as"
            + " file:model.gguf.");
  }

  /**
   * Where its tokenizer and chat template lie. A directory needs nothing else.
   *
   * @throws InvalidInputException if nothing, or more than one model of the store, is meant
   */
  static Path directory(Workspace workspace, String model) {
    Path directory = Path.of(model);
    return Files.isDirectory(directory) ? directory : open(workspace, model).directory();
  }

  private static ImportedModel imported(Workspace workspace, String source) {
    Sha256 pinned = workspace.sources().digestOf(source, "MODEL");
    return new ModelImporter(workspace.store(), workspace.sources())
        .importModel(new SourceSpec(source, pinned.hex()));
  }

  private static ImportedModel stored(Store store, String start) {
    List<String> matching =
        store.list(store.path("models")).stream()
            .map(org.apache.hadoop.fs.Path::getName)
            .filter(name -> name.matches("[0-9a-f]{64}") && name.startsWith(start))
            .toList();
    if (matching.size() != 1) {
      throw InvalidInputException.of(
          ErrorCode.MODEL_NOT_IN_STORE,
          "MODEL \"" + start + "\"",
          matching.isEmpty() ? "is not in this store." : "may be each of " + matching + ".",
          matching.isEmpty()
              ? "Give --store, or the model's directory."
              : "Give more of its digest.");
    }
    return ImportedModel.open(store, new Sha256(matching.get(0)));
  }
}
