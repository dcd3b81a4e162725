package io.retune.text;

import io.retune.config.ErrorCode;
import io.retune.config.InvalidInputException;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** What a model must have beside its weights. */
final class ModelFile {
  private ModelFile() {}

  /** Why {@code file} could not be read. */
  static InvalidInputException unreadable(Path file, IOException e) {
    return e instanceof NoSuchFileException
        ? InvalidInputException.of(
            ErrorCode.NOT_A_MODEL,
            file.toString(),
            "is not there.",
            "Give a model with its " + file.getFileName() + ".")
        : InvalidInputException.notReadable(
            ErrorCode.NOT_A_MODEL,
            file.toString(),
            e,
            e instanceof FileSystemException
                ? "Check who may read it."
                : "Give the model's own: a clone without git-lfs has a few lines about the file in its place.");
  }
}
