package io.retune;

import io.retune.config.ErrorCode;
import io.retune.config.Nearest;
import io.retune.config.Problem;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;
import picocli.CommandLine.MissingParameterException;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/** What is wrong with a command line that picocli does not understand, in our own words. */
final class Misuse {
  private final CommandSpec command;

  private Misuse(CommandSpec command) {
    this.command = command;
  }

  static Problem of(ParameterException e) {
    Misuse misuse = new Misuse(e.getCommandLine().getCommandSpec());
    if (e instanceof UnmatchedArgumentException unmatched) {
      return misuse.unmatched(unmatched.getUnmatched().get(0), unmatched.isUnknownOption());
    } else if (e instanceof MissingParameterException missing && !missing.getMissing().isEmpty()) {
      return misuse.missing(missing.getMissing());
    }
    return misuse.problem(
        ErrorCode.BAD_ARGUMENT, e.getMessage().replaceFirst("^Error: ", "") + ".", "");
  }

  private Problem unmatched(String argument, boolean isOption) {
    if (isOption) {
      String name = argument.replaceFirst("=.*", "");
      return problem(
          ErrorCode.UNKNOWN_OPTION,
          "unknown option \"" + name + "\".",
          meant(Nearest.to(name, new TreeSet<>(command.optionsMap().keySet()))));
    } else if (command.parent() == null) {
      return problem(
          ErrorCode.UNKNOWN_COMMAND,
          "unknown command \"" + argument + "\".",
          meant(Nearest.to(argument, command.subcommands().keySet())));
    }
    return problem(
        ErrorCode.BAD_ARGUMENT,
        "\"" + argument + "\" is one argument too many.",
        "Put quotes around what has blanks. ");
  }

  private static String meant(Optional<String> nearest) {
    return nearest.map(name -> "Did you mean \"" + name + "\"? ").orElse("");
  }

  private Problem missing(List<ArgSpec> missing) {
    ArgSpec first = missing.get(0);
    if (first instanceof OptionSpec option) {
      return option.required()
          ? problem(
              ErrorCode.MISSING_ARGUMENT,
              option.longestName() + " " + option.paramLabel() + " is missing.",
              "")
          : problem(
              ErrorCode.MISSING_ARGUMENT,
              option.longestName() + " has no " + option.paramLabel() + ".",
              "");
    }
    return problem(ErrorCode.MISSING_ARGUMENT, first.paramLabel() + " is missing.", "");
  }

  private Problem problem(ErrorCode code, String message, String remedy) {
    String name = command.qualifiedName();
    return new Problem(code, name, message, remedy + "Everything it takes: ./" + name + " --help");
  }
}
