package io.retune.collective;

import java.io.Serializable;
import java.security.SecureRandom;

/**
 * One start of a run's ranks, and the secret they know each other by. A frame of another attempt is
 * refused.
 *
 * @param secret 32 random bytes that the driver made for this attempt
 */
public record Attempt(String run, int number, byte[] secret) implements Serializable {
  private static final int SECRET_BYTES = 32;

  public static Attempt start(String run, int number) {
    byte[] secret = new byte[SECRET_BYTES];
    new SecureRandom().nextBytes(secret);
    return new Attempt(run, number, secret);
  }

  /** Without the secret. */
  @Override
  public String toString() {
    return run + " attempt " + number;
  }
}
