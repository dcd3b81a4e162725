package io.retune.job;

import io.retune.store.Sha256;

/** The name of a run: a function of its request, so that a retry finds it without a register. */
public final class RunId {
  private static final int DIGITS = 10;

  private RunId() {}

  /** {@code NAME-} and ten hexadecimal digits of the SHA-256 of {@code request}. */
  public static String of(String name, String request) {
    return name.replaceAll("[^A-Za-z0-9._-]", "-")
        + "-"
        + Sha256.of(request).hex().substring(0, DIGITS);
  }
}
