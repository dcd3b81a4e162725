package io.retune.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.retune.config.InvalidInputException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StoreTest {
  @TempDir Path folder;
  private Store store;

  @BeforeEach
  void open() {
    store = Store.open(folder.resolve("store").toString(), new Configuration());
  }

  @Test
  void aFileIsWholeUnderItsNameAndAloneThere() throws IOException {
    store.write(store.path("runs", "r", "a.json"), "one".getBytes(StandardCharsets.UTF_8));
    store.write(store.path("runs", "r", "a.json"), "two".getBytes(StandardCharsets.UTF_8));

    assertThat(Files.readString(folder.resolve("store/runs/r/a.json"))).isEqualTo("two");
    assertThat(names("runs/r")).containsExactly("a.json");
  }

  /** An archive is read where nobody may write. */
  @Test
  void openingOneToReadWritesNothing() throws IOException {
    FileTime before = FileTime.from(Instant.EPOCH);
    Files.setLastModifiedTime(folder.resolve("store"), before);
    Store.existing(folder.resolve("store").toString(), new Configuration());
    assertThat(Files.getLastModifiedTime(folder.resolve("store"))).isEqualTo(before);
  }

  @Test
  void whatKilledProcessesStagedGoesWithTheNextOne() throws IOException {
    FileTime longAgo = FileTime.from(Instant.now().minus(Scratch.LEFT_BEHIND).minusSeconds(60));
    for (String name : List.of("killed", "working")) {
      Path staged = store.local(store.stage(store.path("models", name)));
      Files.setLastModifiedTime(Files.writeString(staged.resolve("weights"), name), longAgo);
      Files.setLastModifiedTime(staged, longAgo);
    }
    try (Stream<Path> working = Files.list(folder.resolve("store/models"))) {
      Path staged = working.filter(p -> p.toString().contains("working")).findFirst().orElseThrow();
      Files.writeString(staged.resolve("more"), "now");
    }
    store.stage(store.path("models", "next"));
    assertThat(names("models"))
        .hasSize(2)
        .anyMatch(name -> name.startsWith(".staged-working-"))
        .anyMatch(name -> name.startsWith(".staged-next-"));
  }

  @Test
  void aBodyThatFailsLeavesNothingNewBehind() throws IOException {
    store.write(store.path("kept"), "old".getBytes(StandardCharsets.UTF_8));
    for (String name : List.of("kept", "fresh")) {
      assertThatThrownBy(
              () ->
                  store.write(
                      store.path(name),
                      out -> {
                        out.write(new byte[100_000]);
                        throw new IOException("no space left");
                      }))
          .isInstanceOf(UnwritableException.class)
          .hasMessage("Cannot write " + store.local(store.path(name)) + ": no space left")
          .hasRootCauseMessage("no space left");
      assertThatThrownBy(
              () ->
                  store.write(
                      store.path(name),
                      out -> {
                        out.write(1);
                        throw new IllegalStateException("a defect");
                      }))
          .isInstanceOf(IllegalStateException.class);
    }

    assertThat(names("")).containsExactly("kept");
    assertThat(store.read(store.path("kept"))).asString(StandardCharsets.UTF_8).isEqualTo("old");
  }

  @Test
  void whatCouldNotBeWrittenIsFoundInWhateverItCameToBe() {
    UnwritableException unwritable =
        new UnwritableException("/a/b", new IOException("Disk full, in any language"));
    String reason = "Cannot write /a/b: Disk full, in any language";
    assertThat(UnwritableException.reasonOf(unwritable)).contains(reason);
    assertThat(UnwritableException.reasonOf(new IllegalStateException("x", unwritable)))
        .contains(reason);
    assertThat(
            UnwritableException.reasonOf(
                new IllegalStateException("Job aborted.\n" + unwritable + "\n\tat a.B.c()")))
        .contains(reason);
    assertThat(
            UnwritableException.reasonOf(
                new IllegalStateException(
                    "Job aborted.\njava.io.IOException: No space left on device\n\tat a.B.c()")))
        .contains("java.io.IOException: No space left on device");
    assertThat(UnwritableException.reasonOf(new IllegalStateException())).isEmpty();
  }

  @Test
  void aFolderIsSeenOnceItIsPublished() throws IOException {
    org.apache.hadoop.fs.Path staged = store.stage(store.path("models", "abc"));
    store.write(new org.apache.hadoop.fs.Path(staged, "x"), new byte[] {1});

    assertThat(store.exists(store.path("models", "abc"))).isFalse();
    assertThat(names("models")).singleElement().asString().startsWith(".staged-abc-");
    store.publish(staged, store.path("models", "abc"));
    assertThat(names("models")).containsExactly("abc");
    assertThat(names("models/abc")).containsExactly("x");
  }

  @Test
  void aFolderThatIsThereStaysAndTheSecondIsDropped() throws IOException {
    for (byte content = 1; content <= 2; content++) {
      org.apache.hadoop.fs.Path staged = store.stage(store.path("models", "abc"));
      store.write(new org.apache.hadoop.fs.Path(staged, "x"), new byte[] {content});
      store.publish(staged, store.path("models", "abc"));
    }

    assertThat(names("models")).containsExactly("abc");
    assertThat(store.read(store.path("models", "abc", "x"))).containsExactly(1);
  }

  @Test
  void ofWritersThatPublishTheSameFolderAtOnceOneWinsAndNoneFails() throws Exception {
    int writers = 4;
    ExecutorService threads = Executors.newFixedThreadPool(writers);
    CyclicBarrier together = new CyclicBarrier(writers);
    try {
      for (int round = 0; round < 50; round++) {
        String name = "plan-" + round;
        List<Future<?>> running = new ArrayList<>();
        for (int writer = 0; writer < writers; writer++) {
          running.add(
              threads.submit(
                  () -> {
                    org.apache.hadoop.fs.Path staged = store.stage(store.path("plans", name));
                    store.write(new org.apache.hadoop.fs.Path(staged, "x"), new byte[] {7});
                    together.await();
                    store.publish(staged, store.path("plans", name));
                    return null;
                  }));
        }
        for (Future<?> each : running) {
          each.get();
        }
        assertThat(names("plans/" + name)).containsExactly("x");
      }
    } finally {
      threads.shutdownNow();
    }
    assertThat(names("plans")).hasSize(50).allMatch(name -> name.startsWith("plan-"));
  }

  @Test
  void whatIsNotThereHasNoChildrenAndCannotBeRead() {
    assertThat(store.list(store.path("nothing"))).isEmpty();
    assertThat(store.exists(store.path("nothing"))).isFalse();
    assertThatThrownBy(() -> store.read(store.path("nothing")))
        .isInstanceOf(UncheckedIOException.class)
        .hasMessage("Cannot read " + store.path("nothing"));
    store.delete(store.path("nothing"));
  }

  @Test
  void childrenAreSorted() {
    for (String name : List.of("b", "a", "C")) {
      store.write(store.path(name), new byte[0]);
    }
    assertThat(store.list(store.path()).stream().map(org.apache.hadoop.fs.Path::getName))
        .containsExactly("C", "a", "b");
  }

  @Test
  void aFileWhereTheStoreShouldBeIsRefusedWithTheRemedy() throws IOException {
    Path file = Files.writeString(folder.resolve("file"), "x");
    assertThatThrownBy(() -> Store.open(file.resolve("store").toString(), new Configuration()))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageStartingWith("store " + file.resolve("store") + ": cannot be written to: ")
        .hasMessageEndingWith(
            "\n  Give a folder you may write to with --store, or free some space.");
  }

  @Test
  void aStoreOfAnUnknownKindIsRefused() {
    assertThatThrownBy(() -> Store.open("floppy://a/b", new Configuration()))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining("floppy");
  }

  @Test
  void relativePathAndUriNameTheSameStore() {
    Path here = Path.of("").toAbsolutePath().relativize(folder.toAbsolutePath());
    String local = folder.resolve("same").toUri().toString();
    assertThat(Store.open(local, new Configuration()).uri())
        .isEqualTo(Store.open(here.resolve("same").toString(), new Configuration()).uri());
  }

  private List<String> names(String relative) throws IOException {
    try (Stream<Path> children = Files.list(folder.resolve("store").resolve(relative))) {
      return children.map(c -> c.getFileName().toString()).sorted().toList();
    }
  }
}
