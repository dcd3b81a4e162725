package io.retune.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.retune.store.Json;
import io.retune.store.Sha256;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Steps are held against each other by what their records say of the gradient. */
class GradientDigestTest {
  private static final List<String> NAMES =
      IntStream.range(0, 420).mapToObj("layers.%03d"::formatted).toList();

  private static List<String> digests() {
    return new ArrayList<>(
        IntStream.range(0, NAMES.size())
            .mapToObj(i -> Sha256.of("tensor " + i).hex().substring(0, 32))
            .toList());
  }

  private static StepRecord step(List<String> digests) {
    return new StepRecord(
        1, 2, 1e-3, 1, 1, 9, 9, List.of("a"), GradientDigest.of(digests), 1, 1, 1, 1, 1, 1, 1);
  }

  @Test
  void equalStepsDoNotDiffer() {
    assertThat(step(digests()).differenceFrom(step(digests()), NAMES)).isEmpty();
  }

  @Test
  void theTensorThatDiffersIsNamed() {
    for (int tensor : new int[] {0, 7, 419}) {
      List<String> other = digests();
      other.set(tensor, Sha256.of("other").hex().substring(0, 32));
      assertThat(step(other).differenceFrom(step(digests()), NAMES))
          .contains("the summed gradient of " + NAMES.get(tensor));
    }
  }

  @Test
  void aDifferenceBehindTheFirstBitsOfATensorIsFoundThoughNotWhere() {
    List<String> other = digests();
    other.set(7, other.get(7).substring(0, 31) + (other.get(7).endsWith("0") ? "1" : "0"));
    assertThat(step(other).differenceFrom(step(digests()), NAMES)).contains("the summed gradient");
  }

  /** A digest of 128 bits for each tensor took 15 KB a step. */
  @Test
  void aStepOfManyTensorsIsWrittenDownInFewBytes() {
    assertThat(Json.write(step(digests()))).hasSizeLessThan(2100);
  }

  @Test
  void aStepOfAnEarlierSchemaIsTheSameStep() throws IOException {
    String now = Json.write(step(digests()));
    String earlier =
        now.replaceFirst(
            "\"gradientDigest\":\\{[^}]*}", "\"tensorDigests\":" + Json.write(digests()));
    assertThat(earlier).isNotEqualTo(now);
    assertThat(Json.read(earlier.getBytes(StandardCharsets.UTF_8), StepRecord.class))
        .isEqualTo(step(digests()));
    assertThat(Json.read(now.getBytes(StandardCharsets.UTF_8), StepRecord.class))
        .isEqualTo(step(digests()));
  }

  @Test
  void whatIsNoDigestIsRefused() {
    assertThatThrownBy(() -> new GradientDigest("ab", "")).hasMessageContaining("No digest");
    assertThatThrownBy(() -> new GradientDigest("a".repeat(32), "abc"))
        .hasMessageContaining("No digest");
  }
}
