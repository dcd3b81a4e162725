package io.retune.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LinkLogStoreTest {
  @TempDir Path folder;
  private final Configuration hadoop = new Configuration();
  private final LinkLogStore log = new LinkLogStore(hadoop);

  @Test
  void ofTwoWritersOfACommitExactlyOneWins() throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(2);
    CyclicBarrier together = new CyclicBarrier(2);
    try {
      for (int round = 0; round < 200; round++) {
        Path commit = commit(round);
        List<Future<Boolean>> writers = new ArrayList<>();
        for (String name : List.of("first", "second")) {
          LinkLogStore own = new LinkLogStore(hadoop);
          writers.add(
              threads.submit(
                  () -> {
                    together.await();
                    try {
                      own.write(at(commit), List.of(name, name).iterator(), false, hadoop);
                      return true;
                    } catch (FileAlreadyExistsException e) {
                      return false;
                    }
                  }));
        }
        boolean first = writers.get(0).get();
        boolean second = writers.get(1).get();

        assertThat(first).as("round %d", round).isNotEqualTo(second);
        String winner = first ? "first" : "second";
        assertThat(Files.readString(commit)).isEqualTo(winner + "\n" + winner + "\n");
      }
    } finally {
      threads.shutdownNow();
    }
    assertThat(names()).hasSize(200).allMatch(name -> name.endsWith(".json"));
  }

  @Test
  void aCommitIsReplacedOnlyWhenThatIsWanted() throws IOException {
    Path commit = commit(0);
    log.write(at(commit), List.of("one").iterator(), false, hadoop);

    assertThatThrownBy(() -> log.write(at(commit), List.of("two").iterator(), false, hadoop))
        .isInstanceOf(FileAlreadyExistsException.class);
    assertThat(Files.readString(commit)).isEqualTo("one\n");
    log.write(at(commit), List.of("three", "äöü").iterator(), true, hadoop);
    assertThat(Files.readString(commit)).isEqualTo("three\näöü\n");
    assertThat(names()).hasSize(1);
  }

  @Test
  void aWriterThatFailsLeavesNothingBehind() throws IOException {
    Iterator<String> failing =
        Stream.of("one", "two")
            .map(
                line -> {
                  if (line.equals("two")) {
                    throw new IllegalStateException("a defect");
                  }
                  return line;
                })
            .iterator();

    assertThatThrownBy(() -> log.write(at(commit(0)), failing, false, hadoop))
        .isInstanceOf(IllegalStateException.class);
    assertThat(names()).isEmpty();
  }

  @Test
  void aCommitIsReadBackLineByLine() throws IOException {
    log.write(at(commit(3)), List.of("{\"a\":1}", "{}").iterator(), false, hadoop);

    List<String> lines = new ArrayList<>();
    try (var read = log.read(at(commit(3)), hadoop)) {
      read.forEachRemaining(lines::add);
    }
    assertThat(lines).containsExactly("{\"a\":1}", "{}");
    assertThat(log.isPartialWriteVisible(at(commit(3)), hadoop)).isFalse();
  }

  private Path commit(int version) {
    return folder.resolve("%020d.json".formatted(version));
  }

  private static org.apache.hadoop.fs.Path at(Path file) {
    return new org.apache.hadoop.fs.Path(file.toUri());
  }

  private List<String> names() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(f -> f.getFileName().toString()).toList();
    }
  }
}
