package io.retune.job;

import io.retune.config.Experiment;
import io.retune.config.InvalidInputException;
import io.retune.lineage.Arguments;
import io.retune.lineage.Arguments.Difference;
import io.retune.lineage.DamagedJournalException;
import java.util.List;
import java.util.Set;

/** What a configuration extends, and in what it differs from that. */
final class Parent {
  private Parent() {}

  /**
   * A line for each difference that means something, with the reason for it.
   *
   * @param run which extends it
   */
  static void say(Workspace workspace, Experiment experiment, String run) {
    experiment.recipe().parent().ifPresent(parent -> say(workspace, experiment, parent, run));
  }

  private static void say(Workspace workspace, Experiment experiment, String parent, String run) {
    Terminal terminal = workspace.terminal();
    Arguments before;
    try {
      before = DiffJob.arguments(workspace, parent);
    } catch (InvalidInputException | DamagedJournalException e) {
      // Whoever trains from a copy of the configuration may not have it.
      terminal.warn("extends   %s, which cannot be read here: %s", parent, e.getMessage());
      return;
    }
    if (before.name().equals(run)) {
      return; // The latest of its own name: it goes on.
    }
    List<Difference> differences =
        before
            .differencesTo(Arguments.of(experiment.recipe().name(), experiment), Set.of())
            .stream()
            .filter(difference -> !difference.intended())
            .toList();
    terminal.say(
        "extends   %s, %s",
        before.name(),
        differences.isEmpty()
            ? "from which it differs in nothing that changes a weight or a score"
            : "with " + Terminal.count(differences.size(), "other value"));
    for (Difference it : differences) {
      terminal.say(
          "          %s = %s, was %s%s",
          it.key(),
          DiffJob.brief(it.other()),
          DiffJob.brief(it.one()),
          it.otherWhy().map(why -> ": " + why).orElse(""));
    }
  }
}
