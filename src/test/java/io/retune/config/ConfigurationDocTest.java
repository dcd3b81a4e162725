package io.retune.config;

import static java.util.stream.Collectors.joining;
import static java.util.stream.Collectors.toMap;
import static java.util.stream.Collectors.toSet;
import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigList;
import com.typesafe.config.ConfigObject;
import com.typesafe.config.ConfigValue;
import io.retune.MadePage;
import io.retune.config.ExplainedKeys.Explained;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * {@code docs/configuration.md}: its tables are made of what the binders ask for and of the
 * comments of {@code conf/reference.conf} and {@code jobs/sites/laptop.conf}, which have to agree.
 */
class ConfigurationDocTest {
  private static final Path PAGE = Path.of("docs", "configuration.md");
  private static final Path RECIPE = Path.of("conf", "reference.conf");
  private static final Path SITE = Path.of("jobs", "sites", "laptop.conf");

  private static final String TRANSFORMS = "Transforms";

  /** Of a list of transforms, whose ever it is. */
  private static final String ELEMENT = "[].";

  private static final Pattern DEFAULT =
      Pattern.compile("(?:^|; )(?:default|left out): (.*?)(?=\\. |\\.?$)");
  private static final Pattern REQUIRED = Pattern.compile("^required(?:, once)?[:,] ");

  /** What the column of values says already. */
  private static final Pattern TYPE =
      Pattern.compile(
          "^(?:whole number(?: from \\d+)?|above 0|at least 0|from 1|between 0 and 1|text"
              + "|64 lower-case hexadecimal digits|letters, digits, dots, - and _|true"
              + "|SPDX identifier or name|two numbers, at least 0 and below 1|or a list of .*)"
              + "(?:[.,;:] |$)");

  /** Both of a key: its comment, and how the binder asks for it, which it does not for a block. */
  private record Both(Explained said, Optional<Block.Key> asked) {
    String path() {
      return canonical(said.path());
    }

    boolean isOfTransform() {
      return path().startsWith(ELEMENT);
    }

    String shownPath() {
      return isOfTransform()
          ? path().substring(ELEMENT.length()).replace(".*", "[]")
          : path().replace("*", "NAME");
    }

    String section() {
      String first = said.path().replaceFirst("\\..*", "");
      return isOfTransform()
          ? TRANSFORMS
          : Set.of("model", "data", "order", "train", "evaluation").contains(first)
              ? first
              : "The run";
    }

    boolean isSaidToBeRequired() {
      return REQUIRED.matcher(said.comment()).find();
    }

    Optional<String> saidDefault() {
      Matcher said = DEFAULT.matcher(said().comment());
      return said.find() ? Optional.of(said.group(1)) : Optional.empty();
    }

    /** As it would be written. */
    String byDefault() {
      if (asked.map(Block.Key::required).orElse(isSaidToBeRequired())) {
        return "required";
      }
      Optional<String> written =
          asked
              .flatMap(Block.Key::byDefault)
              .map(value -> meansDefault(said.value()) ? unquoted(said.value()) : value.toString());
      return saidDefault()
          .or(() -> written)
          .map(text -> isPhrase(text) ? text : "`" + text + "`")
          .orElse(asked.isPresent() ? "none" : "");
    }

    private static boolean isPhrase(String text) {
      return text.equals("none") || text.matches("[a-z.].* .*");
    }

    boolean meansDefault(ConfigValue value) {
      try {
        return asked.orElseThrow().byDefault().equals(Optional.of(asked.get().kind().parse(value)));
      } catch (Kind.Refusal e) {
        return false;
      }
    }

    String value() {
      return asked
          .map(key -> key.kind().expected())
          .map(text -> text.replaceFirst("^Expected (.*)\\.$", "$1"))
          .orElse("");
    }

    String meaning() {
      String comment = REQUIRED.matcher(said.comment()).replaceFirst("");
      comment = DEFAULT.matcher(comment).replaceFirst("").replaceFirst("^[.;] ", "");
      return TYPE.matcher(comment).replaceFirst("").strip();
    }

    String row(boolean fingerprint) {
      String in = asked.map(key -> key.inFingerprint() ? "yes" : "no").orElse("");
      return Stream.of(
              "`" + shownPath() + "`", value(), byDefault(), fingerprint ? in : null, meaning())
          .filter(cell -> cell != null)
          .map(cell -> cell.replace("|", "\\|"))
          .collect(joining(" | ", "| ", " |\n"));
    }

    private static String unquoted(ConfigValue value) {
      return String.valueOf(value.unwrapped());
    }
  }

  private static String canonical(String path) {
    return path.replaceFirst(
        "^data\\.(?:datasets\\.\\*\\.)?prepare\\.\\*\\.", Matcher.quoteReplacement(ELEMENT));
  }

  /** What is said of the keys that a file has, each once. */
  private static List<Both> keys(Path file, List<Block.Key> asked) throws IOException {
    Map<String, Block.Key> byPath =
        asked.stream().collect(toMap(key -> canonical(key.path()), k -> k, (one, same) -> one));
    return ExplainedKeys.read(file).stream()
        .map(said -> new Both(said, Optional.ofNullable(byPath.get(canonical(said.path())))))
        .toList();
  }

