package io.retune.job;

import io.retune.config.CheckDoesNotHoldException;
import io.retune.config.ErrorCode;
import io.retune.config.HubSource;
import io.retune.config.InvalidInputException;
import io.retune.config.Problem;
import io.retune.config.SourceSpec;
import io.retune.config.TableSource;
import io.retune.config.WrittenSources;
import io.retune.config.WrittenSources.Unpinned;
import io.retune.dataset.Tables;
import io.retune.store.Json;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * {@code retune pin CONF}: writes into the configuration which bytes its sources hold now, where it
 * does not say so yet.
 */
public final class PinJob {
  /** What becomes of what was found out. */
  public enum Then {
    WRITE,
    SAY
  }

  private final Workspace workspace;
  private final Path conf;

  public PinJob(Workspace workspace, Path conf) {
    this.workspace = workspace;
    this.conf = conf;
  }

  /**
   * @throws InvalidInputException naming every source that cannot be pinned; the others are
   * @throws CheckDoesNotHoldException if there was something to write, and it was only to be said
   */
  public void execute(Then then, boolean json) {
    WrittenSources sources = WrittenSources.of(conf);
    List<String> changes = new ArrayList<>();
    List<Problem> problems = new ArrayList<>();
    for (Unpinned source : sources.unpinned()) {
      try {
        changes.addAll(sources.pin(source, pinned(source)));
      } catch (InvalidInputException e) {
        problems.addAll(e.problems());
      }
    }
    if (then == Then.WRITE) {
      sources.write();
    }
    report(then, changes, problems, json);
    if (!problems.isEmpty()) {
      throw new InvalidInputException(problems);
    }
    if (then == Then.SAY && !changes.isEmpty()) {
      throw new CheckDoesNotHoldException(
          ErrorCode.NOT_ALL_PINNED,
          conf.toString(),
          "does not pin all of its sources.",
          "./retune pin " + conf + " writes them in.");
    }
  }

  private SourceSpec pinned(Unpinned unpinned) {
    String place = unpinned.place();
    Optional<TableSource> table = TableSource.parse(unpinned.source());
    if (table.isPresent()) {
      Tables tables = new Tables(workspace::spark, workspace.sources());
      TableSource fixed = tables.atVersion(table.get(), place);
      return new SourceSpec(fixed.toString(), tables.root(fixed, place).hex());
    }
    String source =
        HubSource.parse(unpinned.source())
            .map(hub -> workspace.sources().committed(hub, place).toString())
            .orElse(unpinned.source());
    return new SourceSpec(source, workspace.sources().digestOf(source, place).hex());
  }

  private void report(Then then, List<String> changes, List<Problem> problems, boolean json) {
    changes.forEach(change -> workspace.terminal().say("%s", change));
    if (problems.isEmpty() || !changes.isEmpty()) {
      say(then, changes);
    }
    if (json) {
      System.out.println(Json.write(Map.of("changes", changes, "written", then == Then.WRITE)));
    }
  }

  private void say(Then then, List<String> changes) {
    workspace
        .terminal()
        .say(
            "%s: %s",
            conf,
            changes.isEmpty()
                ? "nothing to pin."
                : Terminal.count(changes.size(), "value")
                    + (then == Then.WRITE ? " written." : " to write."));
  }
}
