package io.retune.report;

import static org.assertj.core.api.Assertions.as;
import static org.assertj.core.api.Assertions.assertThat;

import io.retune.config.Secrets;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Pattern;
import org.assertj.core.api.InstanceOfAssertFactories;
import org.jsoup.Jsoup;
import org.jsoup.nodes.Document;
import org.jsoup.nodes.Element;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The page of a run, read as a browser reads it. */
class RunReportTest {
  private static final int MEGABYTE = 1 << 20;

  private static Document page(Runs run) {
    return Jsoup.parse(run.html());
  }

  private static String words(Document page, String selector) {
    return page.select(selector).text();
  }

  @Test
  void answersInTheReadersOrder() {
    assertThat(page(new Runs()).select("h2").eachText())
        .containsExactly(
            "Verdict by group",
            "Training",
            "Before and after",
            "Held-out examples",
            "Data",
            "Configuration",
            "Lineage",
            "Attempts",
            "Environment",
            "Artifacts",
            "Reproduce");
  }

  @Test
  void saysTheVerdictInWordsWithItsIntervalAndAsPerplexity() {
    assertThat(words(page(new Runs()), ".verdict"))
        .isEqualTo(
            "Better: 2.81 nats per target token less. 95 % interval 2.67 to 2.92 less, on 60"
                + " held-out examples with 531 target tokens that the training did not see. Loss"
                + " 5.0225 before, 2.2173 after. Perplexity 152 before, 9.18 after: times 0.0605"
                + " (0.0537 to 0.0696).");
  }

  @Test
  void hasARowOfTheForestPlotForTheWholeAndEachGroup() {
    Document page = page(new Runs());
    assertThat(page.select("#verdict tbody th").eachText())
        .containsExactly("all", "group 0", "group 1", "group 2", "group 3");
    assertThat(page.select("#verdict tbody svg")).hasSize(5);
  }

  @Test
  void hasNoVerdictByGroupWhereThereAreNone() {
    Runs run = new Runs();
    run.groups = 0;
    assertThat(page(run).select("#verdict, nav a[href=#verdict]")).isEmpty();
  }

  @Test
  void marksWhatWasChangedWithoutAReason() {
    assertThat(words(page(new Runs()), "#configuration tr.unexplained"))
        .isEqualTo("order.seed 42 ⚠ changed from the default without a reason");
  }

  @Test
  void saysHowToMakeItAgain() {
    assertThat(page(new Runs()).select("#reproduce pre").eachText())
        .containsExactly(
            "./retune run CONF --request 'nightly 7'",
            "./retune lineage rows-of-run run=words-0123456789",
            "./retune rebuild words-0123456789",
            "sha256sum runs/words/adapter/adapter_model.safetensors");
  }

  @Test
  void tellsOfFailuresAndAttempts() {
    Runs run = new Runs();
    run.fails = true;
    Document page = page(run);
    assertThat(words(page, "#attempts")).contains("Rank 1 (south:4711) was lost", "resumable");
    assertThat(page.select("#attempts table").get(0).select("tbody tr")).hasSize(2);
  }

  @Test
  void anAttemptWhoseDriverWasLostTookAsLongAsItWasHeardOf() {
    Runs run = new Runs();
    run.fails = true;
    run.lost = true;
    assertThat(page(run).select("#attempts table").get(0).select("tbody tr").eachText())
        .first(as(InstanceOfAssertFactories.STRING))
        .endsWith("from the start 0 4.9 s driver lost");
  }

  /** Everything that a script could come in by. */
  @Test
  void noTextBecomesMarkup() {
    String hostile = "</pre></script><script>alert(1)</script><img src=x onerror=alert(2)>]]>\"'&";
    Runs run = new Runs();
    run.name = hostile;
    run.description = hostile;
    run.request = hostile;
    run.text = hostile;
    run.reasons.put("order", hostile);
    run.samples = List.of(new Sample(hostile, hostile, hostile));
    Document page = page(run);
    assertThat(page.select("script")).hasSize(1);
    assertThat(page.select("img")).isEmpty();
    assertThat(page.getAllElements())
        .allSatisfy(
            element ->
                assertThat(element.attributes())
                    .noneMatch(attribute -> attribute.getKey().startsWith("on")));
    assertThat(words(page, ".sample h3")).isEqualTo(hostile);
    assertThat(words(page, ".example mark.token")).startsWith(hostile);
  }

