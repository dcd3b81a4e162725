package io.retune.store;

/** A file of the store is not as it was written: exit code 4. */
public final class DamagedFileException extends IllegalStateException {
  private static final long serialVersionUID = 1L;

  /**
   * @param place the file
   * @param what is wrong with it
   * @param remedy what to do
   */
  public DamagedFileException(String place, String what, String remedy) {
    super(place + ": " + what + "\n  " + remedy);
  }
}
