package io.retune.cluster;

import io.retune.config.ErrorCode;
import io.retune.config.InvalidInputException;
import io.retune.store.Store;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.UUID;
import java.util.stream.IntStream;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.SparkSession;

/**
 * A store is a folder. Where executors are on other hosts it has to be one that all hosts see under
 * the same path; whether it is, is tried, since nothing else tells.
 */
public final class SharedStore {
  private SharedStore() {}

  /**
   * Lets each executor read what the driver has written, and the driver what each has written.
   *
   * @throws InvalidInputException naming the hosts that see another folder
   */
  public static void require(SparkSession spark, Store store) {
    Path trial = store.path(".trial-" + UUID.randomUUID());
    try {
      store.write(new Path(trial, "driver"), bytes("driver"));
      String uri = store.uri();
      String path = trial.toString();
      List<String> hosts =
          BarrierStage.run(
              spark,
              Executors.there(spark),
              (seat, gather, cancelled) -> {
                answer(uri, new Path(path), seat.rank());
                return seat.host();
              });
      List<String> blind =
          IntStream.range(0, hosts.size())
              .filter(rank -> !store.exists(new Path(trial, "" + rank)))
              .mapToObj(hosts::get)
              .distinct()
              .toList();
      if (!blind.isEmpty()) {
        throw InvalidInputException.of(
            ErrorCode.STORE_NOT_SHARED,
            "store " + uri,
            "is another folder, or none, on " + String.join(", ", blind) + ".",
            "Give a folder with --store that driver and executors see under the same path and may write to: NFS, CephFS, a ReadWriteMany volume.");
      }
    } finally {
      store.delete(trial);
    }
  }

  /** An executor that does not see the driver's file, or may not write beside it, says nothing. */
  private static void answer(String uri, Path trial, int rank) {
    try {
      Store store = Store.existing(uri, new Configuration());
      if (store.exists(new Path(trial, "driver"))) {
        store.write(new Path(trial, "" + rank), bytes("" + rank));
      }
    } catch (RuntimeException e) {
      // What is missing is reported by its host's name.
      return;
    }
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }
}
