package io.retune.text;

import io.retune.config.ErrorCode;
import io.retune.config.InvalidInputException;
import java.nio.file.Path;
import java.time.Clock;
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
import java.util.stream.IntStream;

/**
 * Renders chats with a model's own template, and says which tokens are trained: of each trained
 * message what the model says in it (reasoning, content, calls of tools) and its end-of-turn token.
 *
 * <p>A special token is one only where the template put it. Where the same text starts inside a
 * message or a tool, its first character gives way to a stand-in that occurs nowhere else before
 * rendering, so that it is not taken for one, and comes back afterwards. For chats without such
 * text the ids are those that transformers gives for the whole text. Added tokens that are not
 * special, as {@code <think>} of Qwen3, are ordinary text of the model: templates look for them in
 * messages, and they are tokens wherever they stand.
 *
 * <p>Some templates ask what day it is. One that has no clock to ask ({@link #open(Path)}) takes
 * the date that the template has for that case, or refuses: what is prepared today must be the same
 * tomorrow. With a clock the text is that of transformers, which says today's date.
 */
public final class ChatRenderer implements AutoCloseable {
  private static final int LATEST = 3;

  /** In which tokens that are added but not special became ordinary text. */
  private static final int LATEST_OF_SPECIAL_TOKENS_ALONE = 2;

  private static final List<String> NAMED_TOKENS =
      List.of(
          "bos_token",
          "eos_token",
          "unk_token",
          "sep_token",
          "pad_token",
          "cls_token",
          "mask_token");

  private final Tokenizer tokenizer;
  private final ChatTemplate template;
  private final Map<String, Object> names;
  private final Set<Integer> configuredEnds;
  private final Pattern special;
  private final Pattern added;
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
    this.special = anyOf(tokenizer.controlTokens());
    this.added = anyOf(tokenizer.specialTokens().keySet());
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
   * Without a clock: what it renders depends on model and chat alone.
   *
   * @throws InvalidInputException if the model has no chat template, or one outside the subset we
   *     interpret
   */
  public static ChatRenderer open(Path modelDirectory) {
    return open(modelDirectory, Map.of());
  }

  /**
   * As {@link #open(Path)}, but for templates that ask what day it is.
   *
   * @param clock that answers them
   */
  public static ChatRenderer open(Path modelDirectory, Clock clock) {
    return open(modelDirectory, Map.of("strftime_now", TemplateFunction.strftime(clock)));
  }

  private static ChatRenderer open(Path modelDirectory, Map<String, Object> functions) {
    TokenizerConfig config = TokenizerConfig.read(modelDirectory);
    String place = config.file().toString();
    String template =
        config
            .template()
            .orElseThrow(
                () ->
                    InvalidInputException.of(
                        ErrorCode.NO_CHAT_TEMPLATE,
                        place,
                        "has no chat template.",
                        "Use a model that was trained on chats, or add a chat_template."));
    Map<String, Object> names = new LinkedHashMap<>(functions);
    for (String name : NAMED_TOKENS) {
      config.token(name).ifPresent(text -> names.put(name, text));
    }
    Set<Integer> ends = EndTokens.of(modelDirectory);
    return new ChatRenderer(Tokenizer.open(modelDirectory), template, names, ends, place);
  }

  /** Another number than before where this model's chats are rendered differently now. */
  public static int version(Path modelDirectory) {
    return Tokenizer.addsOrdinaryTokens(modelDirectory) ? LATEST : LATEST_OF_SPECIAL_TOKENS_ALONE;
  }

  /** As {@link #render(Conversation)}, of a chat without tools. */
  public RenderedChat render(List<ChatMessage> chat) {
    return render(Conversation.of(chat));
  }

