package io.retune.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.retune.Programs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What {@code src/main/build/built.sh} leaves about a build. */
class BuiltTest {
  private static final String BUILT = "src/main/build/built.sh";

  @TempDir private Path folder;

  private String git(Path where, String... arguments) {
    List<String> command = new ArrayList<>(List.of("git", "-C", where.toString()));
    command.addAll(List.of("-c", "user.name=a", "-c", "user.email=a@b.example"));
    command.addAll(List.of(arguments));
    return Programs.run(new ProcessBuilder(command)).strip();
  }

  /** The names of what was left. */
  private String[] built(Path project) {
    String script = Path.of(BUILT).toAbsolutePath().toString();
    ProcessBuilder builder =
        new ProcessBuilder("sh", script, folder.resolve("out").toString(), "1");
    assertThat(Programs.run(builder.directory(project.toFile()))).isEmpty();
    return folder.resolve("out").toFile().list();
  }

  private static void layOut(Path project) throws IOException {
    Files.createDirectories(project.resolve(Path.of("src", "main")));
    Files.createDirectories(project.resolve("lineage"));
    for (String file : List.of("pom.xml", "retune", "src/main/a", "lineage/a")) {
      Files.writeString(project.resolve(file), "a\n");
    }
  }

  @Test
  void ofACheckoutItsCommitAndWhatDiffersFromIt() throws IOException {
    layOut(folder.resolve("project"));
    Path project = folder.resolve("project");
    git(project, "init", "--quiet", "--initial-branch", "trunk");
    git(project, "add", ".");
    git(project, "commit", "--quiet", "--message", "first");
    assertThat(built(project)).containsExactlyInAnyOrder("version", "commit", "branch");
    assertThat(folder.resolve("out/commit")).hasContent(git(project, "rev-parse", "HEAD"));
    assertThat(folder.resolve("out/branch")).hasContent("trunk");
    Files.writeString(project.resolve("lineage/b"), "new\n");
    assertThat(built(project)).contains("diff.patch");
    assertThat(folder.resolve("out/diff.patch")).content().contains("+new\n");
  }

  @Test
  void inTheFolderOfAnotherRepositoryAVersionAlone() throws IOException {
    Path project = folder.resolve("another").resolve("project");
    layOut(project);
    Path another = project.getParent();
    git(another, "init", "--quiet");
    Files.writeString(another.resolve(".gitignore"), "project\n");
    git(another, "add", ".");
    git(another, "commit", "--quiet", "--message", "not ours");
    assertThat(built(project)).containsExactly("version");
  }
}
