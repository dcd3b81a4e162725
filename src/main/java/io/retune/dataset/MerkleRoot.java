package io.retune.dataset;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.substring;

import io.retune.store.Sha256;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HexFormat;
import java.util.Iterator;
import java.util.List;
import org.apache.spark.api.java.function.MapPartitionsFunction;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;

/**
 * One digest for a set of rows, whatever their order and partitioning. Rows fall into 256 buckets
 * by the first byte of their digest; a bucket's leaf is its digests in ascending order; the root is
 * the Merkle tree hash of RFC 6962 over the 256 leaves. Where two roots differ, their {@link
 * #leaves} say in which buckets.
 *
 * @param leaves leaf hashes in the order of the buckets
 */
record MerkleRoot(List<Sha256> leaves) {
  private static final int BUCKETS = 256;

  /** RFC 6962, 2.1: leaves and nodes are hashed apart, so that neither can pass for the other. */
  private static final byte LEAF = 0;

  private static final byte NODE = 1;

  MerkleRoot {
    leaves = List.copyOf(leaves);
    if (leaves.size() != BUCKETS) {
      throw new IllegalArgumentException("A root has " + BUCKETS + " buckets");
    }
  }

  /**
   * @param digestColumn holds 64 hexadecimal digits in each row; equal rows count as often as they
   *     occur
   */
  static MerkleRoot of(Dataset<Row> rows, String digestColumn) {
    List<String> hashed =
        rows.select(col(digestColumn).as("digest"), substring(col(digestColumn), 1, 2).as("bucket"))
            .repartition(col("bucket"))
            .sortWithinPartitions("digest")
            .select("digest")
            .as(Encoders.STRING())
            .mapPartitions(
                (MapPartitionsFunction<String, String>) MerkleRoot::hashBuckets, Encoders.STRING())
            .collectAsList();
    return ofBuckets(hashed);
  }

  /**
   * @param digests of all rows, 64 hexadecimal digits each, in any order
   */
  static MerkleRoot of(List<String> digests) {
    List<String> hashed = new ArrayList<>();
    hashBuckets(digests.stream().sorted().iterator()).forEachRemaining(hashed::add);
    return ofBuckets(hashed);
  }

  private static MerkleRoot ofBuckets(List<String> hashed) {
    List<Sha256> leaves = new ArrayList<>(Collections.nCopies(BUCKETS, emptyLeaf()));
    for (String bucketAndHash : hashed) {
      leaves.set(
          Integer.parseInt(bucketAndHash.substring(0, 2), 16),
          new Sha256(bucketAndHash.substring(2)));
    }
    return new MerkleRoot(leaves);
  }

  /** Of ascending digests, one line a bucket: its two digits and its leaf hash. */
  private static Iterator<String> hashBuckets(Iterator<String> ascending) {
    List<String> hashes = new ArrayList<>();
    MessageDigest digest = Sha256.digest();
    String bucket = "";
    while (ascending.hasNext()) {
      String row = ascending.next();
      if (!row.startsWith(bucket) || bucket.isEmpty()) {
        if (!bucket.isEmpty()) {
          hashes.add(bucket + Sha256.finish(digest).hex());
        }
        bucket = row.substring(0, 2);
        digest.update(LEAF);
      }
      digest.update(HexFormat.of().parseHex(row));
    }
    if (!bucket.isEmpty()) {
      hashes.add(bucket + Sha256.finish(digest).hex());
    }
    return hashes.iterator();
  }

  private static Sha256 emptyLeaf() {
    return Sha256.of(new byte[] {LEAF});
  }

  Sha256 root() {
    return new Sha256(HexFormat.of().formatHex(tree(0, BUCKETS)));
  }

  private byte[] tree(int from, int to) {
    if (to - from == 1) {
      return HexFormat.of().parseHex(leaves.get(from).hex());
    }
    int middle = (from + to) >>> 1;
    MessageDigest digest = Sha256.digest();
    digest.update(NODE);
    digest.update(tree(from, middle));
    digest.update(tree(middle, to));
    return digest.digest();
  }
}
