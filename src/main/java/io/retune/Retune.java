package io.retune;

import io.retune.cluster.SubmittedDriver;
import io.retune.config.Exit;
import io.retune.config.RedactedOutput;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
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
      Commands.Rebuild.class,
      Commands.Explain.class
    },
    version = "retune 0.1.0",
    footer = {
      "",
      "Also: retune test (the test suite), retune bench engine (ratios against transformers + peft),",
      "retune bench tracking (what a tracking server costs the training),",
      "retune bench start (where the time to the first step goes).",
      "Exit codes: 0 done, 1 a defect of ours, 2 bad input, 3 failed and can be resumed, 4 a check did not hold,",
      "5 held by another driver, 130 and 143 interrupted and can be resumed."
    })
public final class Retune {
  private static final String JSON = "--json";

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
    // What we write is the same on every machine: 1,101 is not 1.101 where people write it so.
    Locale.setDefault(Locale.ROOT);
    int code = kept(arguments);
    System.out.flush();
    System.err.flush();
    System.exit(code);
  }

  /** With what it says kept in a folder, if the arguments ask for it. */
  private static int kept(String[] arguments) {
    Optional<Outcome> outcome = Optional.empty();
    int code;
    try {
      outcome = Outcome.asked(arguments);
      RedactedOutput.install();
      SubmittedDriver.prepare();
      code = run(arguments);
    } catch (Throwable e) { // picocli lets an Error pass.
      code =
          new Failures("retune", Optional.empty(), Arrays.asList(arguments).contains(JSON)).tell(e);
    }
    if (outcome.isPresent()) {
      outcome.get().end(code);
    }
    return code;
  }

  /** The program but for the end of its process; the exit code. */
  static int run(String... arguments) {
    return commandLine().execute(arguments);
  }

  static CommandLine commandLine() {
    CommandLine line = new CommandLine(new Retune());
    line.setCaseInsensitiveEnumValuesAllowed(true);
    line.setParameterExceptionHandler(Retune::misused);
    line.setExecutionExceptionHandler(Retune::failed);
    line.setExecutionStrategy(
        parsed -> {
          if (!parsed.hasSubcommand() && parsed.matchedOptions().isEmpty()) {
            line.usage(line.getOut());
            return Exit.BAD_INPUT.code();
          }
          return new CommandLine.RunLast().execute(parsed);
        });
    return line;
  }

  private static int misused(ParameterException e, String[] arguments) {
    CommandLine command = e.getCommandLine();
    boolean json = Arrays.asList(arguments).contains(JSON);
    return failures(command, json).tell(Misuse.of(e));
  }

  private static int failed(Exception e, CommandLine command, ParseResult parsed) {
    return failures(command, command.getParseResult().hasMatchedOption(JSON)).tell(e);
  }

  private static Failures failures(CommandLine command, boolean json) {
    boolean trains = command.getCommandSpec().mixins().containsKey(Commands.ASKED);
    return new Failures(
        command.getCommandSpec().qualifiedName(),
        trains ? Optional.of(Failures.NOTHING_TRAINED) : Optional.empty(),
        json);
  }
}
