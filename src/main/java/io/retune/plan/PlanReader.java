package io.retune.plan;

import io.retune.config.ErrorCode;
import io.retune.config.FileReason;
import io.retune.config.InvalidInputException;
import io.retune.store.DamagedFileException;
import io.retune.store.Json;
import io.retune.store.SafeTensors;
import io.retune.store.Sha256;
import io.retune.store.Store;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.Path;

/**
 * A plan's micro-batches by index, in any order, from any thread, without Spark: a range read each.
 * A part on a local disk is checked against its digest when it is first touched.
 */
public final class PlanReader {
  static final String MANIFEST = "plan.json";

  private final Store store;
  private final Path folder;
  private final Plan plan;
  private final Map<String, SafeTensors.Header> headers = new ConcurrentHashMap<>();

  private PlanReader(Store store, Path folder, Plan plan) {
    this.store = store;
    this.folder = folder;
    this.plan = plan;
  }

  /**
   * @throws InvalidInputException if the store has no such plan
   * @throws DamagedFileException if its manifest is not as it was written
   */
  public static PlanReader open(Store store, String planKey) {
    Path folder = store.path("plans", planKey);
    Path manifest = new Path(folder, MANIFEST);
    if (!store.exists(manifest)) {
      throw InvalidInputException.of(
          ErrorCode.FILE_GONE,
          Store.shown(manifest),
          "is not there.",
          "./retune plan CONF makes it, with the configuration that it was made of.");
    }
    try {
      byte[] json = store.read(manifest);
      Plan plan = Json.read(json, Plan.class);
      requireAsWritten(manifest, json, plan);
      return new PlanReader(store, folder, plan);
    } catch (IOException e) {
      throw changed(manifest, "is no plan any more: " + FileReason.of(e));
    }
  }

  private static void requireAsWritten(Path manifest, byte[] json, Plan plan) {
    boolean said =
        plan.manifestSha256().isEmpty() || Plan.manifestSha256(json).equals(plan.manifestSha256());
    if (!said
        || !Planner.root(plan.steps(), plan.training(), plan.evaluation()).equals(plan.root())) {
      throw changed(manifest, "was changed since it was written.");
    }
  }

  private static DamagedFileException changed(Path manifest, String what) {
    return new DamagedFileException(
        Store.shown(manifest),
        what,
        "Delete the folder "
            + Store.shown(manifest.getParent())
            + "; ./retune plan CONF with the same configuration makes the same plan again.");
  }

  /**
   * The plan that a run was begun with.
   *
   * @param root of that plan
   * @param manifestSha256 of that plan; empty where nobody noted it
   * @throws DamagedFileException if the store has another under its key
   */
  public static PlanReader open(Store store, String planKey, String root, String manifestSha256) {
    PlanReader reader = open(store, planKey);
    Plan plan = reader.plan;
    boolean same = manifestSha256.isEmpty() || plan.manifestSha256().equals(manifestSha256);
    if (!same || !plan.root().hex().equals(root)) {
      throw changed(
          new Path(reader.folder, MANIFEST), "is not the plan that the run was begun with.");
    }
    return reader;
  }

  public Plan plan() {
    return plan;
  }

  /** A training micro-batch without its padding; {@code index} counts through all steps. */
  public MicroBatch training(long index) {
    return read(plan.training(), index);
  }

  /** An evaluation micro-batch without its padding. */
  public MicroBatch evaluation(long index) {
    return read(plan.evaluation(), index);
  }

  private MicroBatch read(List<Plan.Part> parts, long index) {
    Plan.Part part = part(parts, index);
    int row = (int) (index - part.first());
    Path file = new Path(folder, part.file());
    try (FSDataInputStream in = store.open(file)) {
      SafeTensors.Header header = header(part, file, in);
      int used = ints(in, header.require(part.file(), "used"), row, 1, 1)[0];
      int width = plan.tokensPerMicroBatch();
      return new MicroBatch(
          ints(in, header.require(part.file(), "input_ids"), row, width, used),
          ints(in, header.require(part.file(), "positions"), row, width, used),
          ints(in, header.require(part.file(), "labels"), row, width, used));
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot read " + file, e);
    }
  }

  private static Plan.Part part(List<Plan.Part> parts, long index) {
    int low = 0;
    int high = parts.size() - 1;
    while (low <= high) {
      int middle = (low + high) >>> 1;
      Plan.Part part = parts.get(middle);
      if (index < part.first()) {
        high = middle - 1;
      } else if (index >= part.first() + part.count()) {
        low = middle + 1;
      } else {
        return part;
      }
    }
    throw new IndexOutOfBoundsException("The plan has no micro-batch " + index);
  }

  private SafeTensors.Header header(Plan.Part part, Path file, FSDataInputStream in)
      throws IOException {
    SafeTensors.Header known = headers.get(part.file());
    if (known != null) {
      return known;
    }
    try (InputStream whole = store.open(file)) {
      Sha256 found = Sha256.of(whole);
      if (!found.equals(part.sha256())) {
        throw new DamagedFileException(
            Store.shown(file),
            "has the SHA-256 " + found + ", the plan " + part.sha256() + ".",
            "Restore it; or delete the plan's folder, and the next run of its recipe makes it again.");
      }
    }
    long length = store.length(file);
    byte[] prefix = new byte[(int) Math.min(length, Long.BYTES)];
    in.readFully(0, prefix);
    byte[] json = new byte[SafeTensors.headerBytes(file.toString(), prefix, length)];
    in.readFully(Long.BYTES, json);
    SafeTensors.Header header = SafeTensors.header(file.toString(), json, length);
    headers.put(part.file(), header);
    return header;
  }

  /** The first {@code count} values of a row of {@code width}. */
  private static int[] ints(
      FSDataInputStream in, SafeTensors.Entry entry, int row, int width, int count)
      throws IOException {
    byte[] bytes = new byte[count * Integer.BYTES];
    in.readFully(entry.offset() + (long) row * width * Integer.BYTES, bytes);
    int[] values = new int[count];
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asIntBuffer().get(values);
    return values;
  }
}
