package io.retune.tracking;

import io.retune.config.ErrorCode;
import io.retune.store.Sha256;
import io.retune.tracking.Calls.Model;
import io.retune.tracking.Calls.Version;
import io.retune.tracking.TrackedRun.Artifact;
import io.retune.tracking.TrackedRun.Metric;
import io.retune.tracking.TrackedRun.Parcel;
import io.retune.tracking.TrackedRun.Registration;
import java.net.URI;
import java.time.Instant;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.mlflow.api.proto.Service;

/**
 * The sending of what one MLflow run does not have yet. Its end comes last, and comes though the
 * server refuses something before it.
 */
final class Delivering {
  private static final String MANIFEST_TAG = "retune.artifacts.sha256";

  /** In the order in which each is built on those before it. */
  private static final Set<Delivery.Kind> MODEL =
      EnumSet.range(Delivery.Kind.MODEL_FILE, Delivery.Kind.ALIAS);

  private final Http http;
  private final Calls calls;
  private final Mlflow.Addressee addressee;
  private final Consumer<Delivery> acknowledged;
  private final Set<Delivery.Kind> refused = EnumSet.noneOf(Delivery.Kind.class);
  private Optional<MlflowRefusedException> refusal = Optional.empty();
  private Delivered delivered;
  private long count;

  Delivering(
      Http http,
      Calls calls,
      Mlflow.Addressee addressee,
      Delivered delivered,
      Consumer<Delivery> acknowledged) {
    this.http = http;
    this.calls = calls;
    this.addressee = addressee;
    this.delivered = delivered;
    this.acknowledged = acknowledged;
  }

  /** What has been acknowledged by now. */
  Delivered delivered() {
    return delivered;
  }

  /** How many things were acknowledged to this. */
  long count() {
    return count;
  }

  /**
   * @param isKept asked before anything is sent that outlives the run, and before its end
   * @throws MlflowRefusedException if it is not kept; behind all the rest, what was refused first
   */
  void send(TrackedRun run, BooleanSupplier isKept) {
    List<Parcel> parcels = run.parcels().stream().filter(parcel -> !delivered.has(parcel)).toList();
    List<Parcel> head = parcels.stream().filter(parcel -> heads(run, parcel)).toList();
    head.forEach(parcel -> attempt(run, parcel));
    sendMetrics(run);
    Delivery.Kind previous = Delivery.Kind.METRICS;
    for (Parcel parcel : parcels.subList(head.size(), parcels.size())) {
      if (outlives(parcel) && parcel.kind() != previous && !isKept.getAsBoolean()) {
        throw MlflowRefusedException.of(
            ErrorCode.TRACKING_REFUSES,
            http.server(),
            "has another run of " + run.run(),
            "Publish it again.");
      }
      attempt(run, parcel);
      previous = parcel.kind();
    }
    refusal.ifPresent(
        e -> {
          throw e;
        });
  }

  /** What is refused keeps from the server what is built on it, and nothing else. */
  private void attempt(TrackedRun run, Parcel parcel) {
    if (isBuiltOnOneOf(refused, parcel.kind())) {
      return;
    }
    try {
      send(run, parcel);
    } catch (MlflowRefusedException e) {
      refused.add(parcel.kind());
      refusal = refusal.or(() -> Optional.of(e));
    }
  }

  /** A model is ready when its files are there, a version is of a model, an alias of a version. */
  private static boolean isBuiltOnOneOf(Set<Delivery.Kind> refused, Delivery.Kind kind) {
    return switch (kind) {
      case MODEL, VERSION, ALIAS ->
          refused.stream().anyMatch(before -> MODEL.contains(before) && before.compareTo(kind) < 0);
      case TAGS, PARAMS, INPUTS, METRICS, ARTIFACT, MODEL_FILE, STATUS -> false;
    };
  }

  /** Whether others would still see it when the run has been removed. */
  private static boolean outlives(Parcel parcel) {
    return switch (parcel.kind()) {
      case MODEL_FILE, MODEL, VERSION, ALIAS, STATUS -> true;
      case TAGS, PARAMS, INPUTS, METRICS, ARTIFACT -> false;
    };
  }

