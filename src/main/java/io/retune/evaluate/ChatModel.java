package io.retune.evaluate;

import io.retune.config.InvalidInputException;
import io.retune.config.TrainSpec;
import io.retune.engine.Decoder;
import io.retune.engine.Generator;
import io.retune.engine.Generator.Continuation;
import io.retune.engine.Generator.Stop;
import io.retune.model.AdapterLayout;
import io.retune.model.ImportedModel;
import io.retune.text.ChatMessage;
import io.retune.text.ChatRenderer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/**
 * A model to whom a user speaks: with whatever adapter, or as it was before any training. May be
 * used by several threads.
 */
public final class ChatModel implements AutoCloseable {
  private final ChatRenderer renderer;
  private final Decoder decoder;
  private final AdapterLayout layout;

  private ChatModel(ChatRenderer renderer, Decoder decoder, AdapterLayout layout) {
    this.renderer = renderer;
    this.decoder = decoder;
    this.layout = layout;
  }

  /**
   * @param cache local directory in which prepared weights are kept
   * @param lora shape of the adapters it will be given
   * @throws InvalidInputException if the model has no chat template, or its files were changed
   */
  public static ChatModel open(ImportedModel model, Path cache, TrainSpec.Lora lora)
      throws IOException {
    AdapterLayout layout = AdapterLayout.of(model.config(), lora);
    ChatRenderer renderer = ChatRenderer.open(model.directory());
    try {
      Decoder decoder = Decoder.load(model, cache, layout, lora.scale());
      return new ChatModel(renderer, decoder, layout);
    } catch (IOException | RuntimeException e) {
      renderer.close();
      throw e;
    }
  }

  /**
   * What the model said.
   *
   * @param tokens that it has, without the one that ended the turn
   */
  public record Answer(String text, int tokens, Stop stopped) {}

  /** An adapter that does nothing, float32 in the layout's order. */
  public float[] untouched() {
    return new float[layout.size()];
  }

  /**
   * Answers each message on its own, greedily, on the calling thread.
   *
   * @param messages of a user
   * @param adapter float32, in the layout's order
   * @param maxNewTokens of each answer
   */
  public List<Answer> answer(List<String> messages, float[] adapter, int maxNewTokens) {
    List<int[]> prompts = messages.stream().map(this::prompt).toList();
    try (Generator generator = decoder.generator()) {
      return generator.generate(prompts, adapter, maxNewTokens, renderer.endOfTurnIds()).stream()
          .map(this::answer)
          .toList();
    }
  }

  private int[] prompt(String message) {
    return renderer.prompt(List.of(new ChatMessage("user", message, false))).inputIds();
  }

  private Answer answer(Continuation continuation) {
    int[] ids = continuation.ids();
    return new Answer(renderer.text(ids), ids.length, continuation.stopped());
  }

  @Override
  public void close() {
    decoder.close();
    renderer.close();
  }
}
