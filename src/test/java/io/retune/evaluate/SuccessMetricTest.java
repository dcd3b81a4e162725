package io.retune.evaluate;

import static org.assertj.core.api.Assertions.assertThat;

import io.retune.config.SuccessSpec;
import io.retune.config.SuccessSpec.AtLeast;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class SuccessMetricTest {
  private static final Comparison BETTER = new Comparison(3, 2.5, -0.6, -0.4);
  private static final Comparison WORSE = new Comparison(3, 3.5, 0.4, 0.6);
  private static final Comparison NEITHER = new Comparison(3, 2.9, -0.3, 0.1);

  private static List<GroupComparison> loss(Comparison whole, Comparison... groups) {
    GroupComparison all = new GroupComparison(GroupComparison.WHOLE, 9, 90, whole);
    return Stream.concat(
            Stream.of(all),
            IntStream.range(0, groups.length)
                .mapToObj(i -> new GroupComparison("g" + i, 3, 30, groups[i])))
        .toList();
  }

  private static String words(SuccessSpec spec, List<GroupComparison> loss) {
    return SuccessMetric.of(spec, loss).get(0).words();
  }

  @Test
  void whatIsNotAskedForIsNotJudged() {
    assertThat(SuccessMetric.of(SuccessSpec.NONE, loss(WORSE))).isEmpty();
    assertThat(SuccessMetric.allMet(List.of())).isTrue();
  }

  @Test
  void noDifferenceIsNotWorseAndNotBetter() {
    assertThat(words(SuccessSpec.of(AtLeast.BETTER), loss(NEITHER)))
        .isEqualTo("verdict = better: missed, no difference shown (-0.3000 to +0.1000)");
    assertThat(words(SuccessSpec.of(AtLeast.NOT_WORSE), loss(NEITHER)))
        .isEqualTo("verdict = not-worse: met, no difference shown (-0.3000 to +0.1000)");
    assertThat(words(SuccessSpec.of(AtLeast.NOT_WORSE), loss(WORSE)))
        .isEqualTo("verdict = not-worse: missed, worse (+0.4000 to +0.6000)");
    assertThat(words(SuccessSpec.of(AtLeast.BETTER), loss(BETTER))).contains("better: met");
    assertThat(words(SuccessSpec.of(AtLeast.BETTER), loss(new Comparison(3, 3, 2e-9, 0.00004))))
        .isEqualTo("verdict = better: missed, worse (+2.0e-09 to +4.0e-05)");
  }

  @Test
  void theLossMayBeWhatIsSaidAndNoMore() {
    for (double most : new double[] {2.4, 2.5, 2.6}) {
      SuccessSpec spec = new SuccessSpec(Optional.empty(), Optional.of(most), Optional.empty());
      assertThat(words(spec, loss(BETTER)))
          .isEqualTo("loss-at-most = %s: %s, 2.5".formatted(most, most < 2.5 ? "missed" : "met"));
    }
  }

  @Test
  void groupsThatFallShortAreNamed() {
    SuccessSpec spec =
        new SuccessSpec(Optional.empty(), Optional.empty(), Optional.of(AtLeast.NOT_WORSE));
    assertThat(words(spec, loss(BETTER, BETTER, NEITHER)))
        .isEqualTo("each-group = not-worse: met, all 2 groups");
    assertThat(words(spec, loss(BETTER, BETTER, WORSE, NEITHER, WORSE)))
        .isEqualTo("each-group = not-worse: missed, g1: worse; g3: worse");
  }
}