  /** Whether it is on the page before any curve. */
  private static boolean heads(TrackedRun run, Parcel parcel) {
    return switch (parcel.kind()) {
      case TAGS, PARAMS, INPUTS -> true;
      case STATUS -> run.ended().isEmpty();
      case METRICS, ARTIFACT, MODEL_FILE, MODEL, VERSION, ALIAS -> false;
    };
  }

  private void send(TrackedRun run, Parcel parcel) {
    switch (parcel.kind()) {
      case TAGS -> sendTags(run.shownTags());
      case PARAMS -> sendParams(run.params());
      case INPUTS -> calls.logInputs(addressee.id(), run.inputs());
      case ARTIFACT -> sendFile(run, parcel, "", addressee.artifactUri());
      case MODEL_FILE ->
          sendFile(run, parcel, modelName(run) + "/", model(modelName(run)).artifactUri());
      case MODEL -> finish(model(parcel.item()), run);
      case VERSION -> version(parcel.item(), model(modelName(run)));
      case ALIAS -> setAlias(run);
      case STATUS -> calls.setStatus(addressee.id(), run.status(), run.ended());
      case METRICS -> throw new IllegalStateException("Metrics are no parcel");
    }
    acknowledge(parcel.kind(), parcel.item(), 0, parcel.count(), parcel.sha256());
  }

  private void acknowledge(
      Delivery.Kind kind, String item, long through, long things, Sha256 sha256) {
    Delivery delivery =
        new Delivery(
            addressee.run(),
            http.server(),
            addressee.experiment(),
            addressee.id(),
            kind,
            item,
            through,
            things,
            sha256,
            Instant.now());
    acknowledged.accept(delivery);
    delivered = delivered.and(delivery);
    count++;
  }

  private void sendTags(SortedMap<String, String> tags) {
    SortedMap<String, String> shown = new TreeMap<>();
    tags.forEach((key, value) -> shown.put(Limits.key(key), Limits.tag(value)));
    for (List<Map.Entry<String, String>> batch : batches(shown)) {
      calls.logBatch(addressee.id(), null, null, batch.stream().map(Delivering::tag).toList());
    }
  }

  /** Apart from everything else: a value that differs from an earlier one fails the whole batch. */
  private void sendParams(SortedMap<String, String> params) {
    SortedMap<String, String> shown = new TreeMap<>();
    params.forEach((key, value) -> shown.put(Limits.key(key), Limits.param(value)));
    for (List<Map.Entry<String, String>> batch : batches(shown)) {
      calls.logBatch(addressee.id(), null, batch.stream().map(Delivering::param).toList(), null);
    }
  }

  private static List<List<Map.Entry<String, String>>> batches(SortedMap<String, String> texts) {
    return Limits.batches(
        texts.entrySet(),
        Limits.TEXTS_PER_BATCH,
        entry -> entry.getKey().length() + entry.getValue().length());
  }

  private static Service.RunTag tag(Map.Entry<String, String> tag) {
    return Service.RunTag.newBuilder().setKey(tag.getKey()).setValue(tag.getValue()).build();
  }

  private static Service.Param param(Map.Entry<String, String> param) {
    return Service.Param.newBuilder().setKey(param.getKey()).setValue(param.getValue()).build();
  }

  /** An entry counts as there when the last of its points is. */
  private void sendMetrics(TrackedRun run) {
    List<Metric> missing = delivered.missingMetrics(run);
    int sent = 0;
    for (List<Metric> batch :
        Limits.batches(missing, Limits.METRICS_PER_BATCH, metric -> metric.key().length())) {
      calls.logBatch(addressee.id(), batch.stream().map(Delivering::point).toList(), null, null);
      sent += batch.size();
      long last = batch.get(batch.size() - 1).entry();
      boolean whole = sent == missing.size() || missing.get(sent).entry() > last;
      acknowledge(
          Delivery.Kind.METRICS,
          "",
          whole ? last : last - 1,
          batch.size(),
          Sha256.of(batch.toString()));
    }
  }

