package io.retune.config;

import java.util.Objects;

/**
 * One thing that is wrong with what the user gave us. Secrets in it are hidden.
 *
 * @param place where: {@code file:line}, a path, a table; never empty
 * @param message what was found there, quoting the offending value
 * @param remedy what is allowed, or what to do; one sentence
 */
public record Problem(String place, String message, String remedy) {
  public Problem {
    Objects.requireNonNull(remedy);
    place = Secrets.hideQueries(Secrets.hide(place));
    message = Secrets.hideQueries(Secrets.hide(message));
    remedy = Secrets.hideQueries(Secrets.hide(remedy));
    if (place.isBlank() || message.isBlank()) {
      throw new IllegalArgumentException("A problem needs a place and a message");
    }
  }

  /** {@code place: message} and, indented below it, the remedy. */
  @Override
  public String toString() {
    return place + ": " + message + (remedy.isEmpty() ? "" : "\n  " + remedy);
  }
}
