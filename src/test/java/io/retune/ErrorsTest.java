package io.retune;

import static java.util.Map.entry;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.typesafe.config.ConfigFactory;
import io.retune.config.ErrorCatalogue;
import io.retune.config.ErrorCatalogue.Entry;
import io.retune.config.ErrorCode;
import io.retune.store.Json;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** docs/errors.md against the codes, the program, and what is said to bad inputs. */
class ErrorsTest {
  /** Codes that no {@link BadInput} meets, and why. */
  private static final Map<ErrorCode, String> NOT_MET =
      Map.ofEntries(
          entry(
              ErrorCode.TABLES_DIFFER,
              "holds twenty tables against a record, which takes its time: RecordTest"),
          entry(ErrorCode.GRADIENT_NOT_FINITE, "needs a training: BadInputTest"),
          entry(ErrorCode.LOSS_NOT_FINITE, "needs a training: BadInputTest"),
          entry(
              ErrorCode.PROGRAM_NOT_FOUND, "pip and Maven are there where tests run: SourcesTest"),
          entry(
              ErrorCode.WRITE_FAILED, "needs a process that may not write any more: FullDiskTest"),
          entry(ErrorCode.STORE_NOT_SHARED, "needs executors on a cluster: ClusterTest"),
          entry(ErrorCode.NO_EXECUTOR, "needs a cluster without room, and minutes"),
          entry(ErrorCode.ATTEMPTS_FAILED, "needs ranks that die: a run of minutes"),
          entry(ErrorCode.LEASE_LOST, "needs a driver that is stopped for a minute: LeaseTest"),
          entry(ErrorCode.NOT_AS_REQUIRED, "needs a run that was evaluated: SameWeightsTest"),
          entry(ErrorCode.STEP_DIFFERS, "needs a machine that computes wrongly"),
          entry(ErrorCode.SCORE_DIFFERS, "needs a run that was evaluated: SameWeightsTest"),
          entry(ErrorCode.NUMERICS_DIFFER, "needs a machine of another kind"),
          entry(
              ErrorCode.ARGUMENTS_DIFFER,
              "needs a run whose data were lost while it was interrupted"),
          entry(ErrorCode.OUT_OF_MEMORY, "needs a machine's memory: FailuresTest"),
          entry(ErrorCode.DEFECT, "we know of none"));

  private static final ErrorCatalogue CATALOGUE = ErrorCatalogue.read();

  static List<Entry> entries() {
    return CATALOGUE.entries();
  }

  @Test
  void eachCodeHasOneSectionAndEachSectionACode() {
    assertThat(entries())
        .extracting(Entry::code)
        // In the order in which the codes are declared: by where one meets them.
        .containsExactly(ErrorCode.values());
  }

  @ParameterizedTest
  @EnumSource
  void eachCodeIsUsed(ErrorCode code) throws IOException {
    String use = "ErrorCode." + code.name();
    try (Stream<Path> files = Files.walk(Path.of("src/main/java"))) {
      assertThat(
              files
                  .filter(file -> file.toString().endsWith(".java"))
                  .filter(file -> has(file, use)))
          .isNotEmpty();
    }
  }

