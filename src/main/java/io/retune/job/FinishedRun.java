package io.retune.job;

import io.retune.config.CheckDoesNotHoldException;
import io.retune.config.ErrorCode;
import io.retune.config.InvalidInputException;
import io.retune.lineage.JournalEntry.Artifact;
import io.retune.lineage.JournalEntry.Ended;
import io.retune.lineage.RunHistory;
import io.retune.model.AdapterFiles;
import io.retune.model.ImportedModel;
import io.retune.model.TrainedAdapter;
import io.retune.store.Sha256;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A run that is over, and what it made, as it was exported.
 *
 * @param adapterFolder as PEFT loads it
 */
record FinishedRun(
    RunHistory history, Path adapterFolder, ImportedModel model, TrainedAdapter adapter) {
  /**
   * @param start a run, or the start of its name
   * @throws InvalidInputException if it is not finished, or a file is not there any more or cannot
   *     be read
   * @throws CheckDoesNotHoldException if the adapter is not what the run exported
   */
  static FinishedRun open(Workspace workspace, String start) {
    RunHistory history = RunFolder.named(workspace.store(), start);
    Ended ended = history.ended().orElseThrow(() -> notFinished(history));
    Path folder = workspace.store().localPath(ended.adapter());
    try {
      requireExported(folder.resolve(AdapterFiles.WEIGHTS), ended.weightsSha256());
      Artifact config = history.artifacts().get("adapter/" + AdapterFiles.CONFIG);
      if (config != null) {
        requireExported(folder.resolve(AdapterFiles.CONFIG), config.sha256());
      }
      ImportedModel model =
          ImportedModel.open(
              workspace.store(), new Sha256(history.declared().orElseThrow().modelSha256()));
      return new FinishedRun(history, folder, model, TrainedAdapter.read(folder, model.config()));
    } catch (IOException e) {
      throw InvalidInputException.notReadable(
          ErrorCode.SOURCE_NOT_READABLE, folder.toString(), e, "Check who may read it.");
    }
  }

  private static InvalidInputException notFinished(RunHistory history) {
    return InvalidInputException.of(
        ErrorCode.RUN_NOT_FINISHED,
        "run \"" + history.run() + "\"",
        "is not finished: %d of %d steps are done."
            .formatted(history.lastStep(), history.declared().orElseThrow().steps()),
        "Wait for it, or go on with it: retune run CONF --request "
            + history.declared().orElseThrow().request());
  }

  private static void requireExported(Path file, String recorded) throws IOException {
    if (!Files.exists(file)) {
      throw InvalidInputException.of(
          ErrorCode.FILE_GONE,
          file.toString(),
          "is not there any more.",
          "Restore it, or run the recipe again.");
    }
    String found = Sha256.of(file).hex();
    if (!found.equals(recorded)) {
      throw new CheckDoesNotHoldException(
          ErrorCode.FILE_CHANGED,
          file.toString(),
          "was changed since it was exported: its SHA-256 is %s, the run recorded %s."
              .formatted(found, recorded),
          "Restore it, or run the recipe again.");
    }
  }
}
