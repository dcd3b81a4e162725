package io.retune.text;

import com.fasterxml.jackson.databind.JsonNode;
import io.retune.config.InvalidInputException;
import io.retune.store.Json;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Renders chats with a model's own template, and says which tokens are trained: of each trained
 * message the content and its end-of-turn token.
 *
 * <p>A special token is one only where the template put it. Where the same text starts inside a
 * message, its first character gives way to a stand-in that occurs nowhere else before rendering,
 * so that it is not taken for one, and comes back afterwards. For chats without such text the ids
 * are those that transformers gives for the whole text.
 */
public final class ChatRenderer implements AutoCloseable {
  /** Raised when the same model would render the same chat differently. */
  public static final int VERSION = 2;

  private final Tokenizer tokenizer;
  private final ChatTemplate template;
  private final Map<String, Object> names;
  private final Set<Integer> configuredEnds;
  private final Pattern special;
  private final String place;

  private ChatRenderer(
      Tokenizer tokenizer,
      String template,
      Map<String, Object> names,
      Set<Integer> configuredEnds,
      String place) {
    this.tokenizer = tokenizer;
    this.configuredEnds = configuredEnds;
    this.template = ChatTemplate.parse(place, template);
    this.names = names;
    this.place = place;
    this.special = anyOf(tokenizer.specialTokens().keySet());
  }

  /** The longest first; of none, what matches nowhere. */
  private static Pattern anyOf(Collection<String> tokens) {
    String alternatives =
        tokens.stream()
            .filter(token -> !token.isEmpty())
            .sorted(Comparator.comparingInt(String::length).reversed())
            .map(Pattern::quote)
            .collect(Collectors.joining("|"));
    return Pattern.compile(alternatives.isEmpty() ? "(?!)" : alternatives);
  }

