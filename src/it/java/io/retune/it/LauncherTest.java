package io.retune.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.retune.Programs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * When {@code ./retune} builds, in a folder with little to build; programs stand for Maven and Java
 * that take a moment, and say that they were called.
 */
class LauncherTest {
  private static final String MAVEN =
      """
      #!/bin/sh
      echo built >>builds
      sleep 1
      for argument in "$@"; do
        case $argument in -Dretune.jar=*) name=${argument#*=} ;; esac
      done
      mkdir -p target
      echo new >"target/${name:-retune}.jar"
      touch target/classpath.compile target/classpath.runtime target/jvm.options
      """;

  @TempDir private Path folder;

  @BeforeEach
  void layOut() throws IOException {
    Files.copy(Path.of("retune"), folder.resolve("retune"));
    for (String sources : List.of("src/main", "lineage", "docs/schemas")) {
      Files.createDirectories(folder.resolve(sources));
    }
    Files.writeString(folder.resolve("pom.xml"), "");
    Files.writeString(folder.resolve(Path.of("docs", "errors.md")), "");
    Path programs = Files.createDirectory(folder.resolve("bin"));
    Files.writeString(programs.resolve("mvn"), MAVEN);
    Files.writeString(programs.resolve("java"), "#!/bin/sh\necho started\n");
    for (String program : List.of("retune", "bin/mvn", "bin/java")) {
      assertThat(folder.resolve(program).toFile().setExecutable(true)).isTrue();
    }
  }

  private ProcessBuilder retune() {
    ProcessBuilder builder = new ProcessBuilder(folder.resolve("retune").toString(), "runs");
    builder.environment().remove("JAVA_HOME");
    builder.environment().merge("PATH", folder.resolve("bin") + ":", (path, bin) -> bin + path);
    return builder;
  }

  private List<String> builds() throws IOException {
    return Files.readAllLines(folder.resolve("builds"));
  }

  @Test
  void ofSeveralThatComeAtOnceOneBuildsAndAllAreStarted() throws IOException {
    List<Process> processes = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      processes.add(retune().redirectError(folder.resolve("err-" + i).toFile()).start());
    }
    for (Process process : processes) {
      assertThat(process.inputReader().lines()).containsExactly("started");
      assertThat(Programs.exitCode(process)).isZero();
    }
    assertThat(builds()).hasSize(1);
    assertThat(Programs.run(retune())).isEqualTo("started\n");
    assertThat(builds()).hasSize(1);
  }

  @Test
  void aJarThatIsInUseStaysWhatItIs() throws IOException {
    Path target = Files.createDirectory(folder.resolve("target"));
    Path jar = Files.writeString(target.resolve("retune.jar"), "old\n");
    Path inUse = Files.createLink(folder.resolve("in-use"), jar);
    assertThat(Programs.run(retune())).endsWith("started\n");
    assertThat(jar).hasContent("new");
    assertThat(inUse).hasContent("old");
  }
}
