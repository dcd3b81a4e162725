package io.retune.tracking;

import io.retune.store.Sha256;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.function.ToIntFunction;

/**
 * What MLflow takes (mlflow/utils/validation.py of 3.17), and how what is more is made to fit: the
 * server itself cuts silently, or refuses a whole batch.
 */
public final class Limits {
  public static final int METRICS_PER_BATCH = 1000;

  /** Of params, and of tags. */
  public static final int TEXTS_PER_BATCH = 100;

  /** The server takes a million bytes; a character takes up to six, as an escape of JSON. */
  public static final int CHARACTERS_PER_BATCH = 150_000;

  public static final int KEY_CHARACTERS = 250;
  public static final int PARAM_CHARACTERS = 6000;
  public static final int TAG_CHARACTERS = 8000;

  private static final int DIGITS_OF_RENAMED = 8;

  private Limits() {}

  /**
   * The key of a metric, param or tag: what MLflow refuses in it becomes {@code _}, what is too
   * long is cut, and then eight digits of the key's SHA-256 follow, so that no two keys become one.
   */
  public static String key(String key) {
    boolean path = key.matches("[^/]+(/[^/]+)*") && !key.matches("(.*/)?\\.\\.?(/.*)?");
    String fit = key.replaceAll(path ? "[^A-Za-z0-9_./: -]" : "[^A-Za-z0-9_.: -]", "_");
    if (path && fit.equals(key) && key.length() <= KEY_CHARACTERS) {
      return key;
    }
    String suffix = "-" + Sha256.of(key).hex().substring(0, DIGITS_OF_RENAMED);
    return fit.substring(0, Math.min(fit.length(), KEY_CHARACTERS - suffix.length())) + suffix;
  }

  /** A param's value, whose end says so if it is cut. */
  public static String param(String value) {
    return cut(
        value,
        PARAM_CHARACTERS,
        "... [cut: %,d characters; the resolved configuration among the artifacts has them all]");
  }

  /** A tag's value, whose end says so if it is cut. */
  public static String tag(String value) {
    return cut(value, TAG_CHARACTERS, "... [cut: %,d characters]");
  }

  private static String cut(String value, int most, String remark) {
    if (value.length() <= most) {
      return value;
    }
    String end = String.format(Locale.ROOT, remark, value.length());
    int length = most - end.length();
    boolean splitsPair = Character.isHighSurrogate(value.charAt(length - 1));
    return value.substring(0, splitsPair ? length - 1 : length) + end;
  }

  /** In order, at most so many and about so many characters in each. */
  static <T> List<List<T>> batches(Collection<T> all, int most, ToIntFunction<T> characters) {
    List<List<T>> batches = new ArrayList<>();
    List<T> batch = new ArrayList<>();
    int length = 0;
    for (T one : all) {
      int more = characters.applyAsInt(one);
      if (batch.size() == most || (!batch.isEmpty() && length + more > CHARACTERS_PER_BATCH)) {
        batches.add(batch);
        batch = new ArrayList<>();
        length = 0;
      }
      batch.add(one);
      length += more;
    }
    if (!batch.isEmpty()) {
      batches.add(batch);
    }
    return batches;
  }
}