  /** "Trojan Source", CVE-2021-42574. */
  @Test
  void whatCannotBeSeenIsNamed() {
    Runs run = new Runs();
    run.text = "a\u202Eb\u2066c\u0000d\u200B\uD800 \uD83D\uDE42 \u0645\u200C\u06CC";
    String text = words(page(run), ".example mark.token");
    assertThat(text)
        .startsWith("a[U+202E]b[U+2066]c[U+0000]d[U+200B][U+D800] \uD83D\uDE42 \u0645\u200C\u06CC");
  }

  @Test
  void secretsAreHiddenWhereverTheyStand() {
    Secrets.remember("hunter2&hunter3");
    Runs run = new Runs();
    run.description = "the password is hunter2&hunter3";
    run.text = "also hunter2&hunter3";
    run.samples = List.of(new Sample("hunter2&hunter3", "", "hunter2&hunter3"));
    run.reasons.put("order", "https://me:hunter2&hunter3@host/");
    assertThat(run.html()).doesNotContain("hunter2", "hunter3").contains("the password is ***");
  }

  @Test
  void asksNothingOfAnyNetwork() {
    Runs run = new Runs();
    run.text = "see https://example.org/";
    Document page = page(run);
    assertThat(page.select("[src], link, iframe, object, embed, base, form")).isEmpty();
    assertThat(page.select("[href]")).allSatisfy(RunReportTest::pointsIntoThePage);
    assertThat(page.select("style").html()).doesNotContain("url(", "@import", "http");
    assertThat(page.select("meta[http-equiv=Content-Security-Policy]").attr("content"))
        .startsWith("default-src 'none';")
        .doesNotContain("unsafe-inline");
  }

  private static void pointsIntoThePage(Element link) {
    String target = link.attr("href");
    assertThat(target).startsWith("#");
    assertThat(link.ownerDocument().getElementById(target.substring(1))).isNotNull();
  }

  @Test
  void theSameRunGivesTheSameBytes() {
    assertThat(new Runs().html()).isEqualTo(new Runs().html());
  }

