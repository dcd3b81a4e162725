package io.retune.evaluate;

import io.retune.evaluate.ChatModel.Answer;
import io.retune.store.Json;
import io.retune.store.Store;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.stream.IntStream;
import org.apache.hadoop.fs.Path;

/**
 * What a model says before and after training, side by side, for people to compare.
 *
 * @param maxNewTokens of each answer
 */
public record Samples(int maxNewTokens, List<Sample> samples) {
  public Samples {
    samples = List.copyOf(samples);
  }

  /** One user message and both answers to it. */
  public record Sample(String prompt, Answer before, Answer after) {}

  /**
   * Asks for both answers at the same time, on two threads.
   *
   * @param adapter after training, float32 in the layout's order
   */
  public static Samples of(
      ChatModel model, List<String> prompts, float[] adapter, int maxNewTokens) {
    FutureTask<List<Answer>> before =
        new FutureTask<>(() -> model.answer(prompts, model.untouched(), maxNewTokens));
    Thread beside = new Thread(before, "retune-answers-before");
    beside.start();
    try {
      List<Answer> after = model.answer(prompts, adapter, maxNewTokens);
      return together(prompts, before.get(), after, maxNewTokens);
    } catch (ExecutionException e) {
      throw new IllegalStateException("The untouched model gave no answer", e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("Interrupted", e);
    } finally {
      end(beside);
    }
  }

  /**
   * The model must stay open as long as the thread computes with it, which is at most another
   * token, even when the waiting thread is interrupted.
   */
  private static void end(Thread beside) {
    beside.interrupt();
    boolean interrupted = false;
    while (beside.isAlive()) {
      try {
        beside.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private static Samples together(
      List<String> prompts, List<Answer> before, List<Answer> after, int maxNewTokens) {
    return new Samples(
        maxNewTokens,
        IntStream.range(0, prompts.size())
            .mapToObj(i -> new Sample(prompts.get(i), before.get(i), after.get(i)))
            .toList());
  }

  /** Writes them as JSON for people and programs; no run, date or path is in it. */
  public void write(Store store, Path file) {
    store.write(file, (Json.pretty(this) + "\n").getBytes(StandardCharsets.UTF_8));
  }
}
