package io.retune.report;

import com.fasterxml.jackson.databind.JsonNode;
import io.retune.config.ErrorCode;
import io.retune.config.HubSource;
import io.retune.config.InvalidInputException;
import io.retune.config.Problem;
import io.retune.dataset.DatasetVersion;
import io.retune.evaluate.Comparison;
import io.retune.evaluate.GroupComparison;
import io.retune.lineage.JournalEntry.Declared;
import io.retune.lineage.JournalEntry.Ended;
import io.retune.lineage.RunHistory;
import io.retune.store.Json;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * What an exported model is, for who gets it (Mitchell et al. 2019, arXiv:1810.03993), in the form
 * that Hugging Face reads: YAML in front, Markdown behind. Holds no run, date or path, so that the
 * same model has the same card.
 */
public final class ModelCard {
  /**
   * What the hub takes for {@code license} (huggingface.co/docs/hub/repositories-licenses); another
   * is {@code other}, with its name beside it.
   */
  private static final Set<String> LICENCES =
      Set.of(
          """
          afl-3.0 agpl-3.0 apache-2.0 apple-amlr apple-ascl artistic-2.0 bigcode-openrail-m bigscience-bloom-rail-1.0
          bigscience-openrail-m bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear bsl-1.0 c-uda cc cc-by-2.0 cc-by-2.5 cc-by-3.0
          cc-by-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0
          cc-by-nc-sa-4.0 cc-by-nd-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc0-1.0 cdla-permissive-1.0 cdla-permissive-2.0
          cdla-sharing-1.0 creativeml-openrail-m deepfloyd-if-license ecl-2.0 epl-1.0 epl-2.0 etalab-2.0 eupl-1.1 eupl-1.2
          fair-noncommercial-research-license gemma gfdl gpl gpl-2.0 gpl-3.0 grok2-community h-research intel-research isc lgpl
          lgpl-2.1 lgpl-3.0 lgpl-lr llama2 llama3 llama3.1 llama3.2 llama3.3 llama4 lppl-1.3c mit mpl-2.0 ms-pl ncsa odbl odc-by
          ofl-1.1 openmdw-1.0 openrail openrail++ osl-3.0 pddl postgresql unknown unlicense wtfpl zlib
          """
              .split("\\s+"));

  private final Declared declared;
  private final Ended ended;
  private final JsonNode configuration;
  private final String licence;
  private final String use;
  private final Form form;

  /** What is exported. */
  public enum Form {
    ADAPTER("peft", "lora"),
    MERGED("transformers", "merged"),
    GGUF("gguf", "gguf");

    private final String library;
    private final String tag;

    Form(String library, String tag) {
      this.library = library;
      this.tag = tag;
    }
  }

  private ModelCard(
      Declared declared,
      Ended ended,
      JsonNode configuration,
      String licence,
      String use,
      Form form) {
    this.declared = declared;
    this.ended = ended;
    this.configuration = configuration;
    this.licence = licence;
    this.use = use;
    this.form = form;
  }

  /**
   * @param history of a finished run
   * @param licence of the exported model; absent: the recipe's {@code model.licence}
   * @param use what the model is for; absent: the recipe's description
   * @return the card's text
   * @throws InvalidInputException with every field that a card must have and this one would not
   */
  public static String of(
      RunHistory history, Form form, Optional<String> licence, Optional<String> use) {
    Declared declared = history.declared().orElseThrow();
    JsonNode configuration = configuration(declared);
    String licensed = licence.orElse(configuration.at("/model/licence").asText("")).strip();
    String used = use.orElse(declared.asked().description()).strip();
    List<Problem> problems = new ArrayList<>();
    if (licensed.isEmpty()) {
      problems.add(
          missing(
              "a licence", "Give --licence, or model.licence in the configuration of the run."));
    }
    if (used.isEmpty()) {
      problems.add(
          missing("what the model is for", "Give --use, or a description in the configuration."));
    }
    if (!problems.isEmpty()) {
      throw new InvalidInputException(problems);
    }
    return new ModelCard(
            declared, history.ended().orElseThrow(), configuration, licensed, used, form)
        .text();
  }

  private static Problem missing(String field, String remedy) {
    return new Problem(
        ErrorCode.MODEL_CARD_INCOMPLETE, "model card", "would not say " + field + ".", remedy);
  }

