package io.retune.evaluate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.retune.config.EvaluationSpec;
import io.retune.config.SuccessSpec;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class ComparisonTest {
  private static final EvaluationSpec SPEC = spec(2000, 1, 0.95);

  private static EvaluationSpec spec(int resamples, long seed, double confidence) {
    return new EvaluationSpec(resamples, seed, confidence, List.of(), 48, SuccessSpec.NONE);
  }

  @Test
  void theMeanIsPerTargetTokenNotPerExample() {
    Comparison comparison =
        Comparison.of(new double[] {10, 2}, new double[] {5, 1}, new int[] {4, 2}, SPEC);
    assertThat(comparison.before()).isEqualTo(2.0);
    assertThat(comparison.after()).isEqualTo(1.0);
  }

  @Test
  void aDifferenceThatIsTheSameInEveryExampleHasNoWidth() {
    Comparison comparison =
        Comparison.of(new double[] {3, 5, 9}, new double[] {2, 4, 8}, new int[] {1, 1, 1}, SPEC);
    assertThat(comparison.low()).isEqualTo(-1.0);
    assertThat(comparison.high()).isEqualTo(-1.0);
  }

  @Test
  void theIntervalAgreesWithTheNormalApproximationForManyExamples() {
    int n = 2000;
    Random random = new Random(7);
    double[] before = new double[n];
    double[] after = new double[n];
    int[] targets = new int[n];
    for (int i = 0; i < n; i++) {
      before[i] = 5 + random.nextGaussian();
      after[i] = before[i] - 0.1 + 0.5 * random.nextGaussian();
      targets[i] = 1;
    }
    Comparison comparison = Comparison.of(before, after, targets, SPEC);
    double difference = comparison.after() - comparison.before();
    double halfWidth = 1.96 * 0.5 / Math.sqrt(n);
    // A bound of 2,000 resamples has itself a standard error of about a twentieth of the width.
    assertThat(comparison.low()).isCloseTo(difference - halfWidth, within(0.15 * halfWidth));
    assertThat(comparison.high()).isCloseTo(difference + halfWidth, within(0.15 * halfWidth));
  }

  @Test
  void aSmallerConfidenceGivesANarrowerInterval() {
    double[] before = {1, 2, 3, 4, 5, 6, 7, 8};
    double[] after = {1, 1, 3, 2, 5, 3, 7, 4};
    int[] targets = {1, 2, 1, 2, 1, 2, 1, 2};
    Comparison wide = Comparison.of(before, after, targets, spec(1000, 1, 0.95));
    Comparison narrow = Comparison.of(before, after, targets, spec(1000, 1, 0.5));
    assertThat(narrow.low()).isGreaterThan(wide.low());
    assertThat(narrow.high()).isLessThan(wide.high());
  }

  @Test
  void theSameSeedGivesTheSameIntervalAndAnotherSeedAnother() {
    double[] before = {1, 2, 3, 4, 5};
    double[] after = {1, 1, 3, 2, 5};
    int[] targets = {1, 2, 1, 2, 1};
    assertThat(Comparison.of(before, after, targets, SPEC))
        .isEqualTo(Comparison.of(before, after, targets, SPEC))
        .isNotEqualTo(Comparison.of(before, after, targets, spec(100, 2, 0.95)));
  }

  @Test
  void anExampleWithoutATargetTokenChangesNothing() {
    Comparison with =
        Comparison.of(new double[] {3, 0, 9}, new double[] {2, 0, 7}, new int[] {1, 0, 2}, SPEC);
    assertThat(with)
        .isEqualTo(Comparison.of(new double[] {3, 9}, new double[] {2, 7}, new int[] {1, 2}, SPEC));
    assertThat(List.of(with.before(), with.after(), with.low(), with.high()))
        .allSatisfy(figure -> assertThat(figure).isFinite());
  }

  @Test
  void aGroupOfWhichNothingIsScoredHasNoVerdict() {
    List<GroupComparison> all =
        GroupComparison.of(
            new double[] {3, 0, 9},
            new double[] {2, 0, 7},
            new int[] {1, 0, 2},
            List.of("noun", "verb", "(none)"),
            SPEC);
    assertThat(all).extracting(GroupComparison::group).containsExactly("", "(none)", "noun");
    assertThat(all).extracting(GroupComparison::label).containsExactly("all", "(none)", "noun");
    assertThat(all).extracting(GroupComparison::targetTokens).containsExactly(3L, 2L, 1L);
    assertThat(all.get(0).examples()).isEqualTo(3);
  }

  @Test
  void lossesOfNoTargetTokenAreRefused() {
    assertThatThrownBy(() -> Comparison.of(new double[2], new double[2], new int[2], SPEC))
        .hasMessage("None of the examples has a target token");
  }

  @Test
  void lossesOfOtherExamplesAreRefused() {
    assertThatThrownBy(() -> Comparison.of(new double[2], new double[3], new int[3], SPEC))
        .hasMessage("2 and 3 losses of 3 examples");
  }
}
