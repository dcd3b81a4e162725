package io.retune.report;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class FiguresTest {
  @Test
  void numbersSayWhatTheyAreWorth() {
    assertThat(Figures.significant(1.58974)).isEqualTo("1.59");
    assertThat(Figures.significant(-0.012345)).isEqualTo("\u22120.0123");
    assertThat(Figures.significant(130.4)).isEqualTo("130");
    assertThat(Figures.significant(0)).isEqualTo("0");
    assertThat(Figures.significant(1.5e-9)).isEqualTo("1.5e\u221209");
    assertThat(Figures.plain(5e-4)).isEqualTo("5e\u22124");
    assertThat(Figures.plain(2.5)).isEqualTo("2.5");
    assertThat(Figures.plain(10_000)).isEqualTo("10,000");
    assertThat(Figures.plain(0)).isEqualTo("0");
    assertThat(Figures.signed(0.25, 2)).isEqualTo("+0.25");
    assertThat(Figures.signed(0, 2)).isEqualTo("0.00");
    assertThat(Figures.signed(-0.00012, 2)).isEqualTo("\u22121.2e\u221204");
    assertThat(Figures.percent(0.95)).isEqualTo("95 %");
  }

  @Test
  void unitsFitTheSize() {
    assertThat(Figures.bytes(999)).isEqualTo("999 B");
    assertThat(Figures.bytes(93_400_000)).isEqualTo("93.4 MB");
    assertThat(Figures.duration(420)).isEqualTo("420 ms");
    assertThat(Figures.duration(65_000)).isEqualTo("1 min 5 s");
    assertThat(Figures.duration(7_380_000)).isEqualTo("2 h 3 min");
    assertThat(Figures.time("2026-11-24T12:05:59.5Z")).isEqualTo("24 November 2026, 12:05 UTC");
  }
}
