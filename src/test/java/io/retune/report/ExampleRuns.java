package io.retune.report;

import java.util.ArrayList;
import java.util.List;

/** Pages for tests that look at them from outside of this package. */
public final class ExampleRuns {
  private ExampleRuns() {}

  /** Of a run with groups, samples, a failure and two attempts. */
  public static String page() {
    Runs run = new Runs();
    run.fails = true;
    return run.html();
  }

  /** Of {@code count} runs, every fifth of which is not finished. */
  public static String pageOfRuns(int count) {
    List<RunLine> runs = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      Runs run = new Runs();
      run.name = "words-" + i;
      run.planned = 12 + i;
      run.done = i % 5 == 4 ? 6 : run.planned;
      runs.add(run.line());
    }
    return new RunsReport(runs).html();
  }
}
