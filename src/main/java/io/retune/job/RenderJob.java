package io.retune.job;

import com.fasterxml.jackson.databind.JsonNode;
import io.retune.evaluate.JsonLines;
import io.retune.store.Json;
import io.retune.text.ChatRenderer;
import io.retune.text.Conversation;
import io.retune.text.RenderedChat;
import io.retune.text.Tokenizer;
import java.nio.file.Path;
import java.time.Clock;
import java.time.ZoneId;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.stream.IntStream;

/**
 * {@code retune render MODEL --data FILE}: what a model reads of each conversation, and which of it
 * is trained. Templates that ask what day it is are told.
 */
public final class RenderJob {
  private static final String EXPECTED =
      "A line is an object with messages, a list, and perhaps tools, a list of objects.";

  private final Workspace workspace;

  public RenderJob(Workspace workspace) {
    this.workspace = workspace;
  }

  /** Whether the beginning of the next answer is rendered too. */
  public enum End {
    OF_THE_CHAT,
    GENERATION_PROMPT
  }

  /**
   * @param data an object a line, with messages and perhaps tools
   * @throws io.retune.config.InvalidInputException if the model has no template that we can
   *     interpret; or with every line that it cannot render
   */
  public void execute(String model, Path data, End end, boolean json) {
    Path directory = ModelArgument.directory(workspace, model);
    try (ChatRenderer renderer =
        ChatRenderer.open(directory, Clock.system(ZoneId.systemDefault()))) {
      BiFunction<String, JsonNode, Shown> render =
          (place, line) -> {
            Conversation chat = Conversation.of(place, line);
            return new Shown(
                place,
                end == End.GENERATION_PROMPT ? renderer.showPrompted(chat) : renderer.show(chat));
          };
      List<Shown> chats = new JsonLines(data, EXPECTED).read(render);
      if (json) {
        chats.forEach(chat -> System.out.println(Json.write(object(chat.rendered()))));
      } else {
        print(directory, chats);
      }
    }
  }

  private record Shown(String place, RenderedChat rendered) {}

  private static Map<String, Object> object(RenderedChat chat) {
    return Map.of("text", chat.text(), "input_ids", chat.inputIds(), "trained", chat.trained());
  }

  private static void print(Path directory, List<Shown> chats) {
    Terminal terminal = new Terminal(System.out);
    MarkedTokens marked = Terminal.isColoured() ? MarkedTokens.COLOURED : MarkedTokens.BRACKETED;
    try (Tokenizer tokenizer = Tokenizer.open(directory)) {
      for (Shown chat : chats) {
        String text = marked.text(tokenizer.tokens(chat.rendered()));
        terminal.say("%s  %s", chat.place(), counted(chat.rendered()));
        terminal.say("%s%s", text, text.endsWith("\n") ? "" : "\n");
      }
    }
  }

  private static String counted(RenderedChat chat) {
    boolean[] trained = chat.trained();
    long count = IntStream.range(0, trained.length).filter(i -> trained[i]).count();
    return "%s, %,d trained".formatted(Terminal.count(trained.length, "token"), count);
  }
}
