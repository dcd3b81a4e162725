package io.retune.it;

import static java.util.stream.Collectors.joining;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.apache.commons.io.FileUtils;

/**
 * The store that the commands of {@code notebooks/README.md} make, typed as in a clone, where
 * {@code ./retune} is this build and the runs are small.
 */
final class NotebookStore {
  private static final Path README = Path.of("notebooks", "README.md");

  /** What makes the README's runs small; the last of several values of a key holds. */
  private static final List<String> SMALL =
      List.of("order.steps=2", "order.micro-batches=2", "evaluation.prompts=[]");

  /** What in the configuration, and in the README's commands, makes its data small. */
  private static final Map<String, String> SMALLER =
      Map.of(
          "keep = 1200",
          "keep = 160",
          "data.{noun,verb,adj,adv}",
          "data.{verb,adv}",
          "9ea18c5c1ae11e80a6e54ea9b3836cf0f2588cd1ab327c85c6e557d8c9e8b645",
          "bccc5f1481c13acba0fc5a159f0d538b9d6fb249167c03c8d7e5f22b41ae06a9",
          "data.{noun,verb,adj}",
          "data.verb",
          "14eac52d3fac08ca3603a9b4371c754b5fc58e29153b7cec7fbe9b95947f9342",
          "eb1cf196dab6e1b815a1c86fa20c909fb7413b2f34250d7fe60a0fb35ef59e03");

  private final Path clone;
  private final Path store;
  private String server = "";

  /**
   * @param clone folder in which the commands are typed
   */
  NotebookStore(Path clone, Path store) throws IOException {
    this.clone = Files.createDirectories(clone);
    this.store = store;
  }

  /** What {@code ./retune sync} talks to from now on. */
  void publishTo(MlflowServer mlflow) {
    server = mlflow.uri().toString();
  }

  /** Runs the README's block that starts with a command. */
  void run(String command) throws IOException, InterruptedException {
    FileUtils.copyDirectory(Path.of("conf").toFile(), clone.resolve("conf").toFile());
    String all = Files.readString(README);
    for (String file : List.of("runs/quickstart.conf", "data/wordnet.conf")) {
      Path conf = clone.resolve("conf").resolve(file);
      all += Files.readString(conf);
      Files.writeString(conf, smaller(Files.readString(conf)));
    }
    assertThat(all).contains(SMALLER.keySet());
    RetuneProcess.installLauncher(clone, launcher());
    Path log = Path.of("target", "it-logs", "notebook-store.log").toAbsolutePath();
    Files.createDirectories(log.getParent());
    ProcessBuilder bash =
        new ProcessBuilder("bash", "-c", smaller(commands(command)))
            .directory(clone.toFile())
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()));
    bash.environment().put("CI", "true");
    assertThat(bash.start().waitFor(20, TimeUnit.MINUTES)).as("the commands end in time").isTrue();
  }

  private static String smaller(String text) {
    String smaller = text;
    for (Map.Entry<String, String> change : SMALLER.entrySet()) {
      smaller = smaller.replace(change.getKey(), change.getValue());
    }
    return smaller;
  }

  private String launcher() {
    String small = SMALL.stream().map(s -> " --set " + RetuneProcess.quoted(s)).collect(joining());
    return """
        verb=$1
        case $verb in
          run) set -- "$@"%s ;;
          sync) set -- "$@" --set %s ;;
        esac
        %s "$@" --store %s
        code=$?
        echo "$verb $code" >>ended
        exit $code
        """
        .formatted(
            small,
            RetuneProcess.quoted("tracking.mlflow.uri=" + server),
            RetuneProcess.shellCommand(List.of()),
            RetuneProcess.quoted(store.toString()));
  }

  private static String commands(String command) throws IOException {
    return Pattern.compile("```sh\n(.*?)```", Pattern.DOTALL)
        .matcher(Files.readString(README))
        .results()
        .map(block -> block.group(1))
        .filter(block -> block.startsWith(command))
        .reduce(
            (one, other) -> {
              throw new AssertionError("Two blocks start with " + command);
            })
        .orElseThrow();
  }

  /** Of each command that was typed, its verb and its exit code. */
  List<String> ended() throws IOException {
    return Files.readAllLines(clone.resolve("ended"));
  }
}