  private static JsonNode configuration(Declared declared) {
    try {
      return Json.read(declared.asked().configuration().getBytes(StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private String text() {
    return String.join(
            "\n\n",
            front() + "\n# " + declared.name(),
            use,
            data(),
            training(),
            evaluation(),
            limits(),
            again())
        + "\n";
  }

  /** What the hub reads. JSON strings are YAML strings. */
  private String front() {
    String datasets =
        declared.datasets().stream()
            .map(d -> Json.write(d.name()))
            .collect(Collectors.joining(", ", "[", "]"));
    return """
        ---
        %slibrary_name: %s
        pipeline_tag: text-generation
        tags: [retune, %s]
        datasets: %s
        ---
        """
        .formatted(licensed() + baseOnHub(), form.library, form.tag, datasets);
  }

  private String licensed() {
    String id = licence.toLowerCase(Locale.ROOT);
    return LICENCES.contains(id)
        ? "license: " + Json.write(id) + "\n"
        : "license: other\nlicense_name: " + Json.write(id.replaceAll("[^a-z0-9.-]+", "-")) + "\n";
  }

  /** A base model that is not on the hub has no name there. */
  private String baseOnHub() {
    return HubSource.parse(declared.source().source())
        .map(hub -> "base_model: " + Json.write(hub.repository()) + "\n")
        .orElse("");
  }

  /** Where the base model comes from, without the folders of somebody's disk. */
  private String base() {
    String source = declared.source().source();
    return source.startsWith("file:") ? source.replaceFirst(".*[/:]", "") : source;
  }

  private String data() {
    String rows =
        declared.datasets().stream().map(ModelCard::row).collect(Collectors.joining("\n"));
    return """
        ## Data

        | dataset | version | rows | licence | privacy | SHA-256 |
        |---|---|---|---|---|---|
        %s

        Prepared to %,d examples to train on and %,d held out."""
        .formatted(
            rows, declared.snapshot().trainExamples(), declared.snapshot().evaluationExamples());
  }

  private static String row(DatasetVersion version) {
    return "| %s | %d | %,d | %s | %s | `%s` |"
        .formatted(
            cell(version.name()),
            version.version(),
            version.rows(),
            cell(version.licence()),
            cell(version.privacy()),
            version.root().hex());
  }

  private static String cell(String text) {
    return text.replace("|", "\\|").replace("\n", " ");
  }

  private String training() {
    JsonNode lora = configuration.at("/train/method/lora");
    String reasons =
        declared.asked().reasons().entrySet().stream()
            .map(r -> "- `" + r.getKey() + "`: " + r.getValue().replace("\n", " "))
            .collect(Collectors.joining("\n"));
    return """
        ## Training

        A LoRA adapter of rank %s (alpha %s) on %s, %,d steps, %,d tokens of which %,d are targets, in float32.%s"""
        .formatted(
            lora.path("rank").asText("16"),
            lora.path("alpha").asText("32"),
            cell(base()),
            declared.steps(),
            declared.tokens(),
            declared.targetTokens(),
            reasons.isEmpty() ? "" : "\n\nReasons for values:\n\n" + reasons);
  }

  private String evaluation() {
    StringBuilder text =
        new StringBuilder(
            """
            ## Evaluation

            Loss on the held-out examples, nats per target token, with the interval of the difference (paired bootstrap).

            | | before | after | difference | interval | |
            |---|---|---|---|---|---|
            """);
    text.append(line("all", ended.whole()));
    for (GroupComparison group : ended.loss().subList(1, ended.loss().size())) {
      text.append("\n").append(line(cell(group.group()), group.comparison()));
    }
    if (!ended.success().isEmpty()) {
      text.append("\n\nWhat was asked for before training:\n");
      ended.success().forEach(it -> text.append("\n- ").append(it.words()));
    }
    return text.toString();
  }

  private static String line(String what, Comparison loss) {
    return String.format(
        Locale.ROOT,
        "| %s | %.4f | %.4f | %s | %s | %s |",
        what,
        loss.before(),
        loss.after(),
        loss.change(),
        loss.interval(),
        loss.verdict().words());
  }

  private static String limits() {
    return """
        ## Limits

        The held-out examples come from the same data as the others: of other text, and of what the base model could do besides, nothing is said
        here. Whatever the base model and the data get wrong, this model may too.""";
  }

  private String again() {
    return """
        ## The same weights again

        | | SHA-256 |
        |---|---|
        | base model | `%s` |
        | prepared data | `%s` |
        | order of the examples | `%s` |
        | configuration | `%s` |
        | adapter | `%s` |"""
        .formatted(
            declared.modelSha256(),
            declared.snapshot().root().hex(),
            declared.planSha256(),
            declared.asked().experiment(),
            ended.weightsSha256());
  }
}
