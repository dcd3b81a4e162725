package io.retune.plan;

import io.retune.store.SafeTensors;
import io.retune.store.Sha256;
import io.retune.store.Store;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.apache.hadoop.fs.Path;

/** Writes micro-batches in order to safetensors parts of bounded size, one in memory at a time. */
final class PartWriter {
  /** Micro-batches in a part, at most. */
  private static final int PART_MICRO_BATCHES = 4096;

  /** Tokens in a part, at most, unless one micro-batch alone has more: 16 MiB a tensor. */
  private static final int PART_TOKENS = 1 << 22;

  private final Store store;
  private final Path folder;
  private final String prefix;
  private final int tokensPerMicroBatch;
  private final int capacity;
  private final int[] inputIds;
  private final int[] positions;
  private final int[] labels;
  private final int[] used;
  private final List<Plan.Part> parts = new ArrayList<>();
  private long first;
  private int count;

  /**
   * @param microBatches how many will come
   */
  PartWriter(Store store, Path folder, String prefix, int tokensPerMicroBatch, int microBatches) {
    this.store = store;
    this.folder = folder;
    this.prefix = prefix;
    this.tokensPerMicroBatch = tokensPerMicroBatch;
    int bound = Math.min(PART_MICRO_BATCHES, Math.max(1, PART_TOKENS / tokensPerMicroBatch));
    this.capacity = Math.min(bound, microBatches);
    this.inputIds = new int[capacity * tokensPerMicroBatch];
    this.positions = new int[inputIds.length];
    this.labels = new int[inputIds.length];
    this.used = new int[capacity];
    clear();
  }

  /** Opens the next micro-batch. */
  void next() {
    if (count == capacity) {
      flush();
    }
    count++;
  }

  /** Puts an example behind those that the micro-batch has. */
  void append(List<Integer> ids, List<Boolean> trained) {
    int microBatch = count - 1;
    int at = microBatch * tokensPerMicroBatch + used[microBatch];
    int tokens = ids.size();
    if (used[microBatch] + tokens > tokensPerMicroBatch) {
      throw new IllegalStateException("An example does not fit where it was planned");
    }
    for (int t = 0; t < tokens; t++) {
      inputIds[at + t] = ids.get(t);
      positions[at + t] = t;
      // What a token predicts is the next one of its own example, where that one is trained.
      boolean target = t + 1 < tokens && trained.get(t + 1);
      labels[at + t] = target ? ids.get(t + 1) : MicroBatch.NO_TARGET;
    }
    used[microBatch] += tokens;
  }

  List<Plan.Part> finish() {
    if (count > 0) {
      flush();
    }
    return List.copyOf(parts);
  }

  private void flush() {
    String file = String.format(Locale.ROOT, "%s-%05d.safetensors", prefix, parts.size());
    MessageDigest digest = Sha256.digest();
    store.write(
        new Path(folder, file),
        out -> {
          DigestOutputStream hashed = new DigestOutputStream(out, digest);
          SafeTensors.write(hashed, tensors(), Map.of());
        });
    parts.add(new Plan.Part(file, Sha256.finish(digest), first, count));
    first += count;
    clear();
  }

  private Map<String, SafeTensors.Tensor> tensors() {
    int tokens = count * tokensPerMicroBatch;
    List<Long> shape = List.of((long) count, (long) tokensPerMicroBatch);
    Map<String, SafeTensors.Tensor> tensors = new LinkedHashMap<>();
    tensors.put("input_ids", SafeTensors.Tensor.of(shape, Arrays.copyOf(inputIds, tokens)));
    tensors.put("positions", SafeTensors.Tensor.of(shape, Arrays.copyOf(positions, tokens)));
    tensors.put("labels", SafeTensors.Tensor.of(shape, Arrays.copyOf(labels, tokens)));
    tensors.put("used", SafeTensors.Tensor.of(List.of((long) count), Arrays.copyOf(used, count)));
    return tensors;
  }

  private void clear() {
    count = 0;
    Arrays.fill(inputIds, 0);
    Arrays.fill(positions, 0);
    Arrays.fill(labels, MicroBatch.NO_TARGET);
    Arrays.fill(used, 0);
  }
}
