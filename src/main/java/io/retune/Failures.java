package io.retune;

import io.retune.config.ErrorCode;
import io.retune.config.Failure;
import io.retune.config.InvalidInputException;
import io.retune.config.Problem;
import io.retune.config.Secrets;
import io.retune.store.Json;
import io.retune.store.UnwritableException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** How a command that failed says so: to people on stderr, with {@code --json} on stdout too. */
final class Failures {
  /** Of the codes that are offered to be explained. */
  private static final int MOST_CODES = 3;

  /** Also as it stands in the words of a failed task of Spark. */
  private static final Pattern OUT_OF_MEMORY = Pattern.compile("OutOfMemoryError: ([^\\n]*)");

  /** What nothing was done of, where a command is about training. */
  static final String NOTHING_TRAINED = "nothing was trained";

  private final String command;
  private final Optional<String> undone;
  private final boolean json;

  /**
   * @param command as a user calls it: {@code retune run}
   * @param undone what is said to be undone behind the number of problems
   * @param json whether a program reads stdout
   */
  Failures(String command, Optional<String> undone, boolean json) {
    this.command = command;
    this.undone = undone;
    this.json = json;
  }

  /**
   * Tells what ended a command.
   *
   * @return the exit code
   */
  int tell(Throwable e) {
    if (e instanceof InvalidInputException invalid) {
      List<Problem> problems = invalid.problems();
      return tell(e.getMessage(), counted(problems) + more(problems), problems);
    } else if (e instanceof Failure failure) {
      return tell(e.getMessage(), more(failure.problems()), failure.problems());
    }
    Optional<String> unwritable = UnwritableException.reasonOf(e);
    if (unwritable.isPresent()) {
      return tell(
          new Problem(
              ErrorCode.WRITE_FAILED,
              command,
              unwritable.get() + ".",
              "Make room, or see to it that you may write there; then ask again."));
    }
    Optional<String> memory = memoryOf(e);
    if (memory.isPresent()) {
      return tell(
          new Problem(
              ErrorCode.OUT_OF_MEMORY,
              command,
              "the memory that Java may use ran out: " + memory.get() + ".",
              "Give it more, RETUNE_JAVA_OPTIONS=-Xmx6g ./retune ..., or --driver-memory to jobs/submit.sh; then ask again."));
    }
    return defect(e);
  }

  /** Which memory ran out, if that is what {@code failure} comes from. */
  private static Optional<String> memoryOf(Throwable failure) {
    for (Throwable t = failure; t != null; t = t.getCause()) {
      Matcher words = OUT_OF_MEMORY.matcher(t.toString());
      if (words.find()) {
        return Optional.of(words.group(1));
      }
    }
    return Optional.empty();
  }

  /** The same, of one problem. */
  int tell(Problem problem) {
    return tell(problem.toString(), more(List.of(problem)), List.of(problem));
  }

  private int tell(String message, String footer, List<Problem> problems) {
    System.err.println(Secrets.hide(message));
    System.err.println(footer);
    return end(problems);
  }

  private int defect(Throwable e) {
    StringWriter trace = new StringWriter();
    e.printStackTrace(new PrintWriter(trace));
    System.err.println(
        "This is a defect of Retune; please report it with the lines below. ["
            + ErrorCode.DEFECT
            + "]");
    System.err.println(Secrets.hide(trace.toString()));
    return end(
        List.of(
            new Problem(
                ErrorCode.DEFECT,
                command,
                e.toString(),
                "Please report it with the lines that stderr has.")));
  }

  private int end(List<Problem> problems) {
    int exit = problems.get(0).code().exit().code();
    if (json) {
      Map<String, Object> error = new LinkedHashMap<>();
      error.put("exit", exit);
      error.put("problems", problems.stream().map(Problem::fields).toList());
      System.out.println(Json.write(Map.of("error", error)));
    }
    return exit;
  }

  private String counted(List<Problem> problems) {
    String count = problems.size() == 1 ? "1 problem" : problems.size() + " problems";
    return count + undone.map(what -> "; " + what).orElse("") + ". ";
  }

  private static String more(List<Problem> problems) {
    return problems.stream()
        .map(problem -> problem.code().toString())
        .distinct()
        .limit(MOST_CODES)
        .collect(Collectors.joining(" ", "More: ./retune explain ", ""));
  }
}