  /**
   * For training: each answer stands behind exactly what the model will be prompted with.
   *
   * @throws InvalidInputException if the template refuses the chat, or what it makes of the
   *     beginning is no beginning of what it makes of the whole
   */
  public RenderedChat render(Conversation chat) {
    Marked marked = marked(chat);
    String text = template(marked.chat(), false);
    List<int[]> answers = new ArrayList<>();
    for (int i : trained(chat)) {
      answers.add(
          behindItsPrompt(marked.chat(), i, text)
              .orElseThrow(
                  () ->
                      InvalidInputException.of(
                          ErrorCode.TEMPLATE_REFUSES,
                          place,
                          "the chat template renders the first %d messages differently when more"
                                  .formatted(i)
                              + " follow.",
                          "Train only the last message, or use a template that does not.")));
    }
    return encoded(text, answers, marked);
  }

  /**
   * As transformers renders it, with the answers where they stand, also where the template has them
   * follow something else than a prompt, as those do that forget an answer's reasoning.
   *
   * @throws InvalidInputException if the template refuses the chat, or an answer is not found
   */
  public RenderedChat show(Conversation chat) {
    return shown(chat, false);
  }

  /** The same with the beginning of the next answer, as the template prompts a model to go on. */
  public RenderedChat showPrompted(Conversation chat) {
    return shown(chat, true);
  }

  private RenderedChat shown(Conversation chat, boolean generationPrompt) {
    Marked marked = marked(chat);
    String text = template(marked.chat(), generationPrompt);
    return encoded(text, answers(marked.chat(), text), marked);
  }

  /**
   * A chat with the beginning of the answer to it, as the template prompts a model to go on;
   * nothing in it is trained.
   *
   * @throws InvalidInputException if the template refuses the chat
   */
  public RenderedChat prompt(List<ChatMessage> chat) {
    Marked marked = marked(Conversation.of(chat));
    return encoded(template(marked.chat(), true), List.of(), marked);
  }

  private Marked marked(Conversation chat) {
    return Marked.of(chat, special, template.toString());
  }

