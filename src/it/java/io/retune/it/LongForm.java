package io.retune.it;

/**
 * Long forms of proofs, and faults that others of their kind stand for: {@code ./retune test long}.
 * What is left takes less than an hour on two cores.
 */
final class LongForm {
  static final String TAG = "long";

  private LongForm() {}
}
