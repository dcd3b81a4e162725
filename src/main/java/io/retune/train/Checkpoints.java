package io.retune.train;

import com.fasterxml.jackson.databind.JsonNode;
import io.retune.config.InvalidInputException;
import io.retune.model.AdapterFiles;
import io.retune.model.AdapterLayout;
import io.retune.store.Json;
import io.retune.store.SafeTensors;
import io.retune.store.SafeTensors.Tensor;
import io.retune.store.Sha256;
import io.retune.store.Store;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.apache.hadoop.fs.Path;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The checkpoints of a run: {@code runs/RUN/checkpoints/step-000008/} with the adapter as PEFT
 * stores it, the optimizer's moments, and a manifest with the SHA-256 of each file and each tensor.
 * They hold no run, attempt, date or path: whoever computes the step writes the same bytes.
 */
public final class Checkpoints {
  private static final Logger log = LoggerFactory.getLogger(Checkpoints.class);
  private static final String ADAPTER = "adapter.safetensors";
  private static final String OPTIMIZER = "optimizer.safetensors";
  private static final String MANIFEST = "manifest.json";

  private final Store store;
  private final Path folder;
  private final AdapterLayout layout;

  public Checkpoints(Store store, String run, AdapterLayout layout) {
    this.store = store;
    this.folder = store.path("runs", run, "checkpoints");
    this.layout = layout;
  }

  /**
   * What training goes on from, float32 [layout.size]; {@code mean} and {@code square} are AdamW's
   * moments.
   */
  public record State(int step, float[] adapter, float[] mean, float[] square) {}

  /** Writes a checkpoint, durable and whole; a sound one that is there already is left as it is. */
  public CheckpointRecord write(State state) {
    long start = System.nanoTime();
    Path target = of(state.step());
    if (!isThere(target)) {
      fill(target, state);
    }
    return record(state.step(), (System.nanoTime() - start) / 1_000_000);
  }

  private void fill(Path target, State state) {
    Path staged = store.stage(target);
    try {
      Map<String, Object> files = new TreeMap<>();
      Map<String, Tensor> adapter = AdapterFiles.tensors(layout, state.adapter());
      files.put(ADAPTER, file(staged, ADAPTER, adapter));
      List<Long> shape = List.of((long) layout.size());
      Map<String, Tensor> optimizer = new LinkedHashMap<>();
      optimizer.put("mean", Tensor.of(shape, state.mean()));
      optimizer.put("square", Tensor.of(shape, state.square()));
      files.put(OPTIMIZER, file(staged, OPTIMIZER, optimizer));
      byte[] manifest =
          (Json.pretty(Map.of("step", state.step(), "files", files)) + "\n")
              .getBytes(StandardCharsets.UTF_8);
      store.write(new Path(staged, MANIFEST), manifest);
      store.publish(staged, target);
    } catch (UncheckedIOException e) {
      // Where there is no room, half a checkpoint is not to take any.
      store.delete(staged);
      throw e;
    }
  }

  /** Of a checkpoint that is there. */
  public CheckpointRecord record(int step, long wallMs) {
    Path folder = of(step);
    return new CheckpointRecord(
        step,
        store.relative(folder),
        Sha256.of(store.read(new Path(folder, MANIFEST))).hex(),
        store.length(new Path(folder, ADAPTER)) + store.length(new Path(folder, OPTIMIZER)),
        wallMs);
  }

  /** Whether the checkpoint that is there is the one that was recorded. */
  public boolean holds(CheckpointRecord recorded) {
    return record(recorded.step(), 0).sha256().equals(recorded.sha256());
  }

