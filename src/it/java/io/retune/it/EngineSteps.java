package io.retune.it;

import io.retune.collective.LeafTree;
import io.retune.collective.TreeSum;
import io.retune.collective.VectorPool;
import io.retune.config.TrainSpec;
import io.retune.engine.AdamW;
import io.retune.engine.AdapterInit;
import io.retune.engine.Decoder;
import io.retune.engine.FastDigest;
import io.retune.engine.GradientNorm;
import io.retune.engine.Lane;
import io.retune.model.AdapterLayout;
import io.retune.model.ImportedModel;
import io.retune.model.ModelImporter;
import io.retune.plan.MicroBatch;
import io.retune.store.Json;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Our side of the engine's bench, a process of its own: a step of training, as a rank alone does
 * it, for each line on standard input. Its loss is the answer.
 */
final class EngineSteps {
  /** Of the adapter that both sides start from. */
  static final long SEED = 1;

  private static final TrainSpec.AdamW ADAMW = new TrainSpec.AdamW(1e-4, 0.9, 0.999, 1e-8, 0);

  private final List<ExecutorService> threads = new ArrayList<>();
  private final List<Lane> lanes = new ArrayList<>();
  private final VectorPool pool;
  private final float[] adapter;
  private final AdamW optimizer;

  private EngineSteps(Decoder decoder, AdapterLayout layout, float[] adapter, int count)
      throws Exception {
    this.pool = new VectorPool(layout.size());
    this.adapter = adapter;
    this.optimizer = new AdamW(ADAMW, layout.size());
    for (int i = 0; i < count; i++) {
      ExecutorService thread = Executors.newSingleThreadExecutor();
      threads.add(thread);
      lanes.add(thread.submit(decoder::lane).get());
    }
  }

  /** What both sides read: a step's examples, and how many tokens a micro-batch of ours holds. */
  record Workload(List<List<Glosses.Example>> steps, int tokensPerMicroBatch) {}

  /** Arguments: model directory, workload, cache, lanes. */
  public static void main(String[] args) throws Exception {
    ImportedModel model = ModelImporter.inPlace(Path.of(args[0]));
    TrainSpec.Lora lora = lora();
    AdapterLayout layout = AdapterLayout.of(model.config(), lora);
    float[] adapter = AdapterInit.values(layout, SEED);
    Workload workload = Json.read(Files.readAllBytes(Path.of(args[1])), Workload.class);
    try (Decoder decoder = Decoder.load(model, Path.of(args[2]), layout, lora.scale())) {
      EngineSteps steps = new EngineSteps(decoder, layout, adapter, Integer.parseInt(args[3]));
      System.out.println("ready");
      steps.answer(workload);
      steps.threads.forEach(ExecutorService::shutdown);
    }
  }

  /** The adapter that both sides train. */
  static TrainSpec.Lora lora() {
    return new TrainSpec.Lora(16, 32, AdapterLayout.modules());
  }

  private void answer(Workload workload) throws Exception {
    List<List<MicroBatch>> steps = new ArrayList<>();
    for (List<Glosses.Example> examples : workload.steps()) {
      steps.add(Glosses.packed(examples, workload.tokensPerMicroBatch()));
    }
    BufferedReader in =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    int done = 0;
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      System.out.println(step(steps.get(Integer.parseInt(line) % steps.size()), ++done));
    }
  }

  private double step(List<MicroBatch> batches, int number) throws Exception {
    int targets = Glosses.targets(batches);
    LeafTree tree = new LeafTree(batches.size());
    TreeSum sum = new TreeSum(tree, pool);
    double[] losses = new double[batches.size()];
    List<Future<?>> running = new ArrayList<>();
    java.util.concurrent.atomic.AtomicInteger next =
        new java.util.concurrent.atomic.AtomicInteger();
    for (int i = 0; i < lanes.size(); i++) {
      Lane lane = lanes.get(i);
      running.add(
          threads
              .get(i)
              .submit(
                  () -> {
                    for (int leaf = next.getAndIncrement();
                        leaf < losses.length;
                        leaf = next.getAndIncrement()) {
                      float[] gradient = pool.take();
                      losses[leaf] =
                          lane.gradient(batches.get(leaf), adapter, 1.0 / targets, gradient);
                      FastDigest.of(gradient);
                      sum.add(LeafTree.leaf(leaf), gradient);
                    }
                    return null;
                  }));
    }
    for (Future<?> lane : running) {
      lane.get();
    }
    float[] gradient = sum.take(tree.root());
    double scale = Math.min(1, 1 / (GradientNorm.of(gradient) + 1e-6));
    optimizer.step(adapter, gradient, ADAMW.lr(), number, (float) scale);
    pool.give(gradient);
    return tree.sum(losses) / targets;
  }
}
