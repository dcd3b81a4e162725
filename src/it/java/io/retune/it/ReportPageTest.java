package io.retune.it;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.BooleanNode;
import io.retune.report.ExampleRuns;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.StreamSupport;
import org.apache.pdfbox.Loader;
import org.apache.pdfbox.pdmodel.PDDocument;
import org.apache.pdfbox.text.PDFTextStripper;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The pages of a run and of all runs as Chromium shows and prints them. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ReportPageTest {
  private static final int PHONE = 360;
  private static final int DESK = 1280;

  /** WCAG 2.2, success criterion 1.4.3, level AA. */
  private static final double LEAST_CONTRAST = 4.5;

  private Path run;
  private Path runs;
  private Browser browser;

  @BeforeAll
  void start(@TempDir Path folder) throws IOException {
    run = Files.writeString(folder.resolve("run.html"), ExampleRuns.page());
    runs = Files.writeString(folder.resolve("runs.html"), ExampleRuns.pageOfRuns(40));
    browser = Browser.start();
  }

  @AfterAll
  void stop() {
    browser.close();
  }

  @ParameterizedTest
  @ValueSource(ints = {PHONE, 768, DESK})
  void nothingIsWiderThanThePage(int width) {
    for (Path page : List.of(run, runs)) {
      browser.open(page, width, "light");
      assertThat(browser.evaluate("document.scrollingElement.scrollWidth").asInt())
          .isLessThanOrEqualTo(browser.evaluate("innerWidth").asInt());
      assertThat(browser.complaints()).isEmpty();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"light", "dark"})
  void everyTextStandsOutFromItsGround(String scheme) {
    for (Path page : List.of(run, runs)) {
      browser.open(page, DESK, scheme);
      JsonNode contrasts = browser.evaluate(CONTRASTS);
      assertThat(contrasts.size()).isGreaterThan(100);
      assertThat(contrasts)
          .allSatisfy(
              text ->
                  assertThat(text.get(1).asDouble())
                      .as(text.get(0).asText())
                      .isGreaterThanOrEqualTo(LEAST_CONTRAST));
    }
  }

  /** Of each text that is seen: its beginning, and the contrast of its colour to its ground. */
  private static final String CONTRASTS =
      """
      (() => {
        const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
        const rgba = (color) => {
          canvas.clearRect(0, 0, 1, 1);
          canvas.fillStyle = color;
          canvas.fillRect(0, 0, 1, 1);
          return canvas.getImageData(0, 0, 1, 1).data;
        };
        const luminance = (color) => [...rgba(color)].slice(0, 3)
          .map((c) => c / 255)
          .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
          .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
        const ground = (element) => {
          for (let e = element; e; e = e.parentElement) {
            const box = e.tagName === "g" && e.querySelector("rect");
            const color = box ? getComputedStyle(box).fill : getComputedStyle(e).backgroundColor;
            if (rgba(color)[3] === 255) return color;
          }
          return "white";
        };
        const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
        const found = [];
        while (walker.nextNode()) {
          const element = walker.currentNode.parentElement;
          if (!walker.currentNode.data.trim() || !element.checkVisibility() || element.closest("script")) continue;
          const style = getComputedStyle(element);
          const text = luminance(element.ownerSVGElement ? style.fill : style.color);
          const behind = luminance(ground(element));
          const contrast = (Math.max(text, behind) + 0.05) / (Math.min(text, behind) + 0.05);
          found.push([walker.currentNode.data.trim().slice(0, 40), contrast]);
        }
        return found;
      })()
      """;

  @Test
  void everySectionIsSeenAndOneDrawingOfEachChart() {
    browser.open(run, PHONE, "light");
    assertThat(
            browser.evaluate(
                "[...document.querySelectorAll('section')].every(s => s.getBoundingClientRect().height > 40)"))
        .isEqualTo(BooleanNode.TRUE);
    for (int width : new int[] {PHONE, DESK}) {
      browser.open(run, width, "light");
      JsonNode drawings =
          browser.evaluate(
              "[...document.querySelectorAll('figure')].map(f => [...f.querySelectorAll('svg.plot')].filter(s => s.checkVisibility()).length)");
      assertThat(drawings).hasSizeGreaterThan(5).allMatch(n -> n.asInt() == 1);
    }
  }

  @Test
  void whatLiesUnderThePointerIsReadOut() {
    browser.open(run, DESK, "light");
    browser.evaluate(
        """
        (() => {
          const svg = document.querySelector("figure svg.plot");
          const box = svg.getBoundingClientRect();
          svg.dispatchEvent(new PointerEvent("pointermove", {clientX: box.right - 15, clientY: box.top + 5}));
        })()
        """);
    assertThat(browser.evaluate("document.querySelector('output').textContent").asText())
        .isEqualTo("step 12: training 2.226, held-out examples 2.2173");
  }

  /** What is not finished has no loss, and comes last either way. */
  @Test
  void runsAreSortedByTheHeadThatIsPressed() {
    browser.open(runs, DESK, "light");
    String after = "document.querySelectorAll('thead button')[5].click()";
    browser.evaluate(after);
    List<String> up = keys(6);
    browser.evaluate(after);
    List<String> down = keys(6);
    assertThat(up.subList(32, 40)).containsOnly("").isEqualTo(down.subList(32, 40));
    assertThat(up.subList(0, 32)).isSortedAccordingTo(Comparator.comparing(Double::valueOf));
    assertThat(down.subList(0, 32))
        .isSortedAccordingTo(Comparator.comparing((String key) -> Double.valueOf(key)).reversed());
    assertThat(browser.complaints()).isEmpty();
  }

  private List<String> keys(int column) {
    JsonNode keys =
        browser.evaluate(
            "[...document.querySelectorAll('tbody tr')].map(r => r.cells[%d].dataset.key)"
                .formatted(column));
    return StreamSupport.stream(keys.spliterator(), false).map(JsonNode::asText).toList();
  }

  @Test
  void onPaperEverythingIsThereFoldedOrNot() throws IOException {
    browser.open(run, DESK, "dark");
    JsonNode words =
        browser.evaluate(
            "[...document.querySelectorAll('h1, h2, h3, p, dt, dd, th, td, li, summary, pre, .example')]"
                + ".filter(e => !e.closest('nav')).flatMap(e => e.textContent.split(/\\s+/)).filter(w => w)");
    try (PDDocument paper = Loader.loadPDF(browser.pdf())) {
      String printed = new PDFTextStripper().getText(paper).replaceAll("\\s+", "");
      assertThat(paper.getNumberOfPages()).isBetween(4, 20);
      assertThat(words).hasSizeGreaterThan(500);
      assertThat(words).allSatisfy(word -> assertThat(printed).contains(word.asText()));
    }
  }
}
