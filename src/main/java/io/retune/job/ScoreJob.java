package io.retune.job;

import io.retune.config.ErrorCode;
import io.retune.config.InvalidInputException;
import io.retune.evaluate.Scoring;
import io.retune.evaluate.TargetLines;
import io.retune.evaluate.Targets;
import io.retune.model.AdapterFiles;
import io.retune.model.ImportedModel;
import io.retune.model.TrainedAdapter;
import io.retune.store.Json;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * {@code retune score MODEL --data FILE}: the loss of each example, and on request the gradient's
 * norm by tensor.
 */
public final class ScoreJob {
  private final Workspace workspace;

  public ScoreJob(Workspace workspace) {
    this.workspace = workspace;
  }

  /**
   * @param data see {@link TargetLines}
   * @param adapter a folder as PEFT writes it
   * @param grads where the norms go, as a JSON object
   * @throws InvalidInputException if model, adapter or a line of the data cannot be used
   */
  public void execute(
      String model, Path data, Optional<Path> adapter, Optional<Path> grads, boolean json) {
    ImportedModel imported = ModelArgument.open(workspace, model);
    List<Targets> examples;
    try (TargetLines lines = new TargetLines(imported)) {
      examples = lines.read(data);
    }
    try (Scoring scoring =
        Scoring.open(
            imported,
            Path.of(workspace.site().cache()),
            adapter.map(folder -> read(folder, imported)),
            workspace.site().lanes().orElse(Runtime.getRuntime().availableProcessors()))) {
      Scoring.Score score = scoring.score(examples);
      grads.ifPresent(file -> write(file, scoring.gradientNorms(examples)));
      System.out.println(json ? Json.write(score) : line(score));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static TrainedAdapter read(Path folder, ImportedModel model) {
    if (!Files.exists(folder.resolve(AdapterFiles.CONFIG))) {
      throw InvalidInputException.of(
          ErrorCode.ADAPTER_DOES_NOT_FIT,
          "--adapter " + folder,
          "has no " + AdapterFiles.CONFIG + ".",
          "Give the folder that a run exported, runs/RUN/adapter, or one that PEFT saved.");
    }
    try {
      return TrainedAdapter.read(folder, model.config());
    } catch (IOException e) {
      throw InvalidInputException.notReadable(
          ErrorCode.ADAPTER_DOES_NOT_FIT,
          "--adapter " + folder,
          e,
          "Give one whose weights are safetensors.");
    }
  }

  private static void write(Path file, Object norms) {
    try {
      Files.writeString(file, Json.pretty(norms) + "\n");
    } catch (IOException e) {
      throw InvalidInputException.notWritable("--grads " + file, e, "Give a path that can be.");
    }
  }

  private static String line(Scoring.Score score) {
    return "loss %.4f nats per target token, %,d targets of %s"
        .formatted(
            score.loss(), score.targets(), Terminal.count(score.examples().size(), "example"));
  }
}