  private Map<String, Object> file(Path staged, String name, Map<String, Tensor> tensors) {
    try {
      ByteArrayOutputStream bytes = new ByteArrayOutputStream();
      SafeTensors.write(bytes, tensors, Map.of("format", "pt"));
      store.write(new Path(staged, name), bytes.toByteArray());
      return new Bytes(name, bytes.toByteArray()).digests();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** False of a damaged one, which is removed to be written anew. */
  private boolean isThere(Path checkpoint) {
    if (store.exists(checkpoint) && !isSound(checkpoint)) {
      store.delete(checkpoint);
    }
    return store.exists(checkpoint);
  }

  private Path of(int step) {
    return new Path(folder, String.format(Locale.ROOT, "step-%06d", step));
  }

  /**
   * Step of the newest sound checkpoint that is not after {@code atMost}; damaged ones are passed
   * over with a warning.
   */
  public Optional<Integer> latest(int atMost) {
    return store.list(folder).stream()
        .filter(path -> path.getName().matches("step-\\d{6,9}"))
        .filter(path -> stepOf(path) <= atMost)
        .sorted(Comparator.comparingInt(Checkpoints::stepOf).reversed())
        .filter(this::isSound)
        .map(Checkpoints::stepOf)
        .findFirst();
  }

  /** Takes one out of the way that is sound, but of another run. */
  public void discard(int step) {
    store.delete(of(step));
  }

  private static int stepOf(Path path) {
    return Integer.parseInt(path.getName().substring("step-".length()));
  }

  /** One whose manifest says what its files are. */
  private boolean isSound(Path checkpoint) {
    try {
      JsonNode manifest = Json.read(store.read(new Path(checkpoint, MANIFEST)));
      for (String name : List.of(ADAPTER, OPTIMIZER)) {
        String found = Json.write(new Bytes(new Path(checkpoint, name)).digests());
        if (!found.equals(Json.write(manifest.path("files").path(name)))) {
          log.warn("event=checkpoint-damaged path={} file={}", checkpoint, name);
          return false;
        }
      }
      return manifest.path("step").asInt() == stepOf(checkpoint);
    } catch (IOException | UncheckedIOException | InvalidInputException e) {
      log.warn("event=checkpoint-damaged path={} cause={}", checkpoint, e.getMessage());
      return false;
    }
  }

  /** Reads a checkpoint that {@link #latest} found. */
  public State read(int step) {
    Path checkpoint = of(step);
    float[] adapter = new float[layout.size()];
    Bytes adapterFile = new Bytes(new Path(checkpoint, ADAPTER));
    layout.tensors().forEach(t -> adapterFile.into(t.name(), adapter, t.offset()));
    float[] mean = new float[layout.size()];
    float[] square = new float[layout.size()];
    Bytes optimizerFile = new Bytes(new Path(checkpoint, OPTIMIZER));
    optimizerFile.into("mean", mean, 0);
    optimizerFile.into("square", square, 0);
    return new State(step, adapter, mean, square);
  }

  /** The adapter alone, float32 in the layout's order. */
  public float[] adapter(int step) {
    return read(step).adapter();
  }

  /** A safetensors file of any store, in memory. */
  private final class Bytes {
    private final byte[] all;
    private final ByteBuffer bytes;
    private final SafeTensors.Header header;

    Bytes(Path file) {
      this(file.toString(), store.read(file));
    }

    Bytes(String place, byte[] all) {
      this.all = all;
      this.bytes = ByteBuffer.wrap(all).order(ByteOrder.LITTLE_ENDIAN);
      int length = SafeTensors.headerBytes(place, all, all.length);
      this.header = SafeTensors.header(place, Arrays.copyOfRange(all, 8, 8 + length), all.length);
    }

    /** What the manifest says of the file. */
    Map<String, Object> digests() {
      Map<String, String> tensors = new TreeMap<>();
      for (Map.Entry<String, SafeTensors.Entry> tensor : header.tensors().entrySet()) {
        int offset = Math.toIntExact(tensor.getValue().offset());
        int length = Math.toIntExact(tensor.getValue().bytes());
        tensors.put(tensor.getKey(), Sha256.of(bytes.slice(offset, length)).hex());
      }
      return Map.of("sha256", Sha256.of(all).hex(), "tensors", tensors);
    }

    void into(String name, float[] vector, int offset) {
      SafeTensors.Entry entry = header.require("checkpoint", name);
      bytes
          .duplicate()
          .order(ByteOrder.LITTLE_ENDIAN)
          .position(Math.toIntExact(entry.offset()))
          .asFloatBuffer()
          .get(vector, offset, Math.toIntExact(entry.elements()));
    }
  }
}