  private static boolean has(Path file, String text) {
    try {
      return Files.readString(file).contains(text);
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  @Test
  void eachCodeIsMetByABadInputOrCannotBe() throws IOException {
    Set<ErrorCode> met =
        BadInput.all().stream()
            .flatMap(input -> input.codes().stream())
            .map(word -> ErrorCode.of(word).orElseThrow())
            .collect(Collectors.toCollection(() -> EnumSet.noneOf(ErrorCode.class)));
    Set<ErrorCode> notMet = EnumSet.complementOf(EnumSet.copyOf(met));
    assertThat(notMet).isEqualTo(NOT_MET.keySet());
  }

  @ParameterizedTest
  @MethodSource("entries")
  void theExampleIsWhatIsReallySaid(Entry entry) throws IOException {
    assertThat(entry.example()).containsPattern("(?m) \\[" + entry.code() + "]$");
    if (!NOT_MET.containsKey(entry.code())) {
      List<String> example = entry.example().lines().toList();
      assertThat(BadInput.all())
          .anySatisfy(input -> assertThat(input.stderr().lines().toList()).containsAll(example));
    }
  }

  /** What can be typed or written can be read. */
  @ParameterizedTest
  @MethodSource("entries")
  void theCureIsUnderstood(Entry entry) {
    String cure = entry.cure();
    if (entry.cured().matches("In the (configuration|site)")) {
      ConfigFactory.parseString(cure.startsWith("{") ? "v = " + cure : cure);
    }
    cure.lines()
        .flatMap(line -> Stream.of(line.split(" && | +# ")))
        .filter(command -> command.startsWith("./retune "))
        .forEach(
            command ->
                Retune.commandLine()
                    .parseArgs(
                        BadInput.words(command.substring("./retune ".length()))
                            .toArray(String[]::new)));
  }

  @Test
  void aCodeIsExplainedWithoutTheMarksOfAPage() throws IOException {
    assertThat(said(0, "explain", "[unknown-key]"))
        .isEqualTo(
            """
            unknown-key  (exit code 2)
            A key is not known where it stands.

            Why: A misspelt key would be passed over, and its default would be trained with: the run would be
            another experiment than the one in the file.

            What to do: Take the key that is offered, or one of those that are known there. conf/reference.conf
            explains every key of a recipe, jobs/sites/laptop.conf those of a site.

            Such as
                mine.conf:2: unknown key "order.micro-batchs". [unknown-key]
                  Did you mean "micro-batches"?

            In the configuration
                order.micro-batches = 4
            """);
    List<String> all = Stream.of(ErrorCode.values()).map(ErrorCode::toString).toList();
    String everything =
        said(0, Stream.concat(Stream.of("explain"), all.stream()).toArray(String[]::new));
    String prose = everything.replaceAll("(?m)^    .*$", "");
    assertThat(prose).doesNotContain("`", "**", "](");
  }

  @Test
  void theStartOfCodesExplainsEachOfThem() throws IOException {
    assertThat(said(0, "explain", "unknown-k", "beyond"))
        .isEqualTo(said(0, "explain", "unknown-key", "beyond-limits"));
    assertThat(said(0, "explain", "unknown-", "unknown-key").lines())
        .filteredOn(line -> line.endsWith("  (exit code 2)"))
        .hasSizeGreaterThan(3)
        .doesNotHaveDuplicates()
        .allMatch(line -> line.startsWith("unknown-"));
  }

  @Test
  void allCodesAreListedWithALineEach() throws IOException {
    List<String> lines = said(0, "explain").lines().toList();
    assertThat(lines).contains("The configuration");
    assertThat(lines.stream().filter(line -> line.startsWith("  ")))
        .hasSize(ErrorCode.values().length)
        .allSatisfy(line -> assertThat(line).hasSizeLessThan(120));
  }

  @Test
  void programsAreToldTheSame() throws IOException {
    JsonNode all = Json.read(said(0, "explain", "--json").getBytes(StandardCharsets.UTF_8));
    assertThat(all.path("errors"))
        .hasSize(ErrorCode.values().length)
        .allSatisfy(
            error ->
                assertThat(error.fieldNames())
                    .toIterable()
                    .containsExactlyInAnyOrder(
                        "code", "exit", "group", "summary", "why", "remedy", "example", "cure"));
    assertThat(all.path("errors").get(0).path("code").asText()).isEqualTo("unknown-command");
  }

  private static String said(int exit, String... arguments) {
    Said said = RetuneHere.run(arguments);
    assertThat(said.exitCode()).as(Arrays.toString(arguments)).isEqualTo(exit);
    return said.stdout();
  }
}
