package io.retune.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.retune.collective.Attempt;
import io.retune.config.TrainSpec;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;

class EventServerTest {
  private final Attempt attempt = Attempt.start("run", 1);
  private final List<RankEvent> taken = new CopyOnWriteArrayList<>();

  @Test
  void everyEventArrivesAsItWasAndIsTakenBeforeTheRankGoesOn() throws Exception {
    try (EventServer server = new EventServer(attempt, taken::add);
        EventServer.Sender sender = new EventServer.Sender(task(attempt, server))) {
      RankEvent.Started started =
          new RankEvent.Started(
              List.of(
                  new RankEvent.Rank("127.0.0.1", 77, 2, Machine.probe(), List.of("0")),
                  new RankEvent.Rank("b", 78, 1, Machine.probe(), List.of("0"))),
              new TreeMap<>(java.util.Map.of("torch", "2.7.1", "précision", "float32 \"x\"")),
              "ab".repeat(32));
      sender.send(started);
      assertThat(taken).containsExactly(started);

      EvaluationRecord evaluation =
          new EvaluationRecord(3, new double[] {0.1, 1e-300, -0.0, 4.506}, 12);
      sender.send(new RankEvent.Evaluated(evaluation));
      EvaluationRecord arrived = ((RankEvent.Evaluated) taken.get(1)).evaluation();
      assertThat(arrived.step()).isEqualTo(3);
      assertThat(arrived.lossSums()).containsExactly(0.1, 1e-300, -0.0, 4.506);

      RankEvent.Checkpointed checkpointed =
          new RankEvent.Checkpointed(
              new CheckpointRecord(8, "runs/r/checkpoints/step-000008", "cd".repeat(32), 99, 5));
      sender.send(checkpointed);
      RankEvent.Finished finished = new RankEvent.Finished("ef".repeat(16));
      sender.send(finished);
      assertThat(taken).hasSize(4).endsWith(checkpointed, finished);
      assertThat(server.failure()).isEmpty();
    }
  }

  @Test
  void whenTheConsumerRefusesAnEventTheRankStopsAndTheDriverKnowsWhy() throws Exception {
    IllegalStateException full = new IllegalStateException("the disk is full");
    try (EventServer server =
            new EventServer(
                attempt,
                event -> {
                  if (event instanceof RankEvent.Finished) {
                    throw full;
                  }
                  taken.add(event);
                });
        EventServer.Sender sender = new EventServer.Sender(task(attempt, server))) {
      sender.send(new RankEvent.Checkpointed(new CheckpointRecord(1, "p", "s", 1, 1)));

      assertThatThrownBy(() -> sender.send(new RankEvent.Finished("digest")))
          .isInstanceOf(UncheckedIOException.class)
          .hasMessageContaining("The connection to the driver is lost");
      assertThat(server.failure()).containsSame(full);
      assertThat(taken).hasSize(1);
    }
  }

  /** What ended the attempt is the rank's death, and the stage tells that itself. */
  @Test
  void aRankThatDiesIsNoRefusalOfTheConsumer() throws Exception {
    try (EventServer server = new EventServer(attempt, taken::add)) {
      EventServer.Sender sender = new EventServer.Sender(task(attempt, server));
      sender.send(new RankEvent.Checkpointed(new CheckpointRecord(1, "p", "s", 1, 1)));
      sender.close();
      Thread.sleep(300);

      assertThat(server.failure()).isEmpty();
    }
  }

  @Test
  void aRankOfAnEarlierAttemptCannotReport() throws Exception {
    Attempt earlier = new Attempt("run", 0, attempt.secret());
    try (EventServer server = new EventServer(attempt, taken::add)) {
      assertThatThrownBy(() -> new EventServer.Sender(task(earlier, server)))
          .isInstanceOf(java.io.IOException.class);
      try (EventServer.Sender sender = new EventServer.Sender(task(attempt, server))) {
        sender.send(new RankEvent.Finished("digest"));
      }
      assertThat(taken).containsExactly(new RankEvent.Finished("digest"));
    }
  }

  @Test
  void closingEndsTheWaitForARankThatNeverCalls() throws Exception {
    EventServer server = new EventServer(attempt, taken::add);
    Thread.sleep(100);
    long start = System.nanoTime();
    server.close();

    assertThat((System.nanoTime() - start) / 1_000_000).isLessThan(2000L);
    assertThat(server.failure()).isEmpty();
  }

  private static TrainingTask task(Attempt attempt, EventServer server) {
    TrainSpec train =
        new TrainSpec(
            1,
            new TrainSpec.Lora(1, 1, List.of("q_proj")),
            new TrainSpec.AdamW(1, 0.9, 0.999, 1e-8, 0),
            new TrainSpec.Schedule(TrainSpec.Schedule.Shape.CONSTANT, 0),
            1,
            0,
            0);
    return new TrainingTask(
        attempt, "store", "cache", "model", "plan", train, 0, 1, "127.0.0.1", server.port());
  }
}
