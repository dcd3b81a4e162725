package io.retune.train;

import io.retune.collective.LeafTree;
import io.retune.collective.LeafTree.Node;
import io.retune.collective.Listener;
import io.retune.collective.Peers;
import io.retune.collective.TreeSum;
import io.retune.collective.VectorPool;
import io.retune.config.CheckDoesNotHoldException;
import io.retune.config.ErrorCode;
import io.retune.config.TrainSpec;
import io.retune.engine.AdamW;
import io.retune.engine.AdapterInit;
import io.retune.engine.Decoder;
import io.retune.engine.FastDigest;
import io.retune.engine.GradientNorm;
import io.retune.engine.Numerics;
import io.retune.model.AdapterLayout;
import io.retune.model.ImportedModel;
import io.retune.plan.MicroBatch;
import io.retune.plan.Plan;
import io.retune.plan.PlanReader;
import io.retune.store.Json;
import io.retune.store.Sha256;
import io.retune.store.Store;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.hadoop.conf.Configuration;

/**
 * One rank of one attempt: from the weights on disk to the last checkpoint. All ranks hold the same
 * adapter and moments after every step.
 */
public final class RankLoop implements AutoCloseable {
  private final TrainingTask task;
  private final Seat seat;
  private final int rank;
  private final int world;
  private final Plan plan;
  private final PlanReader reader;
  private final AdapterLayout layout;
  private final Decoder decoder;
  private final Lanes lanes;
  private final Checkpoints checkpoints;
  private final LearningRate learningRate;
  private final VectorPool pool;
  private Optional<Peers> peers = Optional.empty();
  private Optional<EventServer.Sender> driver = Optional.empty();
  private float[] adapter;
  private AdamW optimizer;

  /** Waiting for the driver since the last step was done. */
  private long recordNanos;

  private RankLoop(TrainingTask task, Seat seat) throws IOException {
    Store store = Store.open(task.store(), new Configuration());
    TrainSpec train = task.train();
    ImportedModel model = ImportedModel.open(store, new Sha256(task.modelSha256()));
    this.task = task;
    this.seat = seat;
    this.rank = seat.rank();
    this.world = seat.world();
    this.reader = PlanReader.open(store, task.plan());
    this.plan = reader.plan();
    this.layout = AdapterLayout.of(model.config(), train.lora());
    this.decoder = Decoder.load(model, Path.of(task.cache()), layout, train.lora().scale());
    this.lanes = new Lanes(decoder, task.lanes(), rank);
    this.checkpoints = new Checkpoints(store, task.attempt().run(), layout);
    this.learningRate =
        new LearningRate(train.optimizer().lr(), train.schedule(), plan.steps().size());
    this.pool = new VectorPool(layout.size());
  }

  /**
   * Trains from {@code task.resumeStep} to the end of the plan.
   *
   * @param gather the ranks' first exchange
   * @param cancelled ends all waiting when it becomes true
   * @return digest of the final adapter
   */
  public static String run(
      TrainingTask task, Seat seat, AllGather gather, BooleanSupplier cancelled)
      throws IOException {
    return run(task, seat, gather, cancelled, RankLoop::train);
  }

  /**
   * Scores the frozen split with the weights behind {@code task.resumeStep}, and trains nothing.
   *
   * @return digest of the adapter
   */
  public static String score(
      TrainingTask task, Seat seat, AllGather gather, BooleanSupplier cancelled)
      throws IOException {
    return run(task, seat, gather, cancelled, RankLoop::evaluateOnly);
  }

  private static String run(
      TrainingTask task,
      Seat seat,
      AllGather gather,
      BooleanSupplier cancelled,
      Function<RankLoop, String> work)
      throws IOException {
    try (RankLoop loop = new RankLoop(task, seat);
        Listener listener = new Listener(task.attempt(), seat.rank())) {
      List<Hello> ranks = loop.meet(gather, listener.port());
      loop.connect(listener, ranks, cancelled);
      loop.restore();
      return work.apply(loop);
    }
  }

  /** What a rank says of itself before it is connected. */
  private record Hello(
      String host,
      int port,
      long pid,
      int lanes,
      Machine machine,
      List<String> gpus,
      Map<String, String> numerics) {}

  private List<Hello> meet(AllGather gather, int port) throws IOException {
    Hello mine =
        new Hello(
            seat.host(),
            port,
            ProcessHandle.current().pid(),
            task.lanes(),
            Machine.probe(),
            seat.gpus(),
            Numerics.probe().facts());
    List<Hello> ranks = new ArrayList<>();
    for (String hello : gather.allGather(Json.write(mine))) {
      ranks.add(Json.read(hello.getBytes(StandardCharsets.UTF_8), Hello.class));
    }
    requireSameNumerics(task.attempt().run(), ranks);
    return ranks;
  }

