package io.retune;

import static java.util.stream.Collectors.joining;
import static java.util.stream.Collectors.toCollection;

import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/** {@code docs/commands.md} is made of what the command line knows. */
class CommandsDocTest {
  private static final Path PAGE = Path.of("docs", "commands.md");

  private static final String HEAD =
      """
      # Commands

      `./retune VERB ...` in a clone, `jobs/submit.sh ... -- VERB ...` [on a cluster](cluster.md). This page is made of what `--help` says. Results go to stdout, all else
      to stderr; what is refused is explained in [the catalogue of errors](errors.md).

      """;

  /** Options that several verbs share, told once. */
  private record Shared(String heading, Set<String> names, List<OptionSpec> options) {
    static Shared of(String heading, List<OptionSpec> options) {
      return new Shared(heading, names(options), options);
    }

    boolean isOf(CommandSpec verb) {
      return names(verb.options()).containsAll(names);
    }

    private static Set<String> names(List<OptionSpec> options) {
      return options.stream()
          .map(OptionSpec::longestName)
          .collect(toCollection(LinkedHashSet::new));
    }

    String reference() {
      String words = heading.toLowerCase(Locale.ROOT);
      return "[%s](#%s)".formatted(words, words.replace(' ', '-'));
    }
  }

  @Test
  void thePageSaysWhatTheCommandLineTakes() throws IOException {
    CommandLine retune = Retune.commandLine();
    List<CommandSpec> verbs =
        retune.getSubcommands().values().stream().map(CommandLine::getCommandSpec).toList();
    Shared place = Shared.of("Options of most verbs", mixin(retune, "lineage", "place"));
    Shared asked =
        Shared.of(
            "Options of verbs that take a configuration",
            mixin(retune, "run", Commands.ASKED).stream()
                .filter(option -> !place.names().contains(option.longestName()))
                .toList());
    StringBuilder page = new StringBuilder(HEAD).append("| verb | |\n|---|---|\n");
    for (CommandSpec verb : verbs) {
      page.append("| [`%s`](#retune-%1$s) | %s |\n".formatted(verb.name(), description(verb)));
    }
    page.append("\n").append(paragraphs(retune.getCommandSpec().usageMessage().footer()));
    for (Shared shared : List.of(place, asked)) {
      page.append("\n## ").append(shared.heading()).append("\n\n").append(table(shared.options()));
    }
    verbs.forEach(verb -> page.append(section(verb, List.of(place, asked))));
    MadePage.hold(PAGE, page.toString(), getClass());
  }

  private static List<OptionSpec> mixin(CommandLine retune, String verb, String name) {
    return retune.getSubcommands().get(verb).getCommandSpec().mixins().get(name).options();
  }

  private static String section(CommandSpec verb, List<Shared> all) {
    List<Shared> shared = all.stream().filter(it -> it.isOf(verb)).toList();
    List<OptionSpec> own =
        verb.options().stream()
            .filter(option -> !option.hidden() && !option.usageHelp())
            .filter(
                option ->
                    shared.stream().noneMatch(it -> it.names().contains(option.longestName())))
            .toList();
    List<ArgSpec> arguments =
        Stream.<ArgSpec>concat(verb.positionalParameters().stream(), own.stream()).toList();
    StringBuilder section = new StringBuilder();
    section.append("\n## retune ").append(verb.name()).append("\n\n");
    section.append(description(verb)).append("\n");
    section.append("\n`./retune %s`\n".formatted(synopsis(verb, arguments)));
    if (!arguments.isEmpty()) {
      section.append("\n").append(table(arguments));
    }
    if (!shared.isEmpty()) {
      section.append("\nAlso the ");
      section.append(shared.stream().map(Shared::reference).collect(joining(", and the ")));
      section.append(".\n");
    }
    return section.toString();
  }

  private static String synopsis(CommandSpec verb, List<ArgSpec> arguments) {
    return Stream.concat(
            Stream.of(verb.name()), arguments.stream().map(CommandsDocTest::synopsis).distinct())
        .collect(joining(" "));
  }

  /** Of options of which one may be said, all. */
  private static String synopsis(ArgSpec argument) {
    if (argument.group() != null) {
      return argument.group().args().stream()
          .map(CommandsDocTest::form)
          .collect(joining(" | ", "[", "]"));
    }
    boolean several = argument.isMultiValue();
    String form = form(argument) + (several ? argument.splitRegex() + "..." : "");
    return argument.required() ? form : "[" + form + "]";
  }

  /** As it is typed. */
  private static String form(ArgSpec argument) {
    if (argument instanceof PositionalParamSpec) {
      return argument.paramLabel();
    }
    OptionSpec option = (OptionSpec) argument;
    String name = String.join(", ", option.names());
    return option.arity().max() == 0 ? name : name + " " + option.paramLabel();
  }

  private static String table(List<? extends ArgSpec> arguments) {
    return arguments.stream()
        .map(a -> "| `%s` | %s |\n".formatted(form(a), cell(String.join(" ", a.description()))))
        .collect(joining("", "| | |\n|---|---|\n", ""));
  }

  private static String description(CommandSpec verb) {
    return cell(String.join(" ", verb.usageMessage().description()));
  }

  private static String paragraphs(String... lines) {
    return String.join("\n", lines).strip().replace("\nExit", "\n\nExit") + "\n";
  }

  private static String cell(String text) {
    return text.replace("|", "\\|");
  }
}
