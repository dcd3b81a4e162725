package io.retune.tracking;

import static org.assertj.core.api.Assertions.assertThat;

import io.retune.store.Sha256;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class LimitsTest {
  @ParameterizedTest
  @ValueSource(strings = {"train/loss", "eval loss: mean", "a.b-c_d", "...", "a/...b"})
  void aKeyThatFitsStaysAsItIs(String key) {
    assertThat(Limits.key(key)).isEqualTo(key);
  }

  @ParameterizedTest
  @CsvSource({
    "train/loss[0], train/loss_0_-",
    "/a, _a-",
    "a//b, a__b-",
    "a/../b, a_.._b-",
    "., .-",
    "'', -"
  })
  void aKeyThatDoesNotFitIsTellablyRenamed(String key, String begin) {
    assertThat(Limits.key(key)).isEqualTo(begin + Sha256.of(key).hex().substring(0, 8));
  }

  @Test
  void keysThatLookAlikeWhenTheyFitStayApart() {
    assertThat(Limits.key("a@")).isNotEqualTo(Limits.key("a#"));
    String long1 = "x".repeat(300) + "1";
    String long2 = "x".repeat(300) + "2";
    assertThat(Limits.key(long1)).hasSize(Limits.KEY_CHARACTERS).isNotEqualTo(Limits.key(long2));
  }

  @Test
  void aValueIsCutOnlyWhereItMustBe() {
    assertThat(Limits.param("x".repeat(6000))).isEqualTo("x".repeat(6000));
    assertThat(Limits.param("x".repeat(6001)))
        .hasSize(6000)
        .endsWith(
            "x... [cut: 6,001 characters; the resolved configuration among the artifacts has them all]");
  }

  @Test
  void aCutDoesNotSplitACharacter() {
    String shown = Limits.tag("x" + "\uD83D\uDE00".repeat(5000));
    String kept = shown.substring(0, shown.indexOf("..."));
    assertThat(kept).isEqualTo("x" + "\uD83D\uDE00".repeat((kept.length() - 1) / 2));
  }

  @Test
  void batchesHoldSoManyAndSoMuch() {
    assertThat(Limits.batches(List.of(1, 2, 3, 4, 5), 2, one -> 1))
        .containsExactly(List.of(1, 2), List.of(3, 4), List.of(5));
    int half = Limits.CHARACTERS_PER_BATCH / 2;
    assertThat(Limits.batches(List.of(1, 2, 3), 100, one -> half))
        .containsExactly(List.of(1, 2), List.of(3));
    assertThat(Limits.batches(List.of(1, 2), 100, one -> 3 * half))
        .containsExactly(List.of(1), List.of(2));
    assertThat(Limits.batches(Collections.emptyList(), 2, one -> 1)).isEmpty();
  }
}
