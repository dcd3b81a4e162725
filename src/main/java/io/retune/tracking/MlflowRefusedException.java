package io.retune.tracking;

import io.retune.config.ErrorCode;
import io.retune.config.Failure;
import io.retune.config.Problem;
import java.util.List;

/**
 * The MLflow server answered, and will answer the same until something is changed: credentials, an
 * address, what was deleted. Nothing is lost: what it has not acknowledged is sent again later.
 * Says what to do, and holds no credentials.
 */
public final class MlflowRefusedException extends RuntimeException implements Failure {
  private static final long serialVersionUID = 1L;

  /** MLflow's own word for what is not there. */
  private static final String MISSING = "RESOURCE_DOES_NOT_EXIST";

  private static final String EXISTS = "RESOURCE_ALREADY_EXISTS";

  private static final int BAD_REQUEST = 400;

  private final int status;
  private final String code;
  private final Problem problem;

  /**
   * @param kind of mistake
   * @param status of HTTP; 0: it did not come to an answer
   * @param code MLflow's error code; empty if it gave none
   * @param remedy one sentence
   */
  MlflowRefusedException(
      ErrorCode kind, String server, int status, String code, String what, String remedy) {
    this(status, code, new Problem(kind, "MLflow at " + server, what + ".", remedy));
  }

  private MlflowRefusedException(int status, String code, Problem problem) {
    super(problem.toString());
    this.status = status;
    this.code = code;
    this.problem = problem;
  }

  /** One that does not come of a status. */
  static MlflowRefusedException of(ErrorCode kind, String server, String what, String remedy) {
    return new MlflowRefusedException(kind, server, 0, "", what, remedy);
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
    return new MlflowRefusedException(
        status, code, new Problem(problem.code(), problem.place(), problem.message(), remedy));
  }

  boolean isMissing() {
    return code.equals(MISSING);
  }

  boolean alreadyExists() {
    return code.equals(EXISTS);
  }

  @Override
  public List<Problem> problems() {
    return List.of(problem);
  }
}
