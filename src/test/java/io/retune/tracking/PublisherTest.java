package io.retune.tracking;

import static io.retune.tracking.Answers.answer;
import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class PublisherTest {
  private static final Duration LONG = Duration.ofMinutes(2);
  private static final TrackedRun RUN = DeliveredTest.run("", List.of());

  private static Publisher publisher(Answers server) {
    return Publisher.start(
        new Mlflow(Sites.at(server.uri(), LONG, LONG), Map.of()), Delivered.NONE, delivery -> {});
  }

  private static void requireMissing(Optional<Missing> missing) {
    assertThat(missing.orElseThrow().items()).containsExactly("status", "tags");
    assertThat(missing.orElseThrow().points()).isZero();
  }

  @Test
  void nobodyWaitsForAServerThatRefuses() {
    try (Answers server = Answers.of(answer(403, "no"))) {
      Publisher publisher = publisher(server);
      publisher.offer(RUN);
      long begun = System.nanoTime();
      Optional<Missing> missing = publisher.close(LONG);
      requireMissing(missing);
      assertThat(missing.orElseThrow().toString())
          .startsWith("status, tags (MLflow at " + server.uri() + ": refuses: status 403, no.")
          .contains("mlflow.credentials");
      assertThat(Duration.ofNanos(System.nanoTime() - begun)).isLessThan(Duration.ofSeconds(20));
      assertThat(publisher.page()).isEmpty();
    }
  }

  @Test
  void aServerThatDoesNotAnswerIsWaitedForAsLongAsWasSaid() {
    try (Answers server = Answers.of(exchange -> {})) {
      Publisher publisher = publisher(server);
      publisher.offer(RUN);
      long begun = System.nanoTime();
      requireMissing(publisher.close(Duration.ofMillis(500)));
      assertThat(Duration.ofNanos(System.nanoTime() - begun))
          .isBetween(Duration.ofMillis(500), Duration.ofSeconds(5));
      assertThat(
              Thread.getAllStackTraces().keySet().stream()
                  .filter(thread -> thread.getName().equals("retune-tracking")))
          .as("threads left behind")
          .isEmpty();
    }
  }

  @Test
  void whoWasOfferedNothingIsClosedAtOnce() {
    try (Answers server = Answers.of(answer(200, "{}"))) {
      assertThat(publisher(server).close(LONG)).isEmpty();
      assertThat(server.asked()).isEmpty();
    }
  }
}