  private static Service.Metric point(Metric metric) {
    return Service.Metric.newBuilder()
        .setKey(Limits.key(metric.key()))
        .setStep(metric.step())
        .setTimestamp(metric.timestampMs())
        .setValue(metric.value())
        .build();
  }

  private void sendFile(TrackedRun run, Parcel parcel, String folder, String uri) {
    String path = parcel.item().substring(folder.length());
    if (!path.equals(TrackedRun.MANIFEST)) {
      Artifact file =
          run.files(folder).stream()
              .filter(artifact -> artifact.path().equals(parcel.item()))
              .findFirst()
              .orElseThrow();
      calls.put(served(uri) + "/" + path, Upload.Content.of(file.file(), file.sha256()));
      return;
    }
    calls.put(served(uri) + "/" + path, Upload.Content.of(path, run.manifest(folder)));
    if (folder.isEmpty()) {
      calls.setTag(addressee.id(), MANIFEST_TAG, parcel.sha256().hex());
    }
  }

  /** The folder that the server itself stores files in, which {@code mlflow-artifacts:/} names. */
  private String served(String uri) {
    URI parsed = URI.create(uri);
    if (!"mlflow-artifacts".equals(parsed.getScheme())) {
      throw MlflowRefusedException.of(
          ErrorCode.TRACKING_REFUSES,
          http.server(),
          "does not take artifacts itself (it names a folder " + parsed.getScheme() + ":)",
          "Start it with --serve-artifacts and --artifacts-destination; the experiment must be made after that.");
    }
    return parsed.getRawPath().replaceAll("^/+|/+$", "");
  }

  private static String modelName(TrackedRun run) {
    return run.model().orElseThrow().name();
  }

  private Model model(String name) {
    return first(
        Mlflow.findOrMake(
            http,
            () -> calls.models(addressee.experiment(), addressee.id(), name),
            () -> calls.createModel(addressee.experiment(), addressee.id(), name)),
        calls::delete);
  }

  /**
   * Two publishers at once may make two, of which whoever made the later one sees both: all keep
   * the first and remove the others.
   */
  private static <T> T first(List<T> made, Consumer<T> remove) {
    made.stream().skip(1).forEach(remove);
    return made.get(0);
  }

  private void finish(Model model, TrackedRun run) {
    calls.finish(model);
    Mlflow.findOrMake(
        http,
        () -> calls.outputs(addressee.id()).stream().filter(model.id()::equals).toList(),
        () -> calls.addOutput(addressee.id(), model, run.metrics().lastStep()));
  }

  private Version version(String name, Model model) {
    return registering(
        "the registered model \"" + name + "\" (tracking.mlflow.registered-model)",
        () -> {
          Mlflow.findOrMake(
              http,
              () -> calls.registeredModel(name).stream().toList(),
              () -> calls.createRegisteredModel(name));
          return first(
              Mlflow.findOrMake(
                  http,
                  () -> calls.versions(name, addressee.id(), model),
                  () -> calls.createVersion(name, addressee.id(), model)),
              later -> calls.delete(name, later));
        });
  }

  /** Whose names the site gives: what is refused of them is changed there. */
  private <T> T registering(String what, Supplier<T> request) {
    try {
      return request.get();
    } catch (MlflowRefusedException e) {
      throw e.isAboutTheRequest()
          ? e.withRemedy(
              "Name another in the site in place of "
                  + what
                  + ", then `./retune sync RUN` sends what is missing.")
          : e;
    }
  }

  private void setAlias(TrackedRun run) {
    Registration registration =
        run.model().flatMap(TrackedRun.LoggedModel::registration).orElseThrow();
    Optional<String> alias = registration.alias();
    String name = registration.registeredModel();
    Version version = version(name, model(modelName(run)));
    registering(
        "the alias \"" + alias.orElseThrow() + "\" (tracking.mlflow.alias)",
        () -> {
          calls.setAlias(name, alias.get(), version);
          return version;
        });
  }
}
