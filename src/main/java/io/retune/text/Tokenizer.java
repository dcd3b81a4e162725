package io.retune.text;

import ai.djl.huggingface.tokenizers.Encoding;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.huggingface.tokenizers.jni.CharSpan;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.retune.config.InvalidInputException;
import io.retune.store.Json;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A model's tokenizer, for ordinary text: it recognises no special token, so that {@code
 * <|im_end|>} in a user's data stays ten characters. Special tokens are known by name only ({@link
 * #specialTokens}). May be used by several threads.
 */
public final class Tokenizer implements AutoCloseable {
  /** The library cuts at 512 tokens unless told otherwise. */
  private static final Map<String, String> AS_IT_IS =
      Map.of("truncation", "false", "padding", "false", "addSpecialTokens", "false");

  private final HuggingFaceTokenizer tokenizer;
  private final Map<String, Integer> specialTokens;

  /** What added tokens say, by id: those that only control the model say nothing. */
  private final Map<Integer, String> said;

  private Tokenizer(
      HuggingFaceTokenizer tokenizer,
      Map<String, Integer> specialTokens,
      Map<Integer, String> said) {
    this.tokenizer = tokenizer;
    this.specialTokens = specialTokens;
    this.said = said;
  }

  /**
   * @throws InvalidInputException if the folder has no tokenizer.json that can be read
   */
  public static Tokenizer open(Path modelDirectory) {
    Path file = modelDirectory.resolve("tokenizer.json");
    try {
      byte[] bytes = Files.readAllBytes(file);
      JsonNode json = Json.read(bytes);
      Map<String, Integer> special = new LinkedHashMap<>();
      Map<Integer, String> said = new HashMap<>();
      for (JsonNode token : json.path("added_tokens")) {
        String content = token.path("content").asText();
        special.put(content, token.path("id").asInt());
        said.put(token.path("id").asInt(), token.path("special").asBoolean() ? "" : content);
      }
      ObjectNode plain = json.deepCopy();
      plain.set("added_tokens", plain.arrayNode());
      withoutTemplate(plain);
      byte[] text = Json.write(plain).getBytes(StandardCharsets.UTF_8);
      HuggingFaceTokenizer tokenizer =
          HuggingFaceTokenizer.newInstance(new ByteArrayInputStream(text), AS_IT_IS);
      return new Tokenizer(tokenizer, special, said);
    } catch (java.nio.file.NoSuchFileException e) {
      throw InvalidInputException.of(
          file.toString(), "is not there.", "Give a model with its tokenizer.json.");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * A post-processor only adds special tokens, which are the chat template's affair; it would name
   * tokens that are gone.
   */
  private static void withoutTemplate(ObjectNode tokenizer) {
    if (!(tokenizer.get("post_processor") instanceof ArrayNode)) {
      tokenizer.putNull("post_processor");
    }
  }

  /** Ids by the text of added tokens, such as {@code <|im_end|>}. */
  public Map<String, Integer> specialTokens() {
    return Map.copyOf(specialTokens);
  }

  /** Token ids of ordinary text [tokens]. */
  public int[] encode(String text) {
    return text.isEmpty() ? new int[0] : ids(tokenizer.encode(text, false, false));
  }

  private static int[] ids(Encoding encoding) {
    return Arrays.stream(encoding.getIds()).mapToInt(Math::toIntExact).toArray();
  }

  /**
   * Token ids of ordinary text, and where each token starts.
   *
   * @param starts code points before the token [tokens]
   */
  record Spans(int[] ids, int[] starts) {}

  Spans spans(String text) {
    if (text.isEmpty()) {
      return new Spans(new int[0], new int[0]);
    }
    Encoding encoding = tokenizer.encode(text, false, false);
    int[] starts =
        Arrays.stream(encoding.getCharTokenSpans()).mapToInt(CharSpan::getStart).toArray();
    return new Spans(ids(encoding), starts);
  }

  /** What ids say, special tokens left out. */
  public String decode(int[] ids) {
    StringBuilder text = new StringBuilder();
    int from = 0;
    for (int i = 0; i <= ids.length; i++) {
      if (i == ids.length || said.containsKey(ids[i])) {
        // Together, since a character's bytes may be spread over several tokens.
        long[] ordinary = Arrays.stream(ids, from, i).asLongStream().toArray();
        text.append(ordinary.length == 0 ? "" : tokenizer.decode(ordinary, false));
        text.append(i == ids.length ? "" : said.get(ids[i]));
        from = i + 1;
      }
    }
    return text.toString();
  }

  @Override
  public void close() {
    tokenizer.close();
  }
}
