package io.retune.lineage;

import static java.util.stream.Collectors.counting;
import static java.util.stream.Collectors.groupingBy;

import io.retune.lineage.JournalEntry.Artifact;
import io.retune.lineage.JournalEntry.AttemptEnded;
import io.retune.lineage.JournalEntry.AttemptStarted;
import io.retune.lineage.JournalEntry.Checkpointed;
import io.retune.lineage.JournalEntry.Declared;
import io.retune.lineage.JournalEntry.DriverStarted;
import io.retune.lineage.JournalEntry.Ended;
import io.retune.lineage.JournalEntry.Evaluated;
import io.retune.lineage.JournalEntry.Event;
import io.retune.lineage.JournalEntry.Failed;
import io.retune.lineage.JournalEntry.Stepped;
import io.retune.lineage.JournalEntry.Written;
import io.retune.train.CheckpointRecord;
import io.retune.train.EvaluationRecord;
import io.retune.train.StepRecord;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;

/** What the entries of a run's journal come to. */
public record RunHistory(List<JournalEntry> entries) {
  public RunHistory {
    entries = List.copyOf(entries);
  }

  private <T extends Event> Stream<T> all(Class<T> type) {
    return entries.stream().map(JournalEntry::event).filter(type::isInstance).map(type::cast);
  }

  public Optional<Declared> declared() {
    return all(Declared.class).findFirst();
  }

  /** Drivers that have taken the run up. */
  public int drivers() {
    return (int) all(DriverStarted.class).count();
  }

  public List<DriverStarted> driverStarts() {
    return all(DriverStarted.class).toList();
  }

  /**
   * Those that computed steps, in their order: their programs made the weights. Before the first
   * step it is the last driver.
   */
  public List<DriverStarted> computingDrivers() {
    List<DriverStarted> computing = new ArrayList<>();
    Optional<DriverStarted> last = Optional.empty();
    for (JournalEntry entry : entries) {
      if (entry.event() instanceof DriverStarted started) {
        last = Optional.of(started);
      } else if (entry.event() instanceof Stepped) {
        last.ifPresent(computing::add);
        last = Optional.empty();
      }
    }
    return computing.isEmpty() ? last.stream().toList() : computing;
  }

  /** Files of the run that are known to be whole, by name; of one name the last. */
  public SortedMap<String, Artifact> artifacts() {
    SortedMap<String, Artifact> byName = new TreeMap<>();
    all(Written.class)
        .flatMap(written -> written.artifacts().stream())
        .forEach(artifact -> byName.put(artifact.name(), artifact));
    return byName;
  }

  public List<StepRecord> steps() {
    return all(Stepped.class).map(Stepped::step).toList();
  }

  public List<EvaluationRecord> evaluations() {
    return all(Evaluated.class).map(Evaluated::evaluation).toList();
  }

  public List<CheckpointRecord> checkpoints() {
    return all(Checkpointed.class).map(Checkpointed::checkpoint).toList();
  }

  /** Of the last entry. */
  public String seal() {
    return entries.get(entries.size() - 1).seal();
  }

  /** What a whole record would have and this one has not: steps that are missing or there twice. */
  public List<String> gaps() {
    int last = ended().isPresent() ? declared().orElseThrow().steps() : lastStep();
    Map<Integer, Long> times =
        steps().stream().collect(groupingBy(StepRecord::step, TreeMap::new, counting()));
    List<String> gaps = new ArrayList<>();
    for (int step = 1; step <= last; step++) {
      long found = times.getOrDefault(step, 0L);
      if (found != 1) {
        gaps.add("step " + step + " is there " + found + " times");
      }
    }
    return gaps;
  }

  /** Name of the run, which was declared. */
  public String run() {
    return declared().orElseThrow().run();
  }

  /** Why the recipe cannot be trained as it is; empty while nothing says so. */
  public Optional<Failed> recipeFailure() {
    return ended().isPresent()
        ? Optional.empty()
        : all(Failed.class).filter(failed -> failed.kind().equals(Failed.BAD_INPUT)).findFirst();
  }

  public Optional<Ended> ended() {
    return all(Ended.class).findFirst();
  }

  public List<AttemptStarted> attempts() {
    return all(AttemptStarted.class).toList();
  }

  /** The entry with which the attempt began; empty when its ranks were never all there. */
  Optional<JournalEntry> start(int attempt) {
    return entries.stream()
        .filter(e -> e.event() instanceof AttemptStarted started && started.attempt() == attempt)
        .findFirst();
  }

  /** The last driver that had taken the run up before {@code entry}. */
  int driverAt(JournalEntry entry) {
    return entries.stream()
        .takeWhile(e -> e.entry() < entry.entry())
        .filter(e -> e.event() instanceof DriverStarted)
        .mapToInt(e -> ((DriverStarted) e.event()).driver())
        .max()
        .orElse(0);
  }

  /**
   * How long an attempt took, from the entry of its start to that of its end; or, where the driver
   * after it had to write the end down, be that a day later, to the last thing that it did.
   */
  public Duration took(JournalEntry start, JournalEntry end) {
    return Duration.between(Instant.parse(start.time()), Instant.parse(lastOf(start, end).time()));
  }

  private JournalEntry lastOf(JournalEntry start, JournalEntry end) {
    if (driverAt(start) == driverAt(end)) {
      return end;
    }
    return entries.stream()
        .filter(e -> e.entry() > start.entry() && e.entry() < end.entry())
        .filter(e -> isWork(e.event()))
        .reduce((earlier, later) -> later)
        .orElse(start);
  }

  private static boolean isWork(Event event) {
    return event instanceof Stepped || event instanceof Evaluated || event instanceof Checkpointed;
  }

  /** How the attempt ended; empty when its driver did not live to say. */
  public Optional<AttemptEnded> end(int attempt) {
    return all(AttemptEnded.class).filter(e -> e.attempt() == attempt).findFirst();
  }

  /** The last step that is known to have been done. */
  public int lastStep() {
    return all(Stepped.class).mapToInt(s -> s.step().step()).max().orElse(0);
  }

  public Optional<EvaluationRecord> evaluation(int step) {
    return all(Evaluated.class)
        .map(Evaluated::evaluation)
        .filter(e -> e.step() == step)
        .findFirst();
  }

  public boolean hasCheckpoint(int step) {
    return checkpoint(step).isPresent();
  }

  public Optional<CheckpointRecord> checkpoint(int step) {
    return all(Checkpointed.class)
        .map(Checkpointed::checkpoint)
        .filter(c -> c.step() == step)
        .findFirst();
  }

  /** The last attempt whose end nobody has written down. */
  public OptionalInt openAttempt() {
    return attempts().stream()
        .mapToInt(AttemptStarted::attempt)
        .filter(attempt -> end(attempt).isEmpty())
        .max();
  }

  /** When the run was declared, RFC 3339. */
  public String startedAt() {
    return entries.isEmpty() ? "" : entries.get(0).time();
  }
}
