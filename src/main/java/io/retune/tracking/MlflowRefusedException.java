package io.retune.tracking;

/**
 * The MLflow server answered, and will answer the same until something is changed: credentials, an
 * address, what was deleted. Nothing is lost: what it has not acknowledged is sent again later.
 * Says what to do, and holds no credentials.
 */
public final class MlflowRefusedException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** MLflow's own word for what is not there. */
  private static final String MISSING = "RESOURCE_DOES_NOT_EXIST";

  private static final String EXISTS = "RESOURCE_ALREADY_EXISTS";

  private static final int BAD_REQUEST = 400;

  private final String server;
  private final int status;
  private final String code;
  private final String what;

  /**
   * @param status of HTTP; 0: it did not come to an answer
   * @param code MLflow's error code; empty if it gave none
   * @param remedy one sentence
   */
  MlflowRefusedException(String server, int status, String code, String what, String remedy) {
    super("MLflow at %s %s.\n  %s".formatted(server, what, remedy));
    this.server = server;
    this.status = status;
    this.code = code;
    this.what = what;
  }

  /** Status of the HTTP answer; 0: it did not come to one. */
  public int status() {
    return status;
  }

  /** Whether the same request would be refused whoever made it. */
  boolean isAboutTheRequest() {
    return status == BAD_REQUEST;
  }

  /** The same, by someone who knows better what to do about it. */
  MlflowRefusedException withRemedy(String remedy) {
    return new MlflowRefusedException(server, status, code, what, remedy);
  }

  boolean isMissing() {
    return code.equals(MISSING);
  }

  boolean alreadyExists() {
    return code.equals(EXISTS);
  }
}
