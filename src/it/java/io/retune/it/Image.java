package io.retune.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.retune.Programs;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.commons.io.FileUtils;

/**
 * What {@code deploy/Dockerfile} makes, laid out in a folder, and a process in it as in a
 * container.
 */
final class Image {
  static final Path DEPLOY = Path.of("deploy").toAbsolutePath();
  static final Path SCRIPTS = DEPLOY.resolve("image");
  static final Path DOCKERFILE = DEPLOY.resolve("Dockerfile");

  /** Of whoever runs in it. */
  static final long USER = 10001;

  /** On the disk of what it is made of, so that Spark's jars are not copied. */
  static final Path ROOT = Path.of("target", "image-root").toAbsolutePath();

  private final Path folder;
  private final Map<String, String> environment = new TreeMap<>();

  /**
   * @param folder for its volumes
   */
  Image(Path folder) throws IOException {
    this.folder = folder;
    FileUtils.deleteDirectory(ROOT.toFile());
    layOut();
  }

  /** Does what the Dockerfile's last stage does, by its own lines. */
  private void layOut() throws IOException {
    Path spark = ROOT.resolve(Path.of("stages", "spark", "opt", "spark"));
    Path out = ROOT.resolve(Path.of("stages", "retune", "out"));
    execute(SCRIPTS.resolve("spark.sh"), SparkCluster.home(), spark);
    String keepingOthersOut = "umask 077 && exec \"$@\"";
    Path jars = SCRIPTS.resolve("jars.sh");
    execute("bash", "-c", keepingOthersOut, "bash", jars, spark.resolve("jars"), out);
    for (MatchResult copy : lines("COPY (?:--from=(\\w+) )?(\\S+) (\\S+)")) {
      String stage = copy.group(1);
      Path from =
          stage == null
              ? Path.of(copy.group(2))
              : ROOT.resolve("stages").resolve(stage + copy.group(2));
      Path to = ROOT.resolve(copy.group(3).substring(1));
      assertThat(from).exists();
      if (stage != null && stage.equals("spark")) {
        Files.createDirectories(to.getParent());
        Files.move(from, to);
      } else if (Files.isDirectory(from)) {
        FileUtils.copyDirectory(from.toFile(), to.toFile());
      } else {
        FileUtils.copyFileToDirectory(from.toFile(), to.toFile());
      }
    }
    try (Stream<Path> scripts = Files.walk(ROOT.resolve(Path.of("opt", "retune")))) {
      scripts
          .filter(path -> path.toString().endsWith(".sh"))
          .forEach(p -> p.toFile().setExecutable(true));
    }
    execute(
        SCRIPTS.resolve("libtorch.sh"),
        "cpu",
        out.resolve("libtorch.jar"),
        ROOT.resolve(Path.of("opt", "libtorch")));
    String env = lines("ENV ((?:[^\\n]*\\\\\\n)*[^\\n]*)").get(0).group(1);
    for (String pair : env.replace("\\\n", " ").trim().split("\\s+")) {
      environment.put(pair.split("=", 2)[0], pair.split("=", 2)[1].replace("${FLAVOR}", "cpu"));
    }
  }

  /** Instructions of the Dockerfile's last stage. */
  private static List<MatchResult> lines(String instruction) throws IOException {
    String text = Files.readString(DOCKERFILE);
    String last = text.substring(text.lastIndexOf("\nFROM "));
    return Pattern.compile("(?m)^" + instruction).matcher(last).results().toList();
  }

  private static void execute(Object... command) {
    Programs.run(new ProcessBuilder(Stream.of(command).map(Object::toString).toList()));
  }

  /** Variables that it sets. */
  Map<String, String> environment() {
    return environment;
  }

  /** A process in a container, but for the daemon; see {@code src/it/sh/pod.sh}. */
  private Process pod(Map<String, String> more, String... arguments) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of("src", "it", "sh", "pod.sh").toString());
    command.addAll(List.of(ROOT.toString(), volumes().toString()));
    command.add("/opt/retune/image/entrypoint.sh");
    command.addAll(List.of(arguments));
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectError(folder.resolve("pod.err").toFile());
    builder.environment().keySet().removeIf(name -> !name.equals("PATH"));
    builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
    builder.environment().putAll(environment);
    builder.environment().putAll(more);
    return builder.start();
  }

  /** What a process in it prints, after asserting that all went well. */
  String printed(Map<String, String> more, String... arguments) throws IOException {
    Process process = pod(more, arguments);
    String printed = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    int code = Programs.exitCode(process);
    assertThat(code).as(Files.readString(folder.resolve("pod.err"))).isZero();
    return printed;
  }

  Path volumes() throws IOException {
    return Files.createDirectories(folder.resolve("volumes"));
  }
}
