package io.retune.report;

import static org.assertj.core.api.Assertions.assertThat;

import io.retune.store.Sha256;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import org.jsoup.Jsoup;
import org.jsoup.nodes.Document;
import org.junit.jupiter.api.Test;

/** The page of all runs. */
class RunsReportTest {
  private static Document page(List<RunLine> runs) {
    return Jsoup.parse(new RunsReport(runs).html());
  }

  @Test
  void hasARowForEachRunWithALinkToItsPage() {
    Runs going = new Runs();
    going.name = "going";
    going.done = 5;
    Document page = page(List.of(going.line(), new Runs().line()));
    assertThat(page.select(".lead").text()).isEqualTo("2 runs, 1 of them finished.");
    assertThat(page.select("tbody tr").eachText())
        .containsExactly(
            "going-0123456789 running 5 of 12 1,200 6.3 s 24 November 2026, 12:00 UTC",
            "words-0123456789 finished better \u22122.805 \u22122.924 to \u22122.665 5.0225 2.2173"
                + " 12 1,200 15.4 s 24 November 2026, 12:00 UTC "
                + Sha256.of("weights").brief());
    assertThat(page.select("tbody a").eachAttr("href"))
        .containsExactly("runs/going/report.html", "runs/words/report.html");
    assertThat(page.select("tbody svg.sparkline")).hasSize(2);
  }

  @Test
  void aRunWithoutAPageHasNoLink() {
    RunLine line = RunLine.of(new Runs().history(), "finished", Optional.empty());
    assertThat(page(List.of(line)).select("tbody a")).isEmpty();
  }

  @Test
  void cellsSayWhatTheyAreSortedBy() {
    Document page = page(List.of(new Runs().line()));
    assertThat(page.select("tbody [data-key]").eachAttr("data-key"))
        .hasSize(page.select("thead th").size())
        .contains("2026-11-24T12:00:00.700Z", "12", "1200");
  }

  @Test
  void noRunAndAThousandRunsArePagesToo() {
    assertThat(page(List.of()).select(".lead").text()).isEqualTo("There are none yet.");
    Runs run = new Runs();
    run.planned = 2000;
    run.done = 2000;
    String html = new RunsReport(Collections.nCopies(1000, run.line())).html();
    assertThat(Jsoup.parse(html).select("tbody tr")).hasSize(1000);
    assertThat(html.getBytes(StandardCharsets.UTF_8)).hasSizeLessThan(3 << 20);
  }
}
