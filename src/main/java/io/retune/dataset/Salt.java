package io.retune.dataset;

import io.retune.store.Store;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.HexFormat;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.apache.hadoop.fs.Path;

/**
 * A dataset's own secret, from which its row ids are made: {@code salts/NAME/salt}, 32 random
 * bytes, made once. Without it nobody can tell which row an id stands for; it changes no weight.
 */
final class Salt {
  private static final int SALT_BYTES = 32;

  /** 128 bits: no two of 2^40 rows share an id, but for a chance of 2^-49. */
  private static final int ID_BYTES = 16;

  private Salt() {}

  /** The dataset's salt; two drivers that ask first at the same time get the same one. */
  static byte[] of(Store store, String dataset) {
    Path folder = store.path("salts", dataset);
    Path file = new Path(folder, "salt");
    if (!store.exists(file)) {
      make(store, folder);
    }
    return store.read(file);
  }

  private static void make(Store store, Path folder) {
    byte[] salt = new byte[SALT_BYTES];
    new SecureRandom().nextBytes(salt);
    Path staged = store.stage(folder);
    try {
      Files.setPosixFilePermissions(
          store.local(staged), PosixFilePermissions.fromString("rwx------"));
      store.write(new Path(staged, "salt"), salt);
      store.publish(staged, folder);
    } catch (IOException | UncheckedIOException e) {
      store.delete(staged);
      if (!store.exists(new Path(folder, "salt"))) {
        throw new IllegalStateException("Cannot make " + folder, e);
      }
    }
  }

  /** A row id, 32 hexadecimal digits: HMAC-SHA-256 of what identifies the row. */
  static String rowId(byte[] salt, byte[] identity) {
    try {
      Mac mac = Mac.getInstance("HmacSHA256");
      mac.init(new SecretKeySpec(salt, "HmacSHA256"));
      return HexFormat.of().formatHex(Arrays.copyOf(mac.doFinal(identity), ID_BYTES));
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("Every Java platform has HmacSHA256", e);
    }
  }
}
