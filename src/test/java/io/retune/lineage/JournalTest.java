package io.retune.lineage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.retune.lineage.JournalEntry.AttemptEnded;
import io.retune.store.Lease;
import io.retune.store.LeaseHeldException;
import io.retune.store.Store;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class JournalTest {
  private static final String RUN = "gloss-1";

  @TempDir Path folder;

  private Store store;

  @BeforeEach
  void open() {
    store = Store.open(folder.toString(), new Configuration());
  }

  private Lease lease() {
    return Lease.take(store, store.path("runs", RUN), "The run");
  }

  private static JournalEntry.Event event(int number) {
    return new AttemptEnded(number, "because of " + number, 0);
  }

  private List<Integer> read() {
    return Journal.read(store, RUN).stream()
        .map(e -> ((AttemptEnded) e.event()).attempt())
        .toList();
  }

  private Path file(int lease) {
    return folder.resolve("runs").resolve(RUN).resolve("journal/%06d.jsonl".formatted(lease));
  }

  @Test
  void aRunThatIsNotThereHasNoEntries() {
    assertThat(Journal.read(store, RUN)).isEmpty();
  }

  @Test
  void anEntryIsThereWhenItsWriterIsNotEvenDone() {
    try (Lease lease = lease();
        Journal journal = Journal.open(store, RUN, lease)) {
      JournalEntry entry = journal.append(event(1));
      assertThat(Journal.read(store, RUN)).containsExactly(entry);
    }
  }

  @Test
  void anotherDriverGoesOnWhereTheFirstEnded() {
    for (int i = 0; i < 3; i++) {
      try (Lease lease = lease();
          Journal journal = Journal.open(store, RUN, lease)) {
        assertThat(journal.entries()).hasSize(2 * i);
        journal.append(event(2 * i + 1));
        journal.append(event(2 * i + 2));
      }
    }
    assertThat(read()).containsExactly(1, 2, 3, 4, 5, 6);
    assertThat(Journal.read(store, RUN)).extracting(JournalEntry::entry).isSorted();
  }

  @Test
  void aLineThatWasBeingWrittenWhenItsDriverDiedIsPassedOver() throws IOException {
    try (Lease lease = lease();
        Journal journal = Journal.open(store, RUN, lease)) {
      journal.append(event(1));
    }
    Files.writeString(file(1), "{\"entry\":2,\"time\":\"20", StandardOpenOption.APPEND);
    try (Lease lease = lease();
        Journal journal = Journal.open(store, RUN, lease)) {
      journal.append(event(2));
    }
    assertThat(read()).containsExactly(1, 2);
  }

  @Test
  void whatADriverWritesAfterItWasTakenOverDoesNotCount() throws IOException {
    try (Lease lease = lease();
        Journal journal = Journal.open(store, RUN, lease)) {
      journal.append(event(1));
    }
    String first = Files.readString(file(1));
    try (Lease lease = lease();
        Journal journal = Journal.open(store, RUN, lease)) {
      journal.append(event(2));
    }
    // The first driver had checked its lease just before, and its write arrives late.
    Files.writeString(
        file(1), first.replace("\"entry\":1", "\"entry\":2"), StandardOpenOption.APPEND);
    assertThat(read()).containsExactly(1, 2);
  }

  @Test
  void aDriverThatWasTakenOverCannotWrite() {
    try (Lease lease = lease();
        Journal journal = Journal.open(store, RUN, lease)) {
      journal.append(event(1));
      store.create(store.path("runs", RUN, "leases", "000002"), new byte[0]);
      assertThatThrownBy(() -> journal.append(event(2))).isInstanceOf(LeaseHeldException.class);
    }
    assertThat(read()).containsExactly(1);
  }

  @Test
  void aDamagedLineIsNamed() throws IOException {
    try (Lease lease = lease();
        Journal journal = Journal.open(store, RUN, lease)) {
      journal.append(event(1));
      journal.append(event(2));
    }
    Files.writeString(file(1), Files.readString(file(1)).replaceFirst("\\{", "["));
    assertThatThrownBy(() -> Journal.read(store, RUN))
        .hasMessageContaining("000001.jsonl: line 1 is damaged");
  }

  @Test
  void aLostLineIsNamed() throws IOException {
    try (Lease lease = lease();
        Journal journal = Journal.open(store, RUN, lease)) {
      for (int i = 1; i <= 3; i++) {
        journal.append(event(i));
      }
    }
    List<String> lines = Files.readAllLines(file(1));
    Files.write(file(1), List.of(lines.get(0), lines.get(2)));
    assertThatThrownBy(() -> Journal.read(store, RUN))
        .hasMessage("The journal of gloss-1 is damaged: entry 2 is missing");
  }
}