  private static List<Integer> trained(Conversation chat) {
    return IntStream.range(0, chat.messages().size())
        .filter(i -> chat.messages().get(i).train())
        .boxed()
        .toList();
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
            Conversation.of(
                List.of(
                    new ChatMessage("user", "A question?", false),
                    new ChatMessage("assistant", answer, true))),
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

  private String template(Conversation chat, boolean generationPrompt) {
    Map<String, Object> variables = new LinkedHashMap<>(names);
    variables.put("messages", chat.messages().stream().map(ChatMessage::withReasoning).toList());
    variables.put("tools", chat.tools());
    variables.put("documents", TemplateValues.NONE);
    variables.put("add_generation_prompt", generationPrompt);
    return template.render(variables);
  }

  /**
   * Where an answer lies in {@code text}: [begin, end) in chars, the end-of-turn token included.
   * Empty if not behind what the messages before it are rendered as.
   */
  private Optional<int[]> behindItsPrompt(Conversation chat, int message, String text) {
    String prompt = template(chat.first(message), true);
    String answered = template(chat.first(message + 1), false);
    return answered.startsWith(prompt) && text.startsWith(answered.stripTrailing())
        ? Optional.of(new int[] {prompt.length(), endOfTurn(answered, prompt.length())})
        : Optional.empty();
  }

  /** Where the answers lie in {@code text}, each behind its prompt or else behind its header. */
  private List<int[]> answers(Conversation chat, String text) {
    List<int[]> answers = new ArrayList<>();
    Optional<Pattern> end = Optional.empty();
    int at = 0;
    for (int i : trained(chat)) {
      Optional<int[]> answer = behindItsPrompt(chat, i, text);
      if (answer.isEmpty()) {
        end = end.isPresent() ? end : Optional.of(endOfTurn());
        answer = behindItsHeader(chat, i, text, at, end.get());
      }
      if (answer.isEmpty()) {
        throw InvalidInputException.of(
            ErrorCode.TEMPLATE_REFUSES,
            place,
            "the chat template renders message %d so that its answer is not found."
                .formatted(i + 1),
            "Give the chat up to that message, or use a template that begins every answer as its"
                + " generation prompt does.");
      }
      answers.add(answer.get());
      at = answer.get()[1];
    }
    return answers;
  }

  /** What the template puts behind an answer. */
  private Pattern endOfTurn() {
    Set<Integer> ids = endOfTurnIds();
    return anyOf(
        tokenizer.specialTokens().entrySet().stream()
            .filter(token -> ids.contains(token.getValue()))
            .map(Map.Entry::getKey)
            .toList());
  }

  /**
   * Where an answer lies that is not rendered as it is when nothing follows: from the special token
   * that its prompt would end with, and what follows that, to the first end of a turn.
   *
   * @param from behind the answer before it
   */
  private Optional<int[]> behindItsHeader(
      Conversation chat, int message, String text, int from, Pattern end) {
    String prompt = template(chat.first(message), true);
    String header = prompt.substring(headerStart(prompt, chat, message));
    int begin = header.isEmpty() ? -1 : text.indexOf(header, from);
    Matcher matcher = end.matcher(text);
    if (begin < 0 || !matcher.find(begin + header.length())) {
      return Optional.empty();
    }
    int[] answer = {begin + header.length(), matcher.end()};
    String said = text.substring(answer[0], answer[1]);
    return said.contains(lastLine(chat.messages().get(message)))
        ? Optional.of(answer)
        : Optional.empty();
  }

  /** Of the generation prompt where the template has one; of the last special token otherwise. */
  private int headerStart(String prompt, Conversation chat, int message) {
    String before = template(chat.first(message), false);
    if (prompt.startsWith(before) && before.length() < prompt.length()) {
      return before.length();
    }
    Matcher matcher = special.matcher(prompt);
    int start = prompt.length();
    for (int at = 0; matcher.find(at); at = matcher.end()) {
      start = matcher.start();
    }
    return start;
  }

  /** Of what templates keep of an answer; with calls some keep nothing but those. */
  private static String lastLine(ChatMessage message) {
    if (message.fields().containsKey("tool_calls")) {
      return "";
    }
    List<String> lines = message.content().orElse("").lines().map(String::strip).toList();
    return lines.stream().filter(line -> !line.isEmpty()).reduce("", (a, b) -> b);
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

  private RenderedChat encoded(String text, List<int[]> answers, Marked marked) {
    List<int[]> ids = new ArrayList<>();
    List<boolean[]> trained = new ArrayList<>();
    Matcher matcher = added.matcher(text);
    int at = 0;
    while (matcher.find(at)) {
      ordinary(text, at, matcher.start(), answers, marked, ids, trained);
      ids.add(new int[] {tokenizer.specialTokens().get(matcher.group())});
      trained.add(new boolean[] {isInside(answers, matcher.start())});
      at = matcher.end();
    }
    ordinary(text, at, text.length(), answers, marked, ids, trained);
    int[] allIds = ids.stream().flatMapToInt(Arrays::stream).toArray();
    boolean[] allTrained = new boolean[allIds.length];
    int to = 0;
    for (boolean[] piece : trained) {
      System.arraycopy(piece, 0, allTrained, to, piece.length);
      to += piece.length;
    }
    return new RenderedChat(marked.unmarked(text), allIds, allTrained);
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
      Marked marked,
      List<int[]> ids,
      List<boolean[]> trained) {
    String piece = text.substring(begin, end);
    Tokenizer.Spans spans = tokenizer.spans(marked.unmarked(piece));
    boolean[] mask = new boolean[spans.ids().length];
    for (int[] answer : answers) {
      int from = codePoints(piece, answer[0] - begin, marked);
      int to = codePoints(piece, answer[1] - begin, marked);
      for (int i = 0; i < mask.length; i++) {
        mask[i] |= spans.starts()[i] >= from && spans.starts()[i] < to;
      }
    }
    ids.add(spans.ids());
    trained.add(mask);
  }

  /** Code points of the unmarked text before {@code index}, which may lie outside the piece. */
  private static int codePoints(String piece, int index, Marked marked) {
    if (index > piece.length()) {
      return Integer.MAX_VALUE;
    }
    String before = marked.unmarked(piece.substring(0, Math.max(0, index)));
    return before.codePointCount(0, before.length());
  }

  private static boolean isInside(List<int[]> answers, int index) {
    return answers.stream().anyMatch(a -> a[0] <= index && index < a[1]);
  }

  @Override
  public void close() {
    tokenizer.close();
  }
}
