package io.retune.report;

import io.retune.config.EvaluationSpec;
import io.retune.config.SourceSpec;
import io.retune.config.SuccessSpec;
import io.retune.dataset.DatasetVersion;
import io.retune.dataset.Snapshot;
import io.retune.evaluate.GroupComparison;
import io.retune.lineage.Environment;
import io.retune.lineage.JournalEntry;
import io.retune.lineage.JournalEntry.Artifact;
import io.retune.lineage.JournalEntry.Asked;
import io.retune.lineage.JournalEntry.AttemptEnded;
import io.retune.lineage.JournalEntry.AttemptStarted;
import io.retune.lineage.JournalEntry.Checkpointed;
import io.retune.lineage.JournalEntry.Declared;
import io.retune.lineage.JournalEntry.DriverStarted;
import io.retune.lineage.JournalEntry.Ended;
import io.retune.lineage.JournalEntry.Evaluated;
import io.retune.lineage.JournalEntry.Failed;
import io.retune.lineage.JournalEntry.Stepped;
import io.retune.lineage.JournalEntry.Written;
import io.retune.lineage.RunHistory;
import io.retune.lineage.Withheld;
import io.retune.plan.Plan;
import io.retune.store.Sha256;
import io.retune.text.Token;
import io.retune.train.CheckpointRecord;
import io.retune.train.EvaluationRecord;
import io.retune.train.GradientDigest;
import io.retune.train.Machine;
import io.retune.train.RankEvent;
import io.retune.train.StepRecord;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.IntStream;

/**
 * A run as a journal tells of it, whole unless it is told otherwise: of {@code planned} steps with
 * {@code groups} groups of held-out examples.
 */
final class Runs {
  private static final int HELD_OUT = 60;
  private static final Machine MACHINE =
      new Machine("north", "Linux 6.1", "amd64", "A processor", 2, 16L << 30, List.of());

  String name = "words";
  String description = "Teach a small model to define words.";
  String request = "nightly 7";
  String source = "pip:model==1!m.gguf";
  int planned = 12;
  int done = 12;
  int groups = 4;
  boolean fails;

  /** It fails because its driver was lost, and is taken up by another a day later. */
  boolean lost;

  /** A program of a later commit exports what was trained. */
  boolean exportedByAnother;

  int attempts = 1;
  boolean level;
  String text = "a word";
  String privacy = "public";
  String configuration =
      "{\"evaluation\":{\"bootstrap\":{\"confidence\":0.95}},\"order\":{\"seed\":42},\"train\":{\"optimizer\":{\"adamw\":{\"lr\":0.0005}}}}";
  TreeMap<String, String> reasons =
      new TreeMap<>(Map.of("train.optimizer.adamw.lr", "found by a sweep"));
  List<Sample> samples =
      List.of(new Sample("Define \"tide\".", "Water.", "the sea's rise and fall"));

  private final List<JournalEntry> entries = new ArrayList<>();
  private long pauseMs;

  private void add(JournalEntry.Event event) {
    long entry = entries.size() + 1L;
    String time =
        Instant.parse("2026-11-24T12:00:00Z").plusMillis(entry * 700 + pauseMs).toString();
    entries.add(new JournalEntry(entry, time, event, Sha256.of("entry " + entry).hex()));
  }

  RunReport report() {
    return new RunReport(history(), plan(), status(), examples(), samples);
  }

  String html() {
    return report().html();
  }

  String status() {
    return done < planned ? (fails ? "interrupted" : "running") : "finished";
  }

  RunLine line() {
    return RunLine.of(history(), status(), Optional.of("runs/" + name + "/report.html"));
  }

  RunHistory history() {
    entries.clear();
    pauseMs = 0;
    add(new DriverStarted(1, environment("c")));
    add(declared());
    for (int lost = 1; lost < attempts; lost++) {
      add(started(lost, 0));
      add(new AttemptEnded(lost, "lost", 0, 0));
    }
    add(started(attempts, 0));
    add(new Evaluated(1, evaluation(0)));
    for (int step = 1; step <= done; step++) {
      if (fails && step == Math.max(1, done / 2)) {
        fail(step);
        add(started(2, step - 1));
      }
      add(new Stepped(fails && step >= done / 2 ? 2 : 1, step(step)));
      if (step % 4 == 0) {
        add(new Checkpointed(1, checkpoint(step)));
      }
      if (step == planned / 2 || step == planned) {
        add(new Evaluated(1, evaluation(step)));
      }
    }
    if (done == planned) {
      end();
    }
    return new RunHistory(entries);
  }

  private void fail(int step) {
    if (lost) {
      pauseMs = 86_400_000;
      add(new DriverStarted(2, environment("c")));
      add(new AttemptEnded(1, "driver lost", 0, 0));
      return;
    }
    add(new AttemptEnded(1, "Rank 1 (south:4711) was lost: Connection reset by peer", 0, 0));
    add(new Failed("resumable", "3 attempts in a row failed after step " + step));
    add(new DriverStarted(2, environment("c")));
  }

  private void end() {
    add(new AttemptEnded(fails ? 2 : 1, "finished", fails ? 1 : 0, 0));
    if (exportedByAnother) {
      add(new DriverStarted(3, environment("d")));
    }
    add(
        new Ended(
            Sha256.of("weights").hex(),
            "runs/" + name + "/adapter",
            GroupComparison.of(
                evaluation(0).lossSums(),
                evaluation(planned).lossSums(),
                targets(),
                groupsOf(),
                new EvaluationSpec(200, 1, 0.95, List.of(), 1, SuccessSpec.NONE)),
            List.of(),
            new TreeMap<>(Map.of("train", 5L))));
    add(
        new Written(
            List.of(
                new Artifact(
                    "adapter/adapter_model.safetensors",
                    "runs/" + name + "/adapter/adapter_model.safetensors",
                    Sha256.of("weights").hex(),
                    9_876_543))));
  }

