package io.retune.store;

import io.retune.config.ErrorCode;
import io.retune.config.Exit;
import io.retune.config.Failure;
import io.retune.config.Problem;
import java.util.List;

/** A file of the store is not as it was written: exit code 4. */
public final class DamagedFileException extends IllegalStateException implements Failure {
  private static final long serialVersionUID = 1L;

  private final List<Problem> problems;

  /**
   * @param place the file
   * @param what is wrong with it
   * @param remedy what to do
   */
  public DamagedFileException(String place, String what, String remedy) {
    this(List.of(new Problem(ErrorCode.FILE_DAMAGED, place, what, remedy)));
  }

  private DamagedFileException(List<Problem> problems) {
    super(Failure.told(problems));
    this.problems = Failure.of(Exit.CHECK_DOES_NOT_HOLD, problems);
  }

  @Override
  public List<Problem> problems() {
    return problems;
  }
}
