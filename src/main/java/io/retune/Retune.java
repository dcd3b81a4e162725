package io.retune;

import io.retune.cluster.SubmittedDriver;
import io.retune.config.InvalidInputException;
import io.retune.config.RedactedOutput;
import io.retune.config.Secrets;
import io.retune.job.CheckDoesNotHoldException;
import io.retune.job.ResumableException;
import io.retune.job.TrainingStoppedException;
import io.retune.lineage.DamagedJournalException;
import io.retune.store.DamagedFileException;
import io.retune.store.LeaseHeldException;
import io.retune.store.UnwritableException;
import io.retune.tracking.MlflowRefusedException;
import io.retune.tracking.MlflowUnreachableException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.Optional;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.ScopeType;

/**
 * The command line: {@code ./retune} on a laptop, the main class of {@code spark-submit} on a
 * cluster.
 */
@Command(
    name = "retune",
    description =
        "Reproducible fine-tuning on Apache Spark: run the tune again, get the same weights.",
    subcommands = {
      Commands.Init.class,
      Commands.Run.class,
      Commands.Check.class,
      Commands.Pin.class,
      Commands.Ingest.class,
      Commands.Prepare.class,
      Commands.Plan.class,
      Commands.Finetune.class,
      Commands.Evaluate.class,
      Commands.Runs.class,
      Commands.Status.class,
      Commands.Show.class,
      Commands.Report.class,
      Commands.Generate.class,
      Commands.Diff.class,
      Commands.Export.class,
      Commands.Score.class,
      Commands.Render.class,
      Commands.Lineage.class,
      Commands.Sql.class,
      Commands.Sync.class,
      Commands.Rebuild.class
    },
    version = "retune 0.1.0",
    footer = {
      "",
      "Also: retune test (the whole test suite), retune bench engine (ratios against transformers + peft),",
      "retune bench tracking (what a tracking server costs the training).",
      "Exit codes: 0 done, 1 a defect of ours, 2 bad input, 3 failed and can be resumed, 4 a check did not hold,",
      "5 held by another driver, 130 and 143 interrupted and can be resumed."
    })
public final class Retune {
  /** What a process says with its exit code. */
  enum Exit {
    DONE(0),
    DEFECT(1),
    BAD_INPUT(2),
    RESUMABLE(3),
    CHECK_DOES_NOT_HOLD(4),
    HELD(5);

    final int code;

    Exit(int code) {
      this.code = code;
    }
  }

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      scope = ScopeType.INHERIT,
      description = "What can be said here, and end.")
  @SuppressWarnings("UnusedVariable") // picocli looks at it
  private boolean help;

  @Option(
      names = {"-V", "--version"},
      versionHelp = true,
      description = "Which Retune this is, and end.")
  @SuppressWarnings("UnusedVariable") // picocli looks at it
  private boolean version;

  @Option(
      names = Outcome.OPTION,
      paramLabel = "DIR",
      scope = ScopeType.INHERIT,
      hidden = true,
      description = "Keep what is printed, and the exit code, in files out, err and exit there.")
  @SuppressWarnings("UnusedVariable") // Outcome looks for it
  private Path outcome;

  private Retune() {}

  public static void main(String[] arguments) {
    System.exit(run(arguments));
  }

  private static int run(String[] arguments) {
    try {
      Optional<Outcome> outcome = Outcome.asked(arguments);
      RedactedOutput.install();
      SubmittedDriver.prepare();
      int code = commandLine().execute(arguments);
      outcome.ifPresent(it -> it.end(code));
      return code;
    } catch (InvalidInputException e) {
      System.err.println(Secrets.hide(e.getMessage()));
      return Exit.BAD_INPUT.code;
    } finally {
      System.out.flush();
      System.err.flush();
    }
  }

  private static CommandLine commandLine() {
    CommandLine line = new CommandLine(new Retune());
    line.setCaseInsensitiveEnumValuesAllowed(true);
    line.setParameterExceptionHandler(Retune::misused);
    line.setExecutionExceptionHandler(Retune::failed);
    line.setExecutionStrategy(
        parsed -> {
          if (!parsed.hasSubcommand() && parsed.matchedOptions().isEmpty()) {
            line.usage(line.getOut());
            return Exit.BAD_INPUT.code;
          }
          return new CommandLine.RunLast().execute(parsed);
        });
    return line;
  }

  private static int misused(ParameterException e, String[] arguments) {
    PrintWriter err = e.getCommandLine().getErr();
    err.println(Secrets.hide(e.getMessage()));
    CommandLine.UnmatchedArgumentException.printSuggestions(e, err);
    err.println("Try: " + e.getCommandLine().getCommandSpec().qualifiedName() + " --help");
    return Exit.BAD_INPUT.code;
  }

  private static int failed(Exception e, CommandLine command, ParseResult parsed) {
    PrintWriter err = command.getErr();
    if (e instanceof InvalidInputException invalid) {
      int problems = invalid.problems().size();
      err.println(invalid.getMessage());
      err.println(
          (problems == 1 ? "1 problem" : problems + " problems") + "; nothing was trained.");
      return Exit.BAD_INPUT.code;
    }
    if (e instanceof MlflowRefusedException || e instanceof TrainingStoppedException) {
      err.println(Secrets.hide(e.getMessage()));
      return Exit.BAD_INPUT.code;
    }
    if (e instanceof LeaseHeldException) {
      err.println(Secrets.hide(e.getMessage()));
      return Exit.HELD.code;
    }
    if (e instanceof ResumableException || e instanceof MlflowUnreachableException) {
      err.println(Secrets.hide(e.getMessage()));
      return Exit.RESUMABLE.code;
    }
    if (e instanceof CheckDoesNotHoldException
        || e instanceof DamagedJournalException
        || e instanceof DamagedFileException) {
      err.println(Secrets.hide(e.getMessage()));
      return Exit.CHECK_DOES_NOT_HOLD.code;
    }
    Optional<String> unwritable = UnwritableException.reasonOf(e);
    if (unwritable.isPresent()) {
      err.println(Secrets.hide(unwritable.get()) + ".\n  Make room, then ask again.");
      return Exit.RESUMABLE.code;
    }
    StringWriter trace = new StringWriter();
    e.printStackTrace(new PrintWriter(trace));
    err.println("This is a defect of Retune; please report it with the lines below.");
    err.println(Secrets.hide(trace.toString()));
    return Exit.DEFECT.code;
  }
}