  private Declared declared() {
    return new Declared(
        name + "-0123456789",
        request,
        new Asked(
            name,
            description,
            Sha256.of("experiment").hex(),
            configuration,
            reasons,
            List.of("order.seed")),
        new SourceSpec(source, Sha256.of("source").hex()),
        Sha256.of("model").hex(),
        List.of(version()),
        snapshot(),
        Sha256.of("plan key").hex(),
        Sha256.of("plan").hex(),
        Sha256.of("manifest").hex(),
        Sha256.of("evaluation").hex(),
        planned,
        planned * 400L,
        planned * 100L);
  }

  private DatasetVersion version() {
    return new DatasetVersion(
        "lexicon",
        3,
        5,
        Sha256.of("rows"),
        4000,
        "CC0-1.0",
        privacy,
        "",
        "file:lexicon.jsonl",
        Sha256.of("lexicon").hex(),
        false);
  }

  private static Snapshot snapshot() {
    String code = Sha256.of("code").hex();
    return new Snapshot(
        Sha256.of("snapshot key").hex(),
        Sha256.of("snapshot"),
        Sha256.of("model"),
        new TreeMap<>(Map.of("lexicon", 3)),
        List.of(
            new Snapshot.Count("lexicon", "dataset", code, 4000),
            new Snapshot.Count("lexicon/word-by-word", "explode", code, 6000),
            new Snapshot.Count("unique", "dedup", code, 1500)),
        1440,
        HELD_OUT);
  }

  private static Environment environment(String commit) {
    return new Environment(
        new Environment.Code("0.1.0", commit.repeat(40), "main", "", Sha256.of("program").hex()),
        "someone",
        "17.0.9 Vendor",
        List.of("-Xmx3g"),
        MACHINE,
        new TreeMap<>(Map.of("spark.master", "local[2]")),
        List.of("one.jar", "other.jar"));
  }

  private static AttemptStarted started(int attempt, int from) {
    return new AttemptStarted(
        attempt,
        from,
        List.of(
            new RankEvent.Rank("north", 11, 2, MACHINE, List.of()),
            new RankEvent.Rank("south", 12, 2, MACHINE, List.of())),
        new TreeMap<>(Map.of("torch", "2.7.1")),
        Sha256.of("numerics").hex());
  }

  private double loss(int step) {
    return level ? 2 : 2 + 3 / (1 + 8.0 * step / planned) + 0.2 * Math.sin(step);
  }

  private StepRecord step(int step) {
    return new StepRecord(
        step,
        loss(step),
        5e-4 * Math.min(1, step / 4.0),
        level ? 1 : 1 + Math.cos(step),
        8,
        400 + step % 7,
        100,
        List.of("ab"),
        GradientDigest.of(List.of("cdcd")),
        900,
        60,
        40,
        120,
        15,
        1050,
        (3L << 30) + step * 1000L);
  }

  private CheckpointRecord checkpoint(int step) {
    return new CheckpointRecord(
        step, "runs/" + name + "/checkpoints/" + step, Sha256.of("" + step).hex(), 1 << 20, 250);
  }

  private EvaluationRecord evaluation(int step) {
    double[] sums = new double[HELD_OUT];
    Arrays.setAll(
        sums, i -> targets()[i] * (loss(step) + (level ? 0 : 0.5 * Math.sin(i + 3.0 * step))));
    return new EvaluationRecord(step, sums, 300);
  }

  private static int[] targets() {
    return IntStream.range(0, HELD_OUT).map(i -> 5 + i % 9).toArray();
  }

  private List<String> groupsOf() {
    return groups == 0
        ? List.of()
        : IntStream.range(0, HELD_OUT).mapToObj(i -> "group " + i % groups).toList();
  }

  Plan plan() {
    return new Plan(
        Sha256.of("plan key").hex(),
        Sha256.of("plan"),
        Sha256.of("snapshot"),
        256,
        IntStream.range(0, planned).mapToObj(i -> new Plan.Step(i * 8L, 8, 1, 400, 100)).toList(),
        List.of(),
        List.of(),
        IntStream.range(0, HELD_OUT).mapToObj(Runs::id).toList(),
        targets(),
        groupsOf(),
        Sha256.of("evaluation").hex(),
        Sha256.of("manifest").hex());
  }

  private static String id(int example) {
    return "%032x".formatted(example);
  }

  ShownExamples examples() {
    TreeMap<String, ShownExample> byId = new TreeMap<>();
    for (int i = 0; i < HELD_OUT; i++) {
      byId.put(id(i), example(i));
    }
    TreeMap<Integer, Long> lengths = new TreeMap<>();
    IntStream.range(0, 60).forEach(i -> lengths.put(30 + i, 1L + (i * 37L) % 50));
    return new ShownExamples(byId, Optional.of(example(HELD_OUT)), lengths);
  }

  private ShownExample example(int i) {
    return new ShownExample(
        id(i), "lexicon", Withheld.of(declared()).has("lexicon") ? List.of() : tokens(i));
  }

  private List<Token> tokens(int i) {
    return List.of(
        new Token("<|im_start|>", false, true),
        new Token("user\n", false, false),
        new Token("Define number " + i, false, false),
        new Token("<|im_end|>", false, true),
        new Token("\n", false, false),
        new Token(text, true, false),
        new Token("<|im_end|>", true, true));
  }
}