  private static void requireSameNumerics(String run, List<Hello> ranks) {
    Hello first = ranks.get(0);
    for (int rank = 1; rank < ranks.size(); rank++) {
      Hello other = ranks.get(rank);
      List<String> differing = Numerics.differing(first.numerics(), other.numerics());
      if (!differing.isEmpty()) {
        String fact = differing.get(0);
        throw new CheckDoesNotHoldException(
            ErrorCode.NUMERICS_DIFFER,
            run,
            "Ranks would not compute the same bits: %s is %s on rank 0 (%s) but %s on rank %d (%s)."
                .formatted(
                    fact,
                    first.numerics().get(fact),
                    first.host(),
                    other.numerics().get(fact),
                    rank,
                    other.host()),
            "Run on machines of one kind.");
      }
    }
  }

  private void connect(Listener listener, List<Hello> ranks, BooleanSupplier cancelled)
      throws IOException {
    List<InetSocketAddress> addresses =
        ranks.stream().map(r -> new InetSocketAddress(r.host(), r.port())).toList();
    peers = Optional.of(Peers.connect(rank, task.attempt(), listener, addresses, cancelled));
    if (rank == 0) {
      driver = Optional.of(new EventServer.Sender(task));
    }
    Numerics numerics = Numerics.probe();
    tell(
        new RankEvent.Started(
            ranks.stream()
                .map(r -> new RankEvent.Rank(r.host(), r.pid(), r.lanes(), r.machine(), r.gpus()))
                .toList(),
            numerics.facts(),
            numerics.sha256().hex()));
  }

  private void tell(RankEvent event) {
    long start = System.nanoTime();
    driver.ifPresent(d -> d.send(event));
    recordNanos += System.nanoTime() - start;
  }

  private void restore() {
    TrainSpec.AdamW spec = task.train().optimizer();
    if (task.resumeStep() == 0) {
      adapter = AdapterInit.values(layout, task.train().seed());
      optimizer = new AdamW(spec, layout.size());
    } else {
      Checkpoints.State state = checkpoints.read(task.resumeStep());
      adapter = state.adapter();
      optimizer = new AdamW(spec, state.mean(), state.square());
    }
    requireSame(task.resumeStep(), "adapter", adapter);
  }

  /**
   * Each rank updates an adapter and moments of its own. A bit that flips on one of them shows
   * before anything that comes of it is told or kept, so another attempt goes on from what is
   * sound.
   */
  private void requireSame(int step, String what, float[]... vectors) {
    if (world == 1) {
      return;
    }
    String mine = Arrays.stream(vectors).map(FastDigest::of).collect(Collectors.joining());
    List<String> digests = gather(step, mine, String.class);
    if (digests.stream().distinct().count() != 1) {
      throw new IllegalStateException(
          "The ranks have different %ss behind step %d, by rank: %s"
              .formatted(what, step, String.join(", ", digests)));
    }
  }

  private String train() {
    int last = plan.steps().size();
    if (task.resumeStep() == 0) {
      evaluate(0);
    }
    for (int step = task.resumeStep() + 1; step <= last; step++) {
      tell(new RankEvent.Stepped(step(step)));
      if (isDue(task.train().evaluateEvery(), step, last)) {
        evaluate(step);
      }
      if (isDue(task.train().checkpointEvery(), step, last)) {
        checkpoint(step);
      }
    }
    return finish();
  }

  private String evaluateOnly() {
    evaluate(task.resumeStep());
    return finish();
  }

  private String finish() {
    String digest = FastDigest.of(adapter);
    tell(new RankEvent.Finished(digest));
    return digest;
  }

  private static boolean isDue(int every, int step, int last) {
    return step == last || (every > 0 && step % every == 0);
  }

  private StepRecord step(int step) {
    long start = System.nanoTime();
    Plan.Step planned = plan.steps().get(step - 1);
    LeafTree tree = new LeafTree(planned.leaves());
    Leaves mine = computeLeaves(planned, tree);
    long computed = System.nanoTime();
    List<Note> notes = exchangeNotes(step, mine, millis(start, computed));
    long met = System.nanoTime();
    float[] gradient = pool.take();
    peers.orElseThrow().sum(step, tree, mine.sum, pool, gradient);
    long exchanged = System.nanoTime();
    double norm = GradientNorm.of(gradient);
    if (!Double.isFinite(norm)) {
      tell(new RankEvent.Diverged(step));
      throw new IllegalStateException("The gradient of step " + step + " is not finite");
    }
    double rate = learningRate.at(step);
    optimizer.step(adapter, gradient, rate, step, clip(norm));
    requireSame(step, "adapter", adapter);
    StepRecord record =
        new StepRecord(
            step,
            tree.sum(lossesOf(notes)) / planned.targetTokens(),
            rate,
            norm,
            planned.microBatches(),
            planned.tokens(),
            planned.targetTokens(),
            notes.stream().flatMap(n -> n.leafDigests().stream()).toList(),
            GradientDigest.of(tensorDigests(gradient)),
            notes.stream().mapToLong(Note::computeMs).max().orElse(0),
            millis(met, exchanged),
            millis(computed, met),
            notes.stream().mapToLong(Note::dataMs).max().orElse(0),
            recordNanos / 1_000_000,
            millis(start, System.nanoTime()),
            notes.stream().mapToLong(Note::memoryBytes).max().orElse(0));
    recordNanos = 0;
    pool.give(gradient);
    return record;
  }