  private static List<Both> recipe() throws IOException {
    return keys(RECIPE, ConfigLoader.values(RECIPE));
  }

  private static List<Both> site() throws IOException {
    return keys(SITE, SiteLoader.values());
  }

  @Test
  void thePageSaysWhatBindersAndCommentsSay() throws IOException {
    List<Both> recipe = recipe();
    String page = Files.readString(PAGE);
    for (String section :
        List.of("The run", "model", "data", TRANSFORMS, "order", "train", "evaluation")) {
      List<Both> keys = recipe.stream().filter(key -> key.section().equals(section)).toList();
      page = withTable(page, section, keys, true);
    }
    MadePage.hold(PAGE, withTable(page, "The site", site(), false), getClass());
  }

  private static String withTable(
      String page, String heading, List<Both> keys, boolean fingerprint) {
    String head =
        fingerprint
            ? "| key | value | left out | in the fingerprint | |\n|---|---|---|---|---|\n"
            : "| key | value | left out | |\n|---|---|---|---|\n";
    String rows =
        keys.stream()
            .filter(key -> key.asked().isPresent() || !key.said().comment().isEmpty())
            .map(key -> key.row(fingerprint))
            .distinct()
            .collect(joining());
    Matcher old =
        Pattern.compile(
                "(?ms)^(## " + heading + "\\n(?:(?!^## )(?!^\\|).*?\\n)*?)(?:^\\|[^\\n]*\\n)+")
            .matcher(page);
    assertThat(old.find()).as("a table under ## " + heading).isTrue();
    return page.substring(0, old.end(1)) + head + rows + page.substring(old.end());
  }

  @Test
  void everyKeyIsExplainedAndEveryExplainedKeyIsKnown() throws IOException {
    assertThat(explained(RECIPE)).isEqualTo(paths(ConfigLoader.values(RECIPE)));
    assertThat(explained(SITE)).isEqualTo(paths(SiteLoader.values()));
  }

  private static Set<String> paths(List<Block.Key> asked) {
    return asked.stream().map(key -> canonical(key.path())).collect(toSet());
  }

  private static Set<String> explained(Path file) throws IOException {
    return ExplainedKeys.read(file).stream()
        .filter(key -> !isBlocks(key.value()))
        .map(key -> canonical(key.path()))
        .collect(toSet());
  }

  private static boolean isBlocks(ConfigValue value) {
    return value instanceof ConfigObject
        || (value instanceof ConfigList list
            && list.stream().anyMatch(ConfigObject.class::isInstance));
  }

  @Test
  void aCommentSaysRequiredOfWhatIs() throws IOException {
    assertThat(recipe().stream().filter(key -> key.asked().isPresent() && !key.isOfTransform()))
        .allSatisfy(
            key ->
                assertThat(key.isSaidToBeRequired())
                    .as(key.path())
                    .isEqualTo(key.asked().orElseThrow().required()));
    assertThat(site()).noneMatch(Both::isSaidToBeRequired);
    assertThat(SiteLoader.values()).noneMatch(Block.Key::required);
  }

  /** Or what is written there is the default. */
  @Test
  void aCommentSaysTheDefaultThatIs() throws IOException {
    assertThat(Stream.concat(recipe().stream(), site().stream()))
        .filteredOn(key -> key.asked().flatMap(Block.Key::byDefault).isPresent())
        .filteredOn(key -> !key.isOfTransform() && !key.path().equals("cache"))
        .hasSizeGreaterThan(20)
        .allSatisfy(
            key ->
                assertThat(
                        key.meansDefault(
                            key.saidDefault()
                                .map(ConfigurationDocTest::parsed)
                                .orElse(key.said().value())))
                    .as(key.path())
                    .isTrue());
    assertThat(recipe().stream().filter(key -> !key.isOfTransform()))
        .filteredOn(key -> key.asked().isPresent() && !key.asked().get().required())
        .allSatisfy(key -> assertThat(key.saidDefault()).as(key.path()).isPresent());
  }

  private static ConfigValue parsed(String text) {
    return ConfigFactory.parseString("v = " + text).root().get("v");
  }

  @Test
  void theReferenceNamesWhatIsKeptOutOfTheFingerprint() throws IOException {
    UnaryOperator<String> last = path -> path.substring(path.lastIndexOf('.') + 1);
    Matcher sentence =
        Pattern.compile("Kept out of the fingerprint: ([^:]*?)\\.\n")
            .matcher(Files.readString(RECIPE));
    assertThat(sentence.find()).isTrue();
    Set<String> named =
        Stream.of(
                sentence
                    .group(1)
                    .replaceAll("\n#|,| and|a dataset's| of evaluation", " ")
                    .split(" +"))
            .map(last)
            .map(word -> word.equals("reasons") ? "why" : word)
            .collect(toSet());
    assertThat(named)
        .isEqualTo(
            ConfigLoader.values(RECIPE).stream()
                .filter(key -> !key.inFingerprint())
                .map(key -> last.apply(key.path()))
                .collect(toSet()));
  }
}
