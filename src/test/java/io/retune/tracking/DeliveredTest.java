package io.retune.tracking;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.retune.store.Sha256;
import io.retune.tracking.TrackedRun.Artifact;
import io.retune.tracking.TrackedRun.LoggedModel;
import io.retune.tracking.TrackedRun.Metric;
import io.retune.tracking.TrackedRun.Metrics;
import io.retune.tracking.TrackedRun.Parcel;
import io.retune.tracking.TrackedRun.Registration;
import io.retune.tracking.TrackedRun.Status;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DeliveredTest {
  private static final Instant NOW = Instant.parse("2026-11-01T10:00:00Z");

  static TrackedRun run(String summary, List<Metric> metrics, Artifact... artifacts) {
    boolean modelled = artifacts.length > 1;
    return new TrackedRun(
        "r1",
        "e",
        "name",
        summary,
        NOW,
        modelled ? Optional.of(NOW) : Optional.empty(),
        modelled ? Status.FINISHED : Status.RUNNING,
        new TreeMap<>(),
        new TreeMap<>(),
        Metrics.of(metrics),
        List.of(),
        List.of(artifacts),
        modelled
            ? Optional.of(
                new LoggedModel("model", Optional.of(new Registration("m", Optional.of("best")))))
            : Optional.empty());
  }

  private static Artifact file(String path, String content) {
    return new Artifact(path, Path.of(path), Sha256.of(content));
  }

  private static Delivery delivery(
      String server, String mlflowRun, Delivery.Kind kind, String item, long through, Sha256 sum) {
    return new Delivery("r1", server, "1", mlflowRun, kind, item, through, 1, sum, NOW);
  }

  private static List<Delivery> all(TrackedRun run, String mlflowRun) {
    List<Delivery> all = new ArrayList<>();
    for (Parcel parcel : run.parcels()) {
      all.add(delivery("s", mlflowRun, parcel.kind(), parcel.item(), 0, parcel.sha256()));
    }
    return all;
  }

  private static Metric metric(long entry) {
    return new Metric(entry, "loss", entry, 1, 0.5);
  }

  @Test
  void aFinishedRunIsSentInThisOrder() {
    TrackedRun run =
        run("", List.of(), file("report.html", "a"), file("model/b", "b"), file("model/a", "c"));
    assertThat(Delivered.NONE.missing(run).orElseThrow().items())
        .containsExactly(
            "tags",
            "artifact report.html",
            "artifact SHA256SUMS",
            "model-file model/b",
            "model-file model/a",
            "model-file model/SHA256SUMS",
            "model model",
            "version m",
            "alias m@best",
            "status");
    assertThat(run.manifest("model/"))
        .isEqualTo(Sha256.of("c") + "  a\n" + Sha256.of("b") + "  b\n");
    assertThat(run.manifest("")).isEqualTo(Sha256.of("a") + "  report.html\n");
  }

  @Test
  void whatWasAcknowledgedIsNotMissingUntilItChanges() {
    TrackedRun run = run("", List.of(), file("report.html", "a"));
    Delivered delivered = Delivered.of(all(run, "x"));
    assertThat(delivered.missing(run)).isEmpty();
    assertThat(delivered.missing(run("new", List.of(), file("report.html", "a"))))
        .hasValueSatisfying(missing -> assertThat(missing).hasToString("tags"));
    assertThat(delivered.missing(run("", List.of(), file("report.html", "b"))))
        .hasValueSatisfying(
            missing ->
                assertThat(missing).hasToString("artifact report.html, artifact SHA256SUMS"));
  }

  @Test
  void pointsAreMissingBehindTheLastEntryThatIsThere() {
    TrackedRun run = run("", List.of(metric(1), metric(2), metric(2), metric(5)));
    Delivered delivered =
        Delivered.of(
            List.of(
                delivery("s", "x", Delivery.Kind.METRICS, "", 2, Sha256.of("")),
                delivery("s", "x", Delivery.Kind.METRICS, "", 1, Sha256.of(""))));
    assertThat(delivered.missingMetrics(run)).containsExactly(metric(5));
    assertThat(delivered.missing(run).orElseThrow()).hasToString("1 metric points, status, tags");
  }

  @Test
  void onlyTheLastAddresseeCounts() {
    TrackedRun run = run("", List.of(), file("report.html", "a"));
    List<Delivery> deliveries = new ArrayList<>(all(run, "x"));
    deliveries.addAll(all(run, "y").subList(0, 2));
    Delivered delivered = Delivered.of(deliveries);
    assertThat(delivered.mlflowRun()).contains("y");
    assertThat(delivered.missing(run).orElseThrow().items())
        .containsExactly("artifact report.html", "artifact SHA256SUMS");
    assertThat(delivered.on("elsewhere", "r1")).isSameAs(Delivered.NONE);
    assertThat(delivered.on("s", "r2")).isSameAs(Delivered.NONE);
    assertThat(delivered.on("s", "r1")).isSameAs(delivered);
  }

  @Test
  void aRunHasOneStatusAndEachChangeOfItIsSent() {
    TrackedRun running = run("", List.of());
    TrackedRun failed = status(running, Status.FAILED);
    Delivered delivered = Delivered.of(all(running, "x"));
    assertThat(delivered.missing(failed).orElseThrow().items()).containsExactly("status");
    Delivered ended = Delivered.of(all(failed, "x"));
    assertThat(ended.missing(running).orElseThrow().items()).containsExactly("status");
    assertThat(Delivery.Kind.of("end")).isEqualTo(Delivery.Kind.STATUS);
    assertThat(Delivery.Kind.of("model-file")).isEqualTo(Delivery.Kind.MODEL_FILE);
  }

  private static TrackedRun status(TrackedRun run, Status status) {
    return TrackedRunCopy.withStatus(run, status, Optional.of(NOW));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "/a",
        "a/",
        "a//b",
        "../a",
        "a/./b",
        "a b",
        "%41",
        "a\\b",
        "SHA256SUMS",
        "a/SHA256SUMS"
      })
  void aPathThatMlflowWouldReadOtherwiseIsRefused(String path) {
    assertThatThrownBy(() -> file(path, ""))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("Not the path of an artifact: " + path);
  }

  @Test
  void nonsenseIsRefused() {
    assertThatThrownBy(() -> run("", List.of(metric(2), metric(1))))
        .hasMessage("Metrics are in the order of their entries");
    assertThatThrownBy(() -> run("", List.of(), file("a", ""), file("b", "")))
        .hasMessage("A model has files: model");
    assertThatThrownBy(() -> run("", List.of(), file("model/a", ""), file("model/a", "")))
        .hasMessage("Twice in a run: model/a");
  }
}
