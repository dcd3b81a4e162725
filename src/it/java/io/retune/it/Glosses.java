package io.retune.it;

import io.retune.plan.MicroBatch;
import io.retune.text.ChatMessage;
import io.retune.text.ChatRenderer;
import io.retune.text.RenderedChat;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Chats like the quickstart's: definitions of WordNet's nouns, rendered for the real model. */
final class Glosses {
  /** Takes nouns from all over the file. */
  private static final int STRIDE = 211;

  private Glosses() {}

  /**
   * One example.
   *
   * @param ids token ids [tokens]
   * @param labels at a trained token its own id, elsewhere {@link MicroBatch#NO_TARGET}, as
   *     transformers takes them [tokens]
   */
  record Example(int[] ids, int[] labels) {
    static Example of(RenderedChat chat) {
      int[] labels = new int[chat.inputIds().length];
      for (int i = 0; i < labels.length; i++) {
        labels[i] = chat.trained()[i] ? chat.inputIds()[i] : MicroBatch.NO_TARGET;
      }
      return new Example(chat.inputIds(), labels);
    }

    int tokens() {
      return ids.length;
    }
  }

  /** The first {@code count} examples, always the same. */
  static List<Example> examples(int count) {
    List<Example> examples = new ArrayList<>();
    try (ChatRenderer renderer = ChatRenderer.open(RealModel.imported().directory())) {
      List<List<ChatMessage>> chats = chats();
      for (int i = 0; i < count; i++) {
        examples.add(Example.of(renderer.render(chats.get(i * STRIDE % chats.size()))));
      }
    }
    return examples;
  }

  private static List<List<ChatMessage>> chats() {
    List<List<ChatMessage>> chats = new ArrayList<>();
    try {
      Path nouns = RealModel.wordNet().get("data.noun");
      for (String line : Files.readAllLines(nouns, StandardCharsets.US_ASCII)) {
        if (!line.startsWith("  ")) {
          String lemma = line.split(" ")[4].replace('_', ' ');
          String gloss = line.substring(line.indexOf(" | ") + 3).replaceFirst("; \".*", "").trim();
          chats.add(
              List.of(
                  new ChatMessage(
                      "user", "Define the noun \"" + lemma + "\" in one sentence.", false),
                  new ChatMessage("assistant", gloss, true)));
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return chats;
  }

  /** Packs examples in their order, as many into a micro-batch as {@code tokens} hold. */
  static List<MicroBatch> packed(List<Example> examples, int tokens) {
    List<MicroBatch> batches = new ArrayList<>();
    List<Example> open = new ArrayList<>();
    int used = 0;
    for (Example example : examples) {
      if (used + example.tokens() > tokens && !open.isEmpty()) {
        batches.add(microBatch(open));
        open.clear();
        used = 0;
      }
      open.add(example);
      used += example.tokens();
    }
    batches.add(microBatch(open));
    return batches;
  }

  private static MicroBatch microBatch(List<Example> examples) {
    int tokens = examples.stream().mapToInt(Example::tokens).sum();
    int[] ids = new int[tokens];
    int[] positions = new int[tokens];
    int[] labels = new int[tokens];
    Arrays.fill(labels, MicroBatch.NO_TARGET);
    int at = 0;
    for (Example example : examples) {
      for (int i = 0; i < example.tokens(); i++) {
        ids[at + i] = example.ids()[i];
        positions[at + i] = i;
        if (i > 0) {
          labels[at + i - 1] = example.labels()[i];
        }
      }
      at += example.tokens();
    }
    return new MicroBatch(ids, positions, labels);
  }

  /** Tokens that are predicted: all trained ones but a first. */
  static int targets(List<MicroBatch> batches) {
    return batches.stream().mapToInt(MicroBatch::targets).sum();
  }
}
