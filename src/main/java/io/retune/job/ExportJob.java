package io.retune.job;

import io.retune.config.CheckDoesNotHoldException;
import io.retune.config.ErrorCode;
import io.retune.config.InvalidInputException;
import io.retune.model.AdapterFiles;
import io.retune.model.GgufExport;
import io.retune.model.GgufExport.Precision;
import io.retune.model.MergedModel;
import io.retune.model.ModelImporter;
import io.retune.report.ModelCard;
import io.retune.store.Json;
import io.retune.store.Scratch;
import io.retune.store.Sha256;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * {@code retune export RUN --to DIR}: the adapter, or the whole model, with a card. The folder is
 * there when all of it is.
 */
public final class ExportJob {
  private static final String CARD = "README.md";

  private final Workspace workspace;

  public ExportJob(Workspace workspace) {
    this.workspace = workspace;
  }

  /** What the card says; absent: what the run's configuration says. */
  public record Card(Optional<String> licence, Optional<String> use) {}

  /**
   * @param run a run, or the start of its name
   * @throws InvalidInputException if the run is not finished, the folder is there already, or the
   *     card would lack something
   * @throws CheckDoesNotHoldException if the adapter is not what the run exported
   */
  public void adapter(String run, Path folder, Card card, boolean json) {
    export(
        run,
        folder,
        ModelCard.Form.ADAPTER,
        card,
        json,
        (finished, into) -> {
          for (String file : List.of(AdapterFiles.WEIGHTS, AdapterFiles.CONFIG)) {
            Files.copy(finished.adapterFolder().resolve(file), into.resolve(file));
          }
        });
  }

  /** A Hugging Face directory, as {@link #adapter}. */
  public void merged(String run, Path folder, Card card, boolean json) {
    export(
        run,
        folder,
        ModelCard.Form.MERGED,
        card,
        json,
        (finished, into) -> merged(finished).write(into));
  }

  /** A file for llama.cpp, as {@link #adapter}. */
  public void gguf(String run, Path folder, Precision precision, Card card, boolean json) {
    export(
        run,
        folder,
        ModelCard.Form.GGUF,
        card,
        json,
        (finished, into) -> {
          String name = finished.history().declared().orElseThrow().name();
          GgufExport.write(
              merged(finished), name, precision, into.resolve(name + "." + precision + ".gguf"));
        });
  }

  private static MergedModel merged(FinishedRun finished) throws IOException {
    ModelImporter.requireUnchanged(finished.model());
    return MergedModel.of(finished.model(), finished.adapter());
  }

  private interface Contents {
    void write(FinishedRun finished, Path into) throws IOException;
  }

  private void export(
      String run, Path folder, ModelCard.Form form, Card card, boolean json, Contents files) {
    FinishedRun finished = FinishedRun.open(workspace, run);
    String text = ModelCard.of(finished.history(), form, card.licence(), card.use());
    Path target = folder.toAbsolutePath().normalize();
    requireFree(target, folder);
    try {
      Files.createDirectories(target.getParent());
      Path staged = Files.createTempDirectory(target.getParent(), ".exporting-");
      try {
        files.write(finished, staged);
        Files.write(staged.resolve(CARD), text.getBytes(StandardCharsets.UTF_8));
        Files.setPosixFilePermissions(
            staged, java.nio.file.attribute.PosixFilePermissions.fromString("rwxr-xr-x"));
        SortedMap<String, Sha256> manifest = manifest(staged);
        Files.deleteIfExists(target);
        Files.move(staged, target, StandardCopyOption.ATOMIC_MOVE);
        say(folder, manifest, json);
      } finally {
        Scratch.delete(staged);
      }
    } catch (IOException e) {
      throw InvalidInputException.notWritable("--to " + folder, e, "Give a folder that can be.");
    }
  }

  private static void requireFree(Path target, Path asGiven) {
    try (Stream<Path> there = Files.exists(target) ? Files.list(target) : Stream.empty()) {
      if (there.findAny().isEmpty()) {
        return;
      }
    } catch (IOException e) {
      throw InvalidInputException.notWritable("--to " + asGiven, e, "Give a new folder.");
    }
    throw InvalidInputException.of(
        ErrorCode.OUTPUT_EXISTS,
        "--to " + asGiven,
        "is there already, and not empty.",
        "Give a new folder.");
  }

  private static SortedMap<String, Sha256> manifest(Path exported) throws IOException {
    SortedMap<String, Sha256> manifest = new TreeMap<>();
    try (Stream<Path> files = Files.list(exported)) {
      for (Path file : (Iterable<Path>) files::iterator) {
        manifest.put(file.getFileName().toString(), Sha256.of(file));
      }
    }
    return manifest;
  }

  private static void say(Path folder, SortedMap<String, Sha256> manifest, boolean json) {
    if (json) {
      Map<String, String> hex = new TreeMap<>();
      manifest.forEach((name, sha256) -> hex.put(name, sha256.hex()));
      System.out.println(Json.write(Map.of("folder", folder.toString(), "sha256", hex)));
      return;
    }
    System.out.println(folder);
    manifest.forEach((name, sha256) -> System.out.println("  " + sha256.hex() + "  " + name));
  }
}
