package io.retune.it;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** The Python programs we compare ourselves with: transformers, peft, gguf, delta-rs. */
final class Peers {
  private static final Venv VENV =
      new Venv(
          "peers",
          List.of("requirements-alone.txt", "requirements.txt", "torch_cpu_stubs.py"),
          List.of(
              Venv.pip("--no-deps", "requirements-alone.txt"),
              Venv.pip("--quiet", "requirements.txt"),
              List.of(Venv.script("torch_cpu_stubs.py")),
              List.of("-c", "import torch, transformers, peft, gguf")),
          Map.of(
              // Nothing is asked of a model hub: everything the peers read lies on this disk.
              "HF_HUB_OFFLINE", "1",
              "TOKENIZERS_PARALLELISM", "false",
              // Threads that wait sleep: on a busy machine spinning makes a step ten times as long.
              "OMP_WAIT_POLICY", "PASSIVE",
              "OMP_NUM_THREADS", String.valueOf(Runtime.getRuntime().availableProcessors())));

  private Peers() {}

  /** The interpreter that has the peers; installs them when they are not there. */
  static Path python() {
    return VENV.python();
  }

  /** Runs a script of {@code src/it/python} to its end; its output goes to a file of its name. */
  static void run(String script, Object... arguments) {
    VENV.run(script, arguments);
  }

  /** A script of {@code src/it/python}, not started yet, on {@code threads} threads. */
  static ProcessBuilder process(int threads, String script, Object... arguments) {
    ProcessBuilder builder = VENV.process(script, arguments);
    builder.environment().put("OMP_NUM_THREADS", String.valueOf(threads));
    builder.environment().remove("OMP_WAIT_POLICY");
    return builder;
  }
}