  private static long millis(long from, long to) {
    return (to - from) / 1_000_000;
  }

  /** As torch.nn.utils.clip_grad_norm_. */
  private float clip(double norm) {
    return (float) Math.min(1, task.train().clipNorm() / (norm + 1e-6));
  }

  /** What a rank's share of a step came to. */
  private static final class Leaves {
    private final TreeSum sum;
    private final double[] losses;
    private final String[] digests;
    private final AtomicLong dataNanos = new AtomicLong();

    Leaves(TreeSum sum, int count) {
      this.sum = sum;
      this.losses = new double[count];
      this.digests = new String[count];
    }
  }

  private Leaves computeLeaves(Plan.Step planned, LeafTree tree) {
    Node range = tree.range(rank, world);
    Leaves leaves = new Leaves(new TreeSum(tree, pool), range.end() - range.begin());
    List<Lanes.Work> work = new ArrayList<>();
    for (int leaf = range.begin(); leaf < range.end(); leaf++) {
      int index = leaf;
      work.add(
          lane -> {
            float[] total = pool.take();
            float[] next = pool.take();
            int first = index * planned.accumulate();
            int end = Math.min(first + planned.accumulate(), planned.microBatches());
            for (int i = first; i < end; i++) {
              MicroBatch batch = read(planned.first() + i, leaves);
              float[] into = i == first ? total : next;
              leaves.losses[index - range.begin()] +=
                  lane.gradient(batch, adapter, 1.0 / planned.targetTokens(), into);
              if (i > first) {
                add(total, next);
              }
            }
            pool.give(next);
            leaves.digests[index - range.begin()] = FastDigest.of(total);
            leaves.sum.add(LeafTree.leaf(index), total);
          });
    }
    lanes.all(work);
    return leaves;
  }

  private MicroBatch read(long index, Leaves leaves) {
    long start = System.nanoTime();
    MicroBatch batch = reader.training(index);
    leaves.dataNanos.addAndGet(System.nanoTime() - start);
    return batch;
  }

  private static void add(float[] total, float[] next) {
    for (int i = 0; i < total.length; i++) {
      total[i] += next[i];
    }
  }

  /** What the ranks tell each other of a step, beside the gradient. */
  private record Note(
      double[] losses, List<String> leafDigests, long computeMs, long dataMs, long memoryBytes) {}

  private List<Note> exchangeNotes(int step, Leaves mine, long computeMs) {
    Note note =
        new Note(
            mine.losses,
            List.of(mine.digests),
            computeMs,
            mine.dataNanos.get() / 1_000_000,
            Machine.peakMemory());
    return gather(step, note, Note.class);
  }

  private static double[] lossesOf(List<Note> notes) {
    return notes.stream().flatMapToDouble(n -> Arrays.stream(n.losses())).toArray();
  }

  private <T> List<T> gather(int step, T mine, Class<T> type) {
    List<T> all = new ArrayList<>();
    try {
      byte[] bytes = Json.write(mine).getBytes(StandardCharsets.UTF_8);
      for (byte[] note : peers.orElseThrow().gather(step, bytes)) {
        all.add(Json.read(note, type));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return all;
  }

  private List<String> tensorDigests(float[] gradient) {
    return rank != 0
        ? List.of()
        : layout.tensors().stream()
            .sorted(Comparator.comparing(AdapterLayout.Tensor::name))
            .map(t -> FastDigest.of(gradient, t.offset(), t.size()))
            .toList();
  }

  private void evaluate(int step) {
    long start = System.nanoTime();
    int batches = plan.evaluation().stream().mapToInt(Plan.Part::count).sum();
    Node range = new LeafTree(Math.max(1, batches)).range(rank, world);
    int end = Math.min(range.end(), batches);
    double[][] sums = new double[Math.max(0, end - range.begin())][];
    lanes.all(
        IntStream.range(range.begin(), end)
            .<Lanes.Work>mapToObj(
                i ->
                    lane ->
                        sums[i - range.begin()] = lane.exampleLosses(reader.evaluation(i), adapter))
            .toList());
    double[] mine = Arrays.stream(sums).flatMapToDouble(Arrays::stream).toArray();
    double[] all =
        gather(step, mine, double[].class).stream().flatMapToDouble(Arrays::stream).toArray();
    tell(
        new RankEvent.Evaluated(new EvaluationRecord(step, all, millis(start, System.nanoTime()))));
  }

  private void checkpoint(int step) {
    requireSame(step, "moment", optimizer.mean(), optimizer.square());
    if (rank == 0) {
      CheckpointRecord record =
          checkpoints.write(
              new Checkpoints.State(step, adapter, optimizer.mean(), optimizer.square()));
      tell(new RankEvent.Checkpointed(record));
    }
  }

  @Override
  public void close() throws IOException {
    peers.ifPresent(Peers::close);
    if (driver.isPresent()) {
      driver.get().close();
    }
    lanes.close();
    if (lanes.areDone()) {
      decoder.close();
    }
  }
}
