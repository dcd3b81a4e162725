package io.retune.it;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.retune.store.Json;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** Chat templates of model families, as the packages trl and axolotl (Apache 2.0) carry them. */
final class Templates {
  private static final Venv VENV =
      new Venv(
          "templates",
          List.of("requirements-templates.txt"),
          List.of(Venv.pip("--no-deps", "requirements-templates.txt")),
          Map.of());

  private static final String TRL = "trl/chat_templates/";
  private static final String AXOLOTL = "axolotl/utils/chat_templates/templates/";

  private static final List<String> CHATML = List.of("<|im_start|>", "<|im_end|>");
  private static final List<String> LLAMA =
      List.of(
          "<|begin_of_text|>",
          "<|start_header_id|>",
          "<|end_header_id|>",
          "<|eot_id|>",
          "<|eom_id|>",
          "<|python_tag|>");
  private static final List<String> GEMMA =
      List.of("<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>");
  private static final List<String> MISTRAL =
      List.of(
          "<s>",
          "</s>",
          "[INST]",
          "[/INST]",
          "[TOOL_CALLS]",
          "[AVAILABLE_TOOLS]",
          "[/AVAILABLE_TOOLS]",
          "[TOOL_RESULTS]",
          "[/TOOL_RESULTS]",
          "[SYSTEM_PROMPT]",
          "[/SYSTEM_PROMPT]");
  private static final List<String> QWEN_TEXT =
      List.of(
          "<tool_call>",
          "</tool_call>",
          "<tool_response>",
          "</tool_response>",
          "<think>",
          "</think>");

  private Templates() {}

  /**
   * A model family's template, and the tokens that it writes.
   *
   * @param special with the beginning of a text first and the end of a turn second, by {@code end}
   * @param ordinary added tokens that are not special
   */
  record Family(String file, List<String> special, String end, List<String> ordinary) {}

  /** By name. SmolLM2's own template is the real model's. */
  static Map<String, Family> families() {
    Map<String, Family> families = new LinkedHashMap<>();
    families.put("chatml", new Family(AXOLOTL + "chatml", CHATML, "<|im_end|>", List.of()));
    families.put("llama3", new Family(TRL + "llama3", LLAMA, "<|eot_id|>", List.of()));
    families.put("llama3.1", new Family(TRL + "llama3_1", LLAMA, "<|eot_id|>", List.of()));
    families.put("llama3.2", new Family(TRL + "llama3_2", LLAMA, "<|eot_id|>", List.of()));
    families.put(
        "llama3-generation", new Family(TRL + "llama3_training", LLAMA, "<|eot_id|>", List.of()));
    families.put("mistral-v1", new Family(AXOLOTL + "mistral_v1", MISTRAL, "</s>", List.of()));
    families.put(
        "mistral-v3", new Family(AXOLOTL + "mistral_v3_tekken", MISTRAL, "</s>", List.of()));
    families.put(
        "mistral-v7", new Family(AXOLOTL + "mistral_v7_tekken", MISTRAL, "</s>", List.of()));
    families.put("gemma2", new Family(TRL + "gemma", GEMMA, "<end_of_turn>", List.of("\n\n")));
    families.put("qwen2.5", new Family(TRL + "qwen2_5", CHATML, "<|im_end|>", QWEN_TEXT));
    families.put("qwen3", new Family(TRL + "qwen3", CHATML, "<|im_end|>", QWEN_TEXT));
    families.put(
        "qwen3-generation", new Family(TRL + "qwen3_training", CHATML, "<|im_end|>", QWEN_TEXT));
    return families;
  }

  /** A folder with the tokenizer of {@code model}, the family's tokens added, and its template. */
  static void write(Family family, Path model, Path folder) throws IOException {
    Files.createDirectories(folder);
    Tokens tokens = new Tokens(model);
    family.special().forEach(token -> tokens.add(token, true));
    family.ordinary().forEach(token -> tokens.add(token, false));
    Files.writeString(folder.resolve("tokenizer.json"), tokens.json());
    Files.writeString(
        folder.resolve("tokenizer_config.json"),
        Json.write(
            Map.of(
                "tokenizer_class",
                "PreTrainedTokenizerFast",
                "bos_token",
                family.special().get(0),
                "eos_token",
                family.end(),
                "clean_up_tokenization_spaces",
                false)));
    Files.copy(packages().resolve(family.file() + ".jinja"), folder.resolve("chat_template.jinja"));
  }

  private static Path packages() {
    try (Stream<Path> versions = Files.list(VENV.python().getParent().resolveSibling("lib"))) {
      return versions
          .map(version -> version.resolve("site-packages"))
          .filter(packages -> Files.exists(packages.resolve("trl")))
          .findFirst()
          .orElseThrow();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The tokens of a tokenizer.json, and more. */
  private static final class Tokens {
    private final ObjectNode tokenizer;
    private int next;

    Tokens(Path model) throws IOException {
      this.tokenizer = (ObjectNode) Json.read(Files.readAllBytes(model.resolve("tokenizer.json")));
      this.next = tokenizer.path("model").path("vocab").size();
    }

    void add(String content, boolean special) {
      for (JsonNode token : tokenizer.path("added_tokens")) {
        if (token.path("content").asText().equals(content)) {
          return;
        }
      }
      tokenizer
          .withArray("added_tokens")
          .addObject()
          .put("id", next++)
          .put("content", content)
          .put("single_word", false)
          .put("lstrip", false)
          .put("rstrip", false)
          .put("normalized", false)
          .put("special", special);
    }

    String json() {
      return Json.write(tokenizer);
    }
  }
}
