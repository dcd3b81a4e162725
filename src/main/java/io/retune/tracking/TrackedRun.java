package io.retune.tracking;

import io.retune.store.Json;
import io.retune.store.Sha256;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * All that MLflow is to show of a run, as it stands now. A later value of the same run says at
 * least what an earlier one said: metrics and params are only added to. Everything in it is fixed
 * when it is made, times too, so that sending it again changes nothing.
 *
 * @param run our own name of the run, letters, digits and {@code . _ -}
 * @param experiment MLflow's experiment, made when it is missing
 * @param summary Markdown that heads the run's page; what is longer than {@link
 *     Limits#TAG_CHARACTERS} is cut
 * @param ended empty: it goes on
 * @param tags shown as they are; what is too long is cut
 * @param params shown by {@link Limits}; resending an equal value is harmless, another value for a
 *     key is refused by the server
 * @param artifacts files, by path on the page; distinct
 * @param model the files under one folder of the artifacts, as a model of MLflow's
 */
public record TrackedRun(
    String run,
    String experiment,
    String name,
    String summary,
    Instant started,
    Optional<Instant> ended,
    Status status,
    SortedMap<String, String> tags,
    SortedMap<String, String> params,
    Metrics metrics,
    List<DatasetInput> inputs,
    List<Artifact> artifacts,
    Optional<LoggedModel> model) {

  /** As MLflow names them. */
  public enum Status {
    RUNNING,
    FINISHED,
    FAILED,
    KILLED
  }

  /**
   * One point of a curve. MLflow tells points apart by all of key, step, time and value: an equal
   * point is there once, however often it is sent. It keeps NaN; infinity becomes the largest
   * double.
   *
   * @param entry of the journal, which the point comes from
   */
  public record Metric(long entry, String key, long step, long timestampMs, double value) {}

  /** Points of curves, made when they are asked for: a long run has millions. */
  public interface Metrics {
    /** Those of entries behind {@code entry}, in the order of their entries. */
    List<Metric> behind(long entry);

    /** The largest step that a point is at; 0 when there is none. */
    long lastStep();

    /** Few points, in the order of their entries. */
    static Metrics of(List<Metric> points) {
      for (int i = 1; i < points.size(); i++) {
        if (points.get(i).entry() < points.get(i - 1).entry()) {
          throw new IllegalArgumentException("Metrics are in the order of their entries");
        }
      }
      List<Metric> all = List.copyOf(points);
      return new Metrics() {
        @Override
        public List<Metric> behind(long entry) {
          return all.stream().filter(point -> point.entry() > entry).toList();
        }

        @Override
        public long lastStep() {
          return all.stream().mapToLong(Metric::step).max().orElse(0);
        }
      };
    }
  }

  /**
   * Rows that the run read. MLflow tells them apart by name and digest.
   *
   * @param digest at most 36 characters
   * @param source JSON that names a Delta table and its version
   * @param schema JSON
   * @param profile JSON
   * @param context {@code training}, {@code evaluation}
   */
  public record DatasetInput(
      String name,
      String digest,
      String source,
      Optional<String> schema,
      Optional<String> profile,
      String context) {
    private static final int DIGEST_CHARACTERS = 36;

    public DatasetInput {
      if (digest.isEmpty() || digest.length() > DIGEST_CHARACTERS) {
        throw new IllegalArgumentException(
            "A dataset's digest has 1 to " + DIGEST_CHARACTERS + " characters: " + digest);
      }
    }
  }

  /**
   * @param path folders and name, letters, digits and {@code . _ -} each: MLflow decodes names
   *     twice
   * @param sha256 of the file; if it is another when the file is sent, nothing is published
   */
  public record Artifact(String path, Path file, Sha256 sha256) {
    public Artifact {
      boolean named =
          Arrays.stream(path.split("/", -1))
              .allMatch(name -> name.matches("[A-Za-z0-9._-]+") && !name.matches("\\.+"));
      if (!named || path.equals(MANIFEST) || path.endsWith("/" + MANIFEST)) {
        throw new IllegalArgumentException("Not the path of an artifact: " + path);
      }
    }
  }

  /**
   * @param name of the model and of its folder: {@code runs:/RUN/NAME} finds its files
   * @param registration empty: it is not registered
   */
  public record LoggedModel(String name, Optional<Registration> registration) {
    public LoggedModel {
      if (!name.matches("[A-Za-z0-9_-]+")) {
        throw new IllegalArgumentException("Not the name of a logged model: " + name);
      }
    }
  }

  /** A version of a registered model, with an alias that is moved to it once. */
  public record Registration(String registeredModel, Optional<String> alias) {}

  /**
   * Name of the list of a folder's digests, which is published beside its files: {@code sha256sum
   * -c SHA256SUMS} checks a download.
   */
  public static final String MANIFEST = "SHA256SUMS";

  public TrackedRun {
    tags = unmodifiable(tags);
    params = unmodifiable(params);
    inputs = List.copyOf(inputs);
    artifacts = List.copyOf(artifacts);
    if (!run.matches("[A-Za-z0-9._-]+")) {
      throw new IllegalArgumentException("Not the name of a run: " + run);
    }
    if (ended.isPresent() == (status == Status.RUNNING)) {
      throw new IllegalArgumentException("A run has an end or goes on: " + status);
    }
    if (model.isPresent() && ofModel(artifacts, model).findAny().isEmpty()) {
      throw new IllegalArgumentException("A model has files: " + model.get().name());
    }
    requireDistinct(artifacts.stream().map(Artifact::path).toList());
    requireDistinct(inputs.stream().map(i -> i.name() + " " + i.digest()).toList());
  }

  private static SortedMap<String, String> unmodifiable(SortedMap<String, String> map) {
    return Collections.unmodifiableSortedMap(new TreeMap<>(map));
  }

  private static void requireDistinct(List<String> names) {
    Set<String> seen = new HashSet<>();
    for (String name : names) {
      if (!seen.add(name)) {
        throw new IllegalArgumentException("Twice in a run: " + name);
      }
    }
  }

  /** What there is to send besides the metrics, in the order in which it is sent. */
  List<Parcel> parcels() {
    List<Parcel> parcels = new ArrayList<>();
    parcels.add(Parcel.of(Delivery.Kind.TAGS, "", shownTags()));
    if (!params.isEmpty()) {
      parcels.add(Parcel.of(Delivery.Kind.PARAMS, "", params));
    }
    if (!inputs.isEmpty()) {
      parcels.add(
          new Parcel(Delivery.Kind.INPUTS, "", inputs.size(), Sha256.of(inputs.toString())));
    }
    addFiles(parcels, Delivery.Kind.ARTIFACT, "");
    model.ifPresent(logged -> addModel(parcels, logged));
    parcels.add(ended.isPresent() ? parcels.size() : 0, statusParcel());
    return parcels;
  }

  /** That a run goes on is known first, that it is over behind all it left. */
  private Parcel statusParcel() {
    SortedMap<String, String> said = new TreeMap<>(Map.of("status", status.name()));
    ended.ifPresent(at -> said.put("at", at.toString()));
    return Parcel.of(Delivery.Kind.STATUS, "", said);
  }

  private void addModel(List<Parcel> parcels, LoggedModel logged) {
    addFiles(parcels, Delivery.Kind.MODEL_FILE, logged.name() + "/");
    Sha256 files = Sha256.of(manifest(logged.name() + "/"));
    parcels.add(new Parcel(Delivery.Kind.MODEL, logged.name(), 1, files));
    logged
        .registration()
        .ifPresent(
            registration -> {
              String name = registration.registeredModel();
              parcels.add(new Parcel(Delivery.Kind.VERSION, name, 1, files));
              registration
                  .alias()
                  .ifPresent(
                      alias ->
                          parcels.add(
                              new Parcel(Delivery.Kind.ALIAS, name + "@" + alias, 1, files)));
            });
  }

  private void addFiles(List<Parcel> parcels, Delivery.Kind kind, String folder) {
    List<Artifact> files = files(folder);
    files.forEach(file -> parcels.add(new Parcel(kind, file.path(), 1, file.sha256())));
    if (!files.isEmpty()) {
      parcels.add(new Parcel(kind, folder + MANIFEST, 1, Sha256.of(manifest(folder))));
    }
  }

  private static Stream<Artifact> ofModel(List<Artifact> artifacts, Optional<LoggedModel> model) {
    return artifacts.stream()
        .filter(file -> model.filter(m -> file.path().startsWith(m.name() + "/")).isPresent());
  }

  /** The model's files, for its folder; for the empty folder, all the others. */
  List<Artifact> files(String folder) {
    List<Artifact> ofModel = ofModel(artifacts, model).toList();
    return folder.isEmpty()
        ? artifacts.stream().filter(file -> !ofModel.contains(file)).toList()
        : ofModel;
  }

  /** What {@code sha256sum} prints in that folder. */
  String manifest(String folder) {
    StringBuilder lines = new StringBuilder();
    files(folder).stream()
        .sorted(Comparator.comparing(Artifact::path))
        .forEach(
            file ->
                lines
                    .append(file.sha256())
                    .append("  ")
                    .append(file.path().substring(folder.length()))
                    .append('\n'));
    return lines.toString();
  }

  /** All tags, by MLflow's own names where it has one. */
  SortedMap<String, String> shownTags() {
    SortedMap<String, String> shown = new TreeMap<>(tags);
    shown.put("mlflow.runName", name);
    shown.put("retune.run", run);
    if (!summary.isEmpty()) {
      shown.put("mlflow.note.content", summary);
    }
    return shown;
  }

  /**
   * Something that is sent as a whole.
   *
   * @param count of the things in it
   * @param sha256 of its content
   */
  record Parcel(Delivery.Kind kind, String item, long count, Sha256 sha256) {
    static Parcel of(Delivery.Kind kind, String item, Map<String, String> values) {
      return new Parcel(kind, item, values.size(), Sha256.of(Json.write(values)));
    }
  }
}