  @Test
  void headingsFollowEachOtherAndTablesHaveHeads() {
    Document page = page(new Runs());
    int before = 0;
    for (Element heading : page.select("h1, h2, h3, h4")) {
      int level = heading.tagName().charAt(1) - '0';
      assertThat(level).as(heading.text()).isLessThanOrEqualTo(before + 1);
      before = level;
    }
    assertThat(page.select("h1")).hasSize(1);
    assertThat(page.select("th:not([scope])")).isEmpty();
    assertThat(page.select("table"))
        .allSatisfy(table -> assertThat(table.select("thead th[scope=col]")).isNotEmpty());
    assertThat(page.select("svg"))
        .allSatisfy(
            svg ->
                assertThat(svg.hasAttr("aria-hidden") || !svg.attr("aria-label").isEmpty())
                    .isTrue());
    assertThat(page.select("[id]").eachAttr("id")).doesNotHaveDuplicates();
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 10_000})
  void holdsForAnyNumberOfSteps(int steps) {
    Runs run = new Runs();
    run.planned = Math.max(1, steps);
    run.done = steps;
    run.groups = 50;
    String html = run.html();
    assertThat(html.getBytes(StandardCharsets.UTF_8)).hasSizeLessThan(MEGABYTE);
    assertNoFigureIsMissing(html);
    Document page = Jsoup.parse(html);
    assertThat(page.select(".status").text()).isEqualTo(steps == 0 ? "running" : "finished");
    for (Element path : page.select("path.line")) {
      assertThat(Pattern.compile("[ML]").matcher(path.attr("d")).results().count())
          .isLessThanOrEqualTo(302);
    }
  }

  private static void assertNoFigureIsMissing(String html) {
    assertThat(Jsoup.parse(html).select("main").outerHtml())
        .doesNotContain("NaN", "Infinity", "\u221E", "null");
  }

  @Test
  void tellsHowFarARunIsThatGoesOn() {
    Runs run = new Runs();
    run.done = 7;
    Document page = page(run);
    assertThat(words(page, ".verdict"))
        .isEqualTo(
            "No verdict yet: 7 of 12 steps. Held-out loss 2.5546 nats per target token after step"
                + " 6.");
    assertThat(page.select("#examples")).isEmpty();
  }

  @Test
  void drawsWhatIsTheSameEverywhere() {
    Runs run = new Runs();
    run.level = true;
    String html = run.html();
    assertNoFigureIsMissing(html);
    assertThat(words(Jsoup.parse(html), ".verdict .words"))
        .isEqualTo("No difference shown: 0 nats per target token.");
  }

  @Test
  void itIsMadeAgainByTheProgramThatMadeTheWeights() {
    Runs run = new Runs();
    run.exportedByAnother = true;
    assertThat(words(page(run), "#reproduce"))
        .contains("Retune at commit " + "c".repeat(40) + " Base model")
        .doesNotContain("d".repeat(40));
  }

  @Test
  void aLongTextIsCutAndSaysSo() {
    Runs run = new Runs();
    run.samples = List.of(new Sample("Go on.", "x".repeat(1_000_000), "y"));
    assertThat(run.html().length()).isLessThan(MEGABYTE);
    assertThat(words(page(run), ".sample blockquote")).contains("996,000 characters left out");
  }

  @Test
  void aLongConfigurationAndManyAttemptsFitOnAPage() {
    Runs run = new Runs();
    run.attempts = 5000;
    for (int i = 0; i < 3000; i++) {
      run.reasons.put("data.key-" + i, "because ".repeat(1000));
    }
    String html = run.html();
    assertThat(html.length()).isLessThan(MEGABYTE);
    assertThat(Jsoup.parse(html).select("#attempts").text())
        .contains("The last 200 of 5,000 are shown.");
    assertThat(Jsoup.parse(html).select("#configuration").text())
        .contains("The first 500 of 3,002 are shown.");
  }

  @Test
  void holdsTextOfRowsAndSaysSo() {
    assertThat(words(page(new Runs()), "footer")).contains("erase it with them");
  }

  @ParameterizedTest
  @ValueSource(strings = {"personal", "confidential", "Internal use", "non-public"})
  void ofRowsThatAreNotPublicNoTextIsShownAndThePageSaysWhy(String privacy) {
    Runs run = new Runs();
    run.privacy = privacy;
    run.text = "k4nary";
    run.samples = List.of(new Sample("Who is it?", "Nobody.", "It is k4nary."));
    Document page = page(run);
    assertThat(run.html()).doesNotContain("k4nary", "Define number");
    for (String section : List.of("#samples", "#examples", "#data")) {
      assertThat(words(page, section))
          .contains(
              "Texts of the rows of lexicon are not shown: their privacy is not public. To show"
                  + " them in later runs, set data.datasets.lexicon.show-texts = true in the"
                  + " recipe; that is no other experiment.");
    }
    assertThat(words(page, "#samples")).contains("Who is it?", "Nobody.", "withheld");
    assertThat(words(page, "#examples")).contains("target tokens", "lexicon 0000", "withheld");
    assertThat(page.select("#examples .losses")).isNotEmpty();
    assertThat(words(page, "#data")).contains("How long the examples are", privacy);
    assertThat(words(page, "footer")).contains("This page holds no text of rows.");
  }

  @Test
  void theRecipeMayShowTextsAllTheSame() {
    Runs run = new Runs();
    run.privacy = "personal";
    run.configuration =
        "{\"data\":{\"datasets\":{\"lexicon\":{\"privacy\":\"personal\",\"show-texts\":true}}}}";
    assertThat(words(page(run), "#examples")).contains("a word").doesNotContain("withheld");
  }

  @Test
  void whatTheRecipeSaysByNowCountsForAVersionThatWasMadeAsPublic() {
    Runs run = new Runs();
    run.configuration = "{\"data\":{\"datasets\":{\"lexicon\":{\"privacy\":\"personal\"}}}}";
    assertThat(words(page(run), "#examples")).contains("withheld").doesNotContain("a word");
  }

  @Test
  void theBeginningThatAllExamplesShareIsShownOnce() {
    Document page = page(new Runs());
    assertThat(page.select("#examples .example").eachText())
        .allMatch(text -> text.startsWith("Define number"));
    assertThat(words(page, "#examples")).contains("The 2 tokens that all of them begin with");
  }

  @Test
  void partsOfAStepsTimeAddUpToIt() {
    StepTimes times = StepTimes.of(new Runs().history()).get(3);
    double[] parts = {
      times.read(),
      times.compute(),
      times.waited(),
      times.exchanged(),
      times.updated(),
      times.recorded(),
      times.saved()
    };
    assertThat(Arrays.stream(parts).sum()).isEqualTo(1050 + 15 + 250);
    assertThat(parts).containsExactly(60, 840, 40, 60, 50, 15, 250);
  }
}
