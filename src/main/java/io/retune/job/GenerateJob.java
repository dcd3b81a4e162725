package io.retune.job;

import com.fasterxml.jackson.annotation.JsonInclude;
import io.retune.config.CheckDoesNotHoldException;
import io.retune.config.ErrorCode;
import io.retune.config.InvalidInputException;
import io.retune.config.Recipe;
import io.retune.config.TrainSpec;
import io.retune.engine.Generator.Stop;
import io.retune.evaluate.ChatModel;
import io.retune.evaluate.ChatModel.Answer;
import io.retune.evaluate.Samples;
import io.retune.model.ImportedModel;
import io.retune.store.Json;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;

/** {@code retune generate RUN PROMPT}: what the model of a finished run answers. */
public final class GenerateJob {
  /** What Java puts in place of an argument's bytes that it cannot read. */
  private static final char UNREADABLE = '\ufffd';

  private final Workspace workspace;
  private final String start;
  private final String prompt;
  private final int maxNewTokens;
  private final Terminal terminal;

  /**
   * @param start a run, or the start of its name
   * @param prompt a user's message
   * @throws InvalidInputException if there is nothing to answer, not as it was typed, or no room to
   *     answer in
   */
  public GenerateJob(Workspace workspace, String start, String prompt, int maxNewTokens) {
    if (prompt.isBlank()) {
      throw InvalidInputException.of(
          ErrorCode.EMPTY_VALUE, "PROMPT", "is empty.", "Give a message in quotes.");
    }
    if (prompt.indexOf(UNREADABLE) >= 0) {
      throw InvalidInputException.of(
          ErrorCode.BAD_ARGUMENT,
          "PROMPT",
          "has characters that the locale of this process cannot express.",
          "Set LC_ALL=C.UTF-8.");
    }
    if (maxNewTokens < 1) {
      throw InvalidInputException.of(
          ErrorCode.OUT_OF_RANGE,
          "--max-tokens " + maxNewTokens,
          "leaves no room for an answer.",
          "Give at least 1.");
    }
    this.workspace = workspace;
    this.terminal = workspace.terminal();
    this.start = start;
    this.prompt = prompt;
    this.maxNewTokens = maxNewTokens;
  }

  /**
   * What {@code --json} gives; {@code tokens} and {@code stopped} are those of {@code after}.
   *
   * @param before absent unless asked for
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  private record Result(
      String run, String prompt, String before, String after, int tokens, Stop stopped) {}

  /**
   * Prints the answer after training.
   *
   * @throws InvalidInputException if the run is not finished, or the prompt fills the context
   * @throws CheckDoesNotHoldException if the adapter is not what the run exported
   */
  public void print(boolean json) {
    FinishedRun trained = FinishedRun.open(workspace, start);
    try (ChatModel model = open(workspace, trained.model(), trained.adapter().lora())) {
      Answer after = model.answer(List.of(prompt), trained.adapter().values(), maxNewTokens).get(0);
      requireRoom(after);
      if (json) {
        printJson(trained.history().run(), null, after);
      } else {
        System.out.println(after.text());
        noteCut("The answer", after);
      }
    }
  }

  /** Prints the answers before and after training, as {@link #print} does the one. */
  public void printBoth(boolean json) {
    FinishedRun trained = FinishedRun.open(workspace, start);
    try (ChatModel model = open(workspace, trained.model(), trained.adapter().lora())) {
      Samples.Sample both =
          Samples.of(model, List.of(prompt), trained.adapter().values(), maxNewTokens)
              .samples()
              .get(0);
      requireRoom(both.after());
      if (json) {
        printJson(trained.history().run(), both.before().text(), both.after());
      } else {
        System.out.println("before  " + both.before().text());
        System.out.println("after   " + both.after().text());
        noteCut("The answer before", both.before());
        noteCut("The answer after", both.after());
      }
    }
  }

  private void printJson(String run, String before, Answer after) {
    System.out.println(
        Json.write(new Result(run, prompt, before, after.text(), after.tokens(), after.stopped())));
  }

  private void requireRoom(Answer answer) {
    if (answer.stopped() == Stop.CONTEXT && answer.tokens() == 0) {
      throw InvalidInputException.of(
          ErrorCode.EXAMPLE_TOO_LONG,
          "PROMPT",
          "fills the model's context; no answer fits behind it.",
          "Make it shorter.");
    }
  }

  private void noteCut(String what, Answer answer) {
    if (answer.stopped() != Stop.END_OF_TURN) {
      terminal.say(
          "%s was cut after %s%s.",
          what,
          Terminal.count(answer.tokens(), "token"),
          answer.stopped() == Stop.LIMIT
              ? "; --max-tokens lets it go on"
              : ", where the model's context ends");
    }
  }

  /**
   * The answers to a recipe's own prompts, before and after its training.
   *
   * @param adapter behind the last step, float32 in the layout's order
   */
  static Samples samples(Workspace workspace, Recipe recipe, ImportedModel model, float[] adapter) {
    try (ChatModel chat = open(workspace, model, recipe.train().lora())) {
      return Samples.of(
          chat, recipe.evaluation().prompts(), adapter, recipe.evaluation().maxNewTokens());
    }
  }

  private static ChatModel open(Workspace workspace, ImportedModel model, TrainSpec.Lora lora) {
    try {
      return ChatModel.open(model, Path.of(workspace.site().cache()), lora);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