  /**
   * @throws InvalidInputException if the model has no chat template, or one outside the subset we
   *     interpret
   */
  public static ChatRenderer open(Path modelDirectory) {
    Path file = modelDirectory.resolve("tokenizer_config.json");
    try {
      JsonNode config = Json.read(Files.readAllBytes(file));
      Path separate = modelDirectory.resolve("chat_template.jinja");
      String template =
          Files.exists(separate)
              ? Files.readString(separate)
              : config.path("chat_template").asText("");
      if (template.isEmpty()) {
        throw InvalidInputException.of(
            file.toString(),
            "has no chat template.",
            "Use a model that was trained on chats, or add a chat_template.");
      }
      Map<String, Object> names = new LinkedHashMap<>();
      for (String name : List.of("bos_token", "eos_token", "unk_token", "pad_token")) {
        JsonNode token = config.path(name);
        String text = token.isObject() ? token.path("content").asText() : token.asText("");
        if (!text.isEmpty()) {
          names.put(name, text);
        }
      }
      return new ChatRenderer(
          Tokenizer.open(modelDirectory),
          template,
          names,
          EndTokens.of(modelDirectory),
          file.toString());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * @throws InvalidInputException if the template refuses the chat, or what it makes of the
   *     beginning is no beginning of what it makes of the whole
   */
  public RenderedChat render(List<ChatMessage> chat) {
    Marked marked = Marked.of(chat, special, template.toString());
    String text = template(marked.chat(), false);
    List<int[]> answers = answers(marked.chat(), text);
    return encoded(text, answers, marked.standIns());
  }

  /**
   * A chat with the beginning of the answer to it, as the template prompts a model to go on;
   * nothing in it is trained.
   *
   * @throws InvalidInputException if the template refuses the chat
   */
  public RenderedChat prompt(List<ChatMessage> chat) {
    Marked marked = Marked.of(chat, special, template.toString());
    return encoded(template(marked.chat(), true), List.of(), marked.standIns());
  }

  /**
   * Ids that end the model's turn: those that its configuration names, and the one that the
   * template puts behind an answer, which is what a fine-tuned model has learned to end with.
   */
  public Set<Integer> endOfTurnIds() {
    Set<Integer> ids = new TreeSet<>(configuredEnds);
    Map<String, Integer> specialTokens = tokenizer.specialTokens();
    Optional.ofNullable(specialTokens.get(String.valueOf(names.get("eos_token"))))
        .ifPresent(ids::add);
    String answer = "An answer.";
    String text =
        template(
            List.of(
                new ChatMessage("user", "A question?", false),
                new ChatMessage("assistant", answer, true)),
            false);
    Matcher matcher = special.matcher(text);
    if (matcher.find(text.lastIndexOf(answer) + answer.length())) {
      ids.add(specialTokens.get(matcher.group()));
    }
    return ids;
  }

  /** What generated ids say, special tokens left out. */
  public String text(int[] ids) {
    return tokenizer.decode(ids);
  }

  private String template(List<ChatMessage> chat, boolean generationPrompt) {
    List<Object> messages = new ArrayList<>();
    for (ChatMessage message : chat) {
      Map<String, Object> fields = new LinkedHashMap<>();
      fields.put("role", message.role());
      fields.put("content", message.content());
      messages.add(fields);
    }
    Map<String, Object> variables = new LinkedHashMap<>(names);
    variables.put("messages", messages);
    variables.put("add_generation_prompt", generationPrompt);
    return template.render(variables);
  }

  /**
   * Where the trained answers lie in {@code text}: [begin, end) in chars, the end-of-turn token
   * included.
   */
  private List<int[]> answers(List<ChatMessage> chat, String text) {
    List<int[]> answers = new ArrayList<>();
    for (int i = 0; i < chat.size(); i++) {
      if (!chat.get(i).train()) {
        continue;
      }
      String prompt = template(chat.subList(0, i), true);
      String answered = template(chat.subList(0, i + 1), false);
      if (!answered.startsWith(prompt) || !text.startsWith(answered.stripTrailing())) {
        throw InvalidInputException.of(
            place,
            "the chat template renders the first " + i + " messages differently when more follow.",
            "Train only the last message, or use a template that does not.");
      }
      answers.add(new int[] {prompt.length(), endOfTurn(answered, prompt.length())});
    }
    return answers;
  }

  /** Behind the last special token of the answer; its end when there is none. */
  private int endOfTurn(String answered, int from) {
    Matcher matcher = special.matcher(answered);
    int end = -1;
    for (int at = from; matcher.find(at); at = matcher.end()) {
      end = matcher.end();
    }
    return end < 0 ? answered.length() : end;
  }

  private RenderedChat encoded(
      String text, List<int[]> answers, Map<Character, Character> standIns) {
    List<int[]> ids = new ArrayList<>();
    List<boolean[]> trained = new ArrayList<>();
    Matcher matcher = special.matcher(text);
    int at = 0;
    while (matcher.find(at)) {
      ordinary(text, at, matcher.start(), answers, standIns, ids, trained);
      ids.add(new int[] {tokenizer.specialTokens().get(matcher.group())});
      trained.add(new boolean[] {isInside(answers, matcher.start())});
      at = matcher.end();
    }
    ordinary(text, at, text.length(), answers, standIns, ids, trained);
    int[] allIds = ids.stream().flatMapToInt(Arrays::stream).toArray();
    boolean[] allTrained = new boolean[allIds.length];
    int to = 0;
    for (boolean[] piece : trained) {
      System.arraycopy(piece, 0, allTrained, to, piece.length);
      to += piece.length;
    }
    return new RenderedChat(unmarked(text, standIns), allIds, allTrained);
  }

  /**
   * A token is trained that starts at or after an answer's start; one that straddles it belongs to
   * the prompt.
   */
  private void ordinary(
      String text,
      int begin,
      int end,
      List<int[]> answers,
      Map<Character, Character> standIns,
      List<int[]> ids,
      List<boolean[]> trained) {
    String piece = text.substring(begin, end);
    Tokenizer.Spans spans = tokenizer.spans(unmarked(piece, standIns));
    boolean[] mask = new boolean[spans.ids().length];
    for (int[] answer : answers) {
      int from = codePoints(piece, answer[0] - begin, standIns);
      int to = codePoints(piece, answer[1] - begin, standIns);
      for (int i = 0; i < mask.length; i++) {
        mask[i] |= spans.starts()[i] >= from && spans.starts()[i] < to;
      }
    }
    ids.add(spans.ids());
    trained.add(mask);
  }

  /** Code points of the unmarked text before {@code index}, which may lie outside the piece. */
  private static int codePoints(String piece, int index, Map<Character, Character> standIns) {
    if (index > piece.length()) {
      return Integer.MAX_VALUE;
    }
    String before = unmarked(piece.substring(0, Math.max(0, index)), standIns);
    return before.codePointCount(0, before.length());
  }

  private static boolean isInside(List<int[]> answers, int index) {
    return answers.stream().anyMatch(a -> a[0] <= index && index < a[1]);
  }

  private static String unmarked(String text, Map<Character, Character> standIns) {
    String unmarked = text;
    for (Map.Entry<Character, Character> standIn : standIns.entrySet()) {
      unmarked = unmarked.replace(standIn.getKey(), standIn.getValue());
    }
    return unmarked;
  }

  /**
   * A chat in whose messages special-token text has been marked.
   *
   * @param standIns what each stands in for; empty when there was nothing to mark
   */
  private record Marked(List<ChatMessage> chat, Map<Character, Character> standIns) {
    static Marked of(List<ChatMessage> chat, Pattern special, String template) {
      String all =
          chat.stream()
              .map(m -> m.role() + "\n" + m.content())
              .collect(Collectors.joining("\n", template, ""));
      Map<Character, Character> byFirst = new LinkedHashMap<>();
      List<ChatMessage> marked = new ArrayList<>();
      for (ChatMessage message : chat) {
        marked.add(
            new ChatMessage(
                marked(message.role(), special, byFirst, all),
                marked(message.content(), special, byFirst, all),
                message.train()));
      }
      Map<Character, Character> standIns = new LinkedHashMap<>();
      byFirst.forEach((first, standIn) -> standIns.put(standIn, first));
      return new Marked(marked, standIns);
    }

    /** Wherever one starts, also inside another. */
    private static String marked(
        String text, Pattern special, Map<Character, Character> byFirst, String all) {
      StringBuilder marked = new StringBuilder(text);
      Matcher matcher = special.matcher(text);
      for (int at = 0; matcher.find(at); at = matcher.start() + 1) {
        char first = text.charAt(matcher.start());
        byFirst.computeIfAbsent(first, f -> free(all, byFirst));
        marked.setCharAt(matcher.start(), byFirst.get(first));
      }
      return marked.toString();
    }

    /** A character of the private use area that occurs nowhere and is not taken. */
    private static char free(String all, Map<Character, Character> byFirst) {
      char free = '\ue000';
      while (all.indexOf(free) >= 0 || byFirst.containsValue(free)) {
        free++;
      }
      return free;
    }
  }

  @Override
  public void close() {
    tokenizer.close();
  }
}
