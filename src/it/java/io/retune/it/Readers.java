package io.retune.it;

import java.util.List;
import java.util.Map;

/**
 * What data engineers read a store with that is not ours: delta-rs, DuckDB, jsonschema. Nothing
 * else is installed beside them, so what runs here needs nothing else.
 */
final class Readers {
  private static final Venv VENV =
      new Venv(
          "readers",
          List.of("requirements-readers.txt"),
          List.of(Venv.pip("--quiet", "requirements-readers.txt")),
          Map.of());

  private Readers() {}

  /** Runs a script of {@code src/it/python} to its end; its output goes to a file of its name. */
  static void run(String script, Object... arguments) {
    VENV.run(script, arguments);
  }

  /** A script, of {@code src/it/python} unless its path is absolute, not started yet. */
  static ProcessBuilder process(Object script, Object... arguments) {
    return VENV.process(script.toString(), arguments);
  }
}
