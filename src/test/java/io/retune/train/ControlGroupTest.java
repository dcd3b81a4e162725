package io.retune.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ControlGroupTest {
  @TempDir Path folder;

  private void give(String file, String text) throws IOException {
    Path path = folder.resolve(file);
    Files.createDirectories(path.getParent());
    Files.writeString(path, text);
  }

  private OptionalLong available(String groups) throws IOException {
    give("groups", groups);
    return ControlGroup.availableMemory(folder.resolve("groups"), folder.resolve("root"));
  }

  @Test
  void aContainersLimitLeavesWhatIsNotUsedAndTheFilesThatCanBeReadAgain() throws IOException {
    give("root/memory.max", "1000\n");
    give("root/memory.current", "700\n");
    give("root/memory.stat", "anon 500\nactive_file 90\ninactive_file 110\n");
    assertThat(available("0::/\n")).hasValue(410);
    assertThat(available("0::/as/its/host/sees/it\n")).hasValue(410);
    assertThat(available("0::/../elsewhere\n")).isEmpty();
  }

  @Test
  void theLeastOfTheGroupsAboveCounts() throws IOException {
    give("root/pod/memory.max", "1000\n");
    give("root/pod/memory.current", "900\n");
    give("root/pod/app/memory.max", "500\n");
    give("root/pod/app/memory.current", "100\n");
    assertThat(available("0::/pod/app\n")).hasValue(100);
    give("root/pod/memory.max", "max\n");
    assertThat(available("0::/pod/app\n")).hasValue(400);
    give("root/pod/app/memory.max", "max\n");
    assertThat(available("0::/pod/app\n")).isEmpty();
  }

  @Test
  void theFirstVersionsFilesAreReadToo() throws IOException {
    give("root/memory/docker/memory.limit_in_bytes", "1000\n");
    give("root/memory/docker/memory.usage_in_bytes", "1200\n");
    give("root/memory/docker/memory.stat", "inactive_file 7\ntotal_inactive_file 300\n");
    give("root/memory/memory.limit_in_bytes", "9223372036854771712\n");
    String groups = "3:cpu,cpuacct:/docker\n2:hugetlb,memory:/docker\n0::/system\n";
    assertThat(available(groups)).hasValue(100);
    give("root/memory/docker/memory.usage_in_bytes", "2000\n");
    assertThat(available(groups)).as("nothing, and not unknown").hasValue(1);
  }

  @Test
  void withoutGroupsThereIsNoLimit() {
    assertThat(ControlGroup.availableMemory(folder.resolve("groups"), folder.resolve("root")))
        .isEmpty();
  }
}
