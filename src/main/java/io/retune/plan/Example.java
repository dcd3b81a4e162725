package io.retune.plan;

import io.retune.store.Sha256;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;

/**
 * What the order needs to know of an example.
 *
 * @param digest SHA-256 of its content: decides its place
 * @param id its name in this store: decides between examples of equal content, which changes
 *     nothing
 */
record Example(String id, String digest, int tokens, int targetTokens) {
  /** The order of an evaluation split. */
  static final Comparator<Example> BY_CONTENT =
      Comparator.comparing(Example::digest).thenComparing(Example::id);

  /** The order of an epoch: a permutation keyed by seed and epoch, the same wherever it is made. */
  static List<Example> permuted(List<Example> examples, long seed, int epoch) {
    record Keyed(byte[] key, Example example) {}
    List<Keyed> keyed = new ArrayList<>(examples.size());
    for (Example example : examples) {
      keyed.add(new Keyed(example.key(seed, epoch), example));
    }
    keyed.sort(
        Comparator.comparing(Keyed::key, Arrays::compareUnsigned)
            .thenComparing(Keyed::example, BY_CONTENT));
    return keyed.stream().map(Keyed::example).toList();
  }

  private byte[] key(long seed, int epoch) {
    MessageDigest key = Sha256.digest();
    key.update(ByteBuffer.allocate(Long.BYTES + Integer.BYTES).putLong(seed).putInt(epoch).array());
    key.update(HexFormat.of().parseHex(digest));
    return key.digest();
  }
}
