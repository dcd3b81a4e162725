package io.retune.lineage;

import io.retune.store.Store;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Optional;
import java.util.UUID;
import org.apache.hadoop.fs.Path;

/**
 * Tables were made since all runs were recorded the last time: they have none of the rows that
 * earlier journals make. It is noted before a table is made, so that nobody who is killed leaves an
 * empty table for a whole one.
 */
public final class EmptyTables {
  private final Store store;
  private final byte[] note;

  private EmptyTables(Store store, byte[] note) {
    this.store = store;
    this.note = note;
  }

  private static Path file(Store store) {
    return store.path(".empty-tables");
  }

  static void note(Store store, String table) {
    String note = table + " " + UUID.randomUUID() + "\n";
    store.write(file(store), note.getBytes(StandardCharsets.UTF_8));
  }

  /** Those of this store, if there are any. */
  public static Optional<EmptyTables> in(Store store) {
    return store.exists(file(store))
        ? Optional.of(new EmptyTables(store, store.read(file(store))))
        : Optional.empty();
  }

  /** All runs were recorded since; a table that was made meanwhile is noted still. */
  public void filled() {
    if (store.exists(file(store)) && Arrays.equals(store.read(file(store)), note)) {
      store.delete(file(store));
    }
  }
}
