package io.retune.job;

import static org.assertj.core.api.Assertions.assertThat;

import io.retune.train.GradientDigest;
import io.retune.train.StepRecord;
import java.util.List;
import org.junit.jupiter.api.Test;

class PaceTest {
  private static StepRecord step(int step, double loss) {
    return step(step, loss, 1000);
  }

  private static StepRecord step(int step, double loss, long wallMs) {
    return new StepRecord(
        step,
        loss,
        1e-3,
        1,
        1,
        200,
        50,
        List.of(),
        GradientDigest.of(List.of()),
        0,
        0,
        0,
        0,
        0,
        wallMs,
        0);
  }

  @Test
  void theRestIsReckonedAtTheSpeedSoFar() {
    Pace pace = new Pace(4, 800);
    pace.add(step(1, 4));
    pace.add(step(2, 3));
    assertThat(pace.line(true)).isEqualTo("step 2/4  loss 3.0000 █▁  200 tokens/s  0:02 left");
    assertThat(pace.line(false)).isEqualTo("step 2/4  loss 3.0000  200 tokens/s  0:02 left");
  }

  @Test
  void aStepThatIsDoneAgainIsNoProgress() {
    Pace pace = new Pace(4, 800);
    pace.add(step(1, 4));
    pace.add(step(2, 3));
    pace.add(step(2, 3));
    assertThat(pace.secondsLeft()).isEqualTo(2);
    assertThat(pace.sparkline(20)).isEqualTo("█▁");
  }

  @Test
  void stepsThatAreDoneAgainAreStillToDo() {
    Pace pace = new Pace(4, 800);
    pace.add(step(1, 4));
    pace.add(step(2, 3));
    pace.add(step(3, 2));
    pace.add(step(2, 3));
    assertThat(pace.line(false)).isEqualTo("step 2/4  loss 3.0000  200 tokens/s  0:02 left");
  }

  @Test
  void whoGoesOnKnowsTheStepsBeforeAndGoesAtASpeedOfItsOwn() {
    Pace pace = new Pace(4, 800);
    pace.know(step(1, 4));
    pace.know(step(2, 3));
    pace.add(step(3, 2, 500));
    assertThat(pace.line(true)).isEqualTo("step 3/4  loss 2.0000 █▅▁  400 tokens/s  0:01 left");
  }

  @Test
  void manyLossesAreDrawnAsTheirMeans() {
    Pace pace = new Pace(100, 20_000);
    for (int i = 1; i <= 100; i++) {
      pace.add(step(i, 100 - i));
    }
    assertThat(pace.sparkline(8)).isEqualTo("█▇▆▅▄▃▂▁");
  }

  @Test
  void beforeTheFirstStepThereIsNothingToDraw() {
    Pace pace = new Pace(4, 800);
    assertThat(pace.sparkline(20)).isEmpty();
    assertThat(pace.secondsLeft()).isZero();
  }

  @Test
  void equalLossesAreALineInTheMiddle() {
    Pace pace = new Pace(4, 800);
    pace.add(step(1, 2));
    pace.add(step(2, 2));
    assertThat(pace.sparkline(20)).isEqualTo("▄▄");
  }

  @Test
  void longTimesHaveHours() {
    assertThat(Pace.clock(65)).isEqualTo("1:05");
    assertThat(Pace.clock(7384)).isEqualTo("2:03:04");
  }
}
