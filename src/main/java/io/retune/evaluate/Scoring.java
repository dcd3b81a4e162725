package io.retune.evaluate;

import io.retune.config.TrainSpec;
import io.retune.engine.Decoder;
import io.retune.engine.WeightGradients;
import io.retune.model.AdapterLayout;
import io.retune.model.ImportedModel;
import io.retune.model.TrainedAdapter;
import io.retune.train.Lanes;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * How well a model predicts given targets, and where it would have to change: for asking why two
 * programs disagree. Each example is computed by itself, in float32 as in training.
 */
public final class Scoring implements AutoCloseable {
  private final AdapterLayout layout;
  private final float[] adapter;
  private final Decoder decoder;
  private final int lanes;

  private Scoring(AdapterLayout layout, float[] adapter, Decoder decoder, int lanes) {
    this.layout = layout;
    this.adapter = adapter;
    this.decoder = decoder;
    this.lanes = lanes;
  }

  /**
   * @param cache local directory in which prepared weights are kept
   * @param adapter on top of the model
   * @param lanes examples computed side by side
   * @throws io.retune.config.InvalidInputException if the model's files were changed
   */
  public static Scoring open(
      ImportedModel model, Path cache, Optional<TrainedAdapter> adapter, int lanes)
      throws IOException {
    TrainSpec.Lora lora =
        adapter.map(TrainedAdapter::lora).orElse(new TrainSpec.Lora(1, 1, List.of()));
    AdapterLayout layout = AdapterLayout.of(model.config(), lora);
    return new Scoring(
        layout,
        adapter.map(TrainedAdapter::values).orElse(new float[0]),
        Decoder.load(model, cache, layout, lora.scale()),
        lanes);
  }

  /**
   * Of one example.
   *
   * @param loss sum of -log p over its targets, nats
   */
  public record Example(double loss, int targets) {}

  /**
   * Of all.
   *
   * @param loss mean of -log p over all targets, nats
   */
  public record Score(double loss, long targets, List<Example> examples) {}

  /**
   * @param examples with at least one target among them
   */
  public Score score(List<Targets> examples) {
    double[] losses = new double[examples.size()];
    List<Lanes.Work> work = new ArrayList<>();
    for (int i = 0; i < losses.length; i++) {
      int index = i;
      work.add(
          lane -> losses[index] = lane.exampleLosses(examples.get(index).microBatch(), adapter)[0]);
    }
    try (Lanes side = new Lanes(decoder, Math.min(lanes, losses.length), 0)) {
      side.all(work);
    }
    List<Example> scored = new ArrayList<>();
    double sum = 0;
    for (int i = 0; i < losses.length; i++) {
      scored.add(new Example(losses[i], examples.get(i).count()));
      sum += losses[i];
    }
    long targets = targets(examples);
    return new Score(sum / targets, targets, scored);
  }

  private static long targets(List<Targets> examples) {
    return examples.stream().mapToLong(Targets::count).sum();
  }

  /**
   * The L2 norm of the mean loss's gradient by tensor: of the adapter's, named as PEFT stores them;
   * without an adapter of the model's, named as in its Hugging Face directory.
   *
   * @param examples with at least one target among them
   */
  public SortedMap<String, Double> gradientNorms(List<Targets> examples) {
    double weight = 1.0 / targets(examples);
    return adapter.length == 0 ? weightNorms(examples, weight) : adapterNorms(examples, weight);
  }

  private SortedMap<String, Double> weightNorms(List<Targets> examples, double weight) {
    try (WeightGradients gradients = decoder.weightGradients()) {
      examples.stream()
          .filter(example -> example.count() > 0)
          .forEach(example -> gradients.add(example.microBatch(), weight));
      return gradients.norms();
    }
  }

  private SortedMap<String, Double> adapterNorms(List<Targets> examples, double weight) {
    double[] sum = new double[layout.size()];
    Lanes.Work work =
        lane -> {
          float[] gradient = new float[layout.size()];
          for (Targets example : examples) {
            lane.gradient(example.microBatch(), adapter, weight, gradient);
            for (int i = 0; i < sum.length; i++) {
              sum[i] += gradient[i];
            }
          }
        };
    try (Lanes one = new Lanes(decoder, 1, 0)) {
      one.all(List.of(work));
    }
    SortedMap<String, Double> norms = new TreeMap<>();
    for (AdapterLayout.Tensor tensor : layout.tensors()) {
      double squares = 0;
      for (int i = tensor.offset(); i < tensor.offset() + tensor.size(); i++) {
        squares += sum[i] * sum[i];
      }
      norms.put(tensor.name(), Math.sqrt(squares));
    }
    return norms;
  }

  @Override
  public void close() {
    decoder.close();
  }
}
