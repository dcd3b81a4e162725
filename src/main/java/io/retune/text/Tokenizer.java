package io.retune.text;

import ai.djl.huggingface.tokenizers.Encoding;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.huggingface.tokenizers.jni.CharSpan;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.retune.config.InvalidInputException;
import io.retune.store.Json;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/**
 * A model's tokenizer, for ordinary text: it recognises no special token, so that {@code
 * <|im_end|>} in a user's data stays ten characters. Special tokens are known by name only ({@link
 * #specialTokens}). May be used by several threads.
 */
public final class Tokenizer implements AutoCloseable {
  /** The library cuts at 512 tokens unless told otherwise. */
  private static final Map<String, String> AS_IT_IS =
      Map.of("truncation", "false", "padding", "false", "addSpecialTokens", "false");

  /** A character has at most four bytes, each of which may be a token. */
  private static final int TOKENS_PER_CHARACTER = 4;

  /** What decoding puts in the place of bytes that are no character yet. */
  private static final String NO_CHARACTER = "\ufffd";

  /** Without post-processing, one token of every tokenizer; with it, what goes around a text. */
  private static final String ANY_TEXT = "a";

  private final HuggingFaceTokenizer tokenizer;
  private final Map<String, Integer> specialTokens;
  private final int[] before;
  private final int[] behind;

  /** What added tokens say, by id: those that only control the model say nothing. */
  private final Map<Integer, String> said;

  private Tokenizer(
      HuggingFaceTokenizer tokenizer,
      Map<String, Integer> specialTokens,
      Map<Integer, String> said,
      int[] asDocument) {
    this.tokenizer = tokenizer;
    this.specialTokens = specialTokens;
    this.said = said;
    int[] text = encode(ANY_TEXT);
    int start = 0;
    while (!Arrays.equals(Arrays.copyOfRange(asDocument, start, start + text.length), text)) {
      start++;
    }
    this.before = Arrays.copyOf(asDocument, start);
    this.behind = Arrays.copyOfRange(asDocument, start + text.length, asDocument.length);
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
      return new Tokenizer(tokenizer, special, said, asDocument(json));
    } catch (IOException e) {
      throw ModelFile.unreadable(file, e);
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

  /** {@link #ANY_TEXT} with the special tokens that the post-processor puts around a text. */
  private static int[] asDocument(JsonNode tokenizer) throws IOException {
    byte[] text = Json.write(tokenizer).getBytes(StandardCharsets.UTF_8);
    try (HuggingFaceTokenizer whole =
        HuggingFaceTokenizer.newInstance(new ByteArrayInputStream(text), AS_IT_IS)) {
      return ids(whole.encode(ANY_TEXT, true, false));
    }
  }

  /** Ids by the text of added tokens, such as {@code <|im_end|>}. */
  public Map<String, Integer> specialTokens() {
    return Map.copyOf(specialTokens);
  }

  /** Whether it has added tokens that are not special. */
  static boolean addsOrdinaryTokens(Path modelDirectory) {
    Path file = modelDirectory.resolve("tokenizer.json");
    try {
      JsonNode added =
          Files.exists(file)
              ? Json.read(Files.readAllBytes(file)).path("added_tokens")
              : MissingNode.getInstance();
      return StreamSupport.stream(added.spliterator(), false)
          .anyMatch(token -> !token.path("special").asBoolean());
    } catch (IOException e) {
      throw ModelFile.unreadable(file, e);
    }
  }

  /** Of the added tokens those that only control the model, and are no text of its own. */
  Set<String> controlTokens() {
    return specialTokens.entrySet().stream()
        .filter(token -> said.get(token.getValue()).isEmpty())
        .map(Map.Entry::getKey)
        .collect(Collectors.toSet());
  }

  /** Token ids of ordinary text [tokens]. */
  public int[] encode(String text) {
    return text.isEmpty() ? new int[0] : ids(tokenizer.encode(text, false, false));
  }

  /**
   * Token ids of a text that stands for itself, with the special tokens that the model expects
   * around one, such as a beginning-of-text token [tokens].
   */
  public int[] encodeDocument(String text) {
    return Stream.of(before, encode(text), behind).flatMapToInt(Arrays::stream).toArray();
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

  /**
   * A rendered chat, token by token; the texts in a row are the chat's. Tokens that share a
   * character are one.
   */
  public List<Token> tokens(RenderedChat chat) {
    Map<Integer, String> special = new HashMap<>();
    specialTokens.forEach((text, id) -> special.put(id, text));
    int[] ids = chat.inputIds();
    List<Token> tokens = new ArrayList<>();
    int at = 0;
    int first = 0;
    while (first < ids.length) {
      String name = special.get(ids[first]);
      int end = name == null ? characterEnd(chat, first, at) : first + 1;
      String text = name == null ? asIn(chat.text(), at, decoded(ids, first, end)) : name;
      tokens.add(new Token(text, chat.trained()[first], name != null));
      at += text.length();
      first = end;
    }
    return tokens;
  }

  /**
   * Behind the tokens, from {@code first} and trained alike, that the text goes on with at {@code
   * at}.
   */
  private int characterEnd(RenderedChat chat, int first, int at) {
    int[] ids = chat.inputIds();
    int longest = first + 1;
    for (int end = first + 1; end <= Math.min(ids.length, first + TOKENS_PER_CHARACTER); end++) {
      if (chat.trained()[end - 1] != chat.trained()[first]) {
        break;
      }
      String text = decoded(ids, first, end);
      if (chat.text().startsWith(asIn(chat.text(), at, text), at)) {
        longest = end;
        if (!text.contains(NO_CHARACTER)) {
          break;
        }
      }
    }
    return longest;
  }

  private String decoded(int[] ids, int from, int to) {
    return tokenizer.decode(Arrays.stream(ids, from, to).asLongStream().toArray(), false);
  }

  /** With the blank before it, which some tokenizers leave away when a token stands alone. */
  private static String asIn(String text, int at, String decoded) {
    return !text.startsWith(decoded, at) && text.startsWith(" " + decoded, at)
        ? " " + decoded
        : decoded;
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
