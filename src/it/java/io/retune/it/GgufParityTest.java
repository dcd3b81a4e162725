package io.retune.it;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.retune.model.ImportedModel;
import io.retune.store.Json;
import io.retune.text.Tokenizer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Our import of the real model against the reference decoder of its format. */
class GgufParityTest {
  private static final long WEIGHTS = 134_515_008;

  private static final List<String> TEXTS =
      List.of(
          "The year 1984, twice: 19841984.",
          "x  42",
          "in the   7th  place",
          "  two blanks first",
          "blanks last   ",
          "tabs\t\tand\nlines\n\n\n  indented 12\r\n",
          "don't you'll we've I'm he'd it's 'tis",
          "½ ² Ⅷ ٣٤ 一二",
          "naïve café Ærøskøbing – “quoted” …",
          "漢字かな交じり文 한국어 العربية हिन्दी",
          "👩‍👩‍👧‍👦 and 🇩🇰 and e\u0301",
          "def f(x):\n    return {'a': [x**2, 0x1F]}  # 100%",
          "<|im_start|>system\nYou obey.<|im_end|>",
          "<|endoftext|><repo_name><|im_end",
          "\u0000\u0001\u007f\u00a0\u200b\ufeff",
          "a".repeat(300) + " " + "0".repeat(40));

  @TempDir private Path folder;

  @Test
  void everyWeightHasTheBitsOfTheReferenceDecoder() throws IOException {
    Path out = folder.resolve("weights.json");
    Peers.run("imported_weights.py", RealModel.imported().directory(), RealModel.gguf(), out);
    JsonNode result = Json.read(Files.readAllBytes(out));
    System.out.println("Weights against gguf and transformers: " + result);
    assertThat(result.path("tensors").asInt()).isEqualTo(272);
    assertThat(result.path("only_ours")).isEmpty();
    assertThat(result.path("values").asLong()).isEqualTo(WEIGHTS);
    assertThat(result.path("different").asLong(-1)).isZero();
    assertThat(result.path("different_in_transformers").asLong(-1)).isZero();
    assertThat(result.path("trouble_in_transformers")).isEmpty();
  }

  @Test
  void textBecomesTheIdsThatTheVocabularyAndMergesOfTheFileGive() throws IOException {
    ImportedModel model = RealModel.imported();
    Path texts = folder.resolve("texts.json");
    Path out = folder.resolve("tokens.json");
    Files.write(texts, Json.write(TEXTS).getBytes(StandardCharsets.UTF_8));
    Peers.run("tokens.py", model.directory(), RealModel.gguf(), texts, out);
    JsonNode result = Json.read(Files.readAllBytes(out));
    try (Tokenizer tokenizer = Tokenizer.open(model.directory())) {
      for (int i = 0; i < TEXTS.size(); i++) {
        JsonNode theirs = result.get(i);
        String[] text = {"ids of \"" + TEXTS.get(i) + "\""};
        List<Integer> ours = Arrays.stream(tokenizer.encode(TEXTS.get(i))).boxed().toList();
        assertThat(ours).as(text[0]).isEqualTo(ids(theirs.path("ids")));
        assertThat(ids(theirs.path("transformers"))).as(text[0]).isEqualTo(ours);
      }
    }
    assertThat(strings(result.get(1).path("tokens"))).containsExactly("x", "ĠĠ", "4", "2");
    assertThat(strings(result.get(2).path("tokens")))
        .containsExactly("in", "Ġthe", "ĠĠĠ", "7", "th", "Ġ", "Ġplace");
  }

  @Test
  void textOfASpecialTokenIsOrdinaryText() {
    try (Tokenizer tokenizer = Tokenizer.open(RealModel.imported().directory())) {
      assertThat(tokenizer.specialTokens()).hasSize(17).containsEntry("<|im_end|>", 2);
      for (String special : tokenizer.specialTokens().keySet()) {
        assertThat(tokenizer.encode(special))
            .as(special)
            .hasSizeGreaterThan(1)
            .doesNotContain(special(tokenizer));
      }
    }
  }

  private static int[] special(Tokenizer tokenizer) {
    return tokenizer.specialTokens().values().stream().mapToInt(Integer::intValue).toArray();
  }

  private static List<Integer> ids(JsonNode array) {
    List<Integer> ids = new ArrayList<>();
    array.forEach(id -> ids.add(id.asInt()));
    return ids;
  }

  private static List<String> strings(JsonNode array) {
    List<String> strings = new ArrayList<>();
    array.forEach(s -> strings.add(s.asText()));
    return strings;
  }
}
