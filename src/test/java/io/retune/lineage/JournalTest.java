package io.retune.lineage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.retune.lineage.JournalEntry.AttemptEnded;
import io.retune.store.Lease;
import io.retune.store.LeaseHeldException;
import io.retune.store.Sha256;
import io.retune.store.Store;
import java.io.IOException;
import java.lang.ref.WeakReference;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import org.apache.hadoop.conf.Configuration;
import org.assertj.core.api.ThrowableAssert;
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
    return new AttemptEnded(number, "because of " + number, 0, 0);
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
    String before = Files.readString(file(1));
    try (Lease lease = lease();
        Journal journal = Journal.open(store, RUN, lease)) {
      journal.append(event(2));
    }
    // The first driver had checked its lease just before, and its write arrives late.
    JournalEntry.Unsealed late =
        new JournalEntry.Unsealed(2, "2026-11-24T12:00:00Z", JournalEntry.Level.WARN, event(7));
    Segment.Sealer sealer = new Segment.Sealer();
    sealer.took(
        new Segment.Line(new byte[0], before.substring(before.length() - 67, before.length() - 3)));
    Files.write(file(1), sealer.line(late).bytes(), StandardOpenOption.APPEND);
    assertThat(read()).containsExactly(1, 2);
    try (Lease lease = lease();
        Journal journal = Journal.open(store, RUN, lease)) {
      journal.append(event(3));
    }
    assertThat(read()).containsExactly(1, 2, 3);
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
    List<String> lines = Files.readAllLines(file(1));
    Files.writeString(file(1), Files.readString(file(1)).replace("because of 1", "because of 7"));
    assertThatThrownBy(() -> Journal.read(store, RUN))
        .isInstanceOf(DamagedJournalException.class)
        .hasMessage(
            file(1)
                + " line 2: does not follow from the lines before it. [journal-damaged]\n  Restore the file from a copy"
                + " of the store. The tables and the copies of the run hold what was recorded.");
    Files.write(file(1), lines);
    assertThat(read()).containsExactly(1, 2);
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
    Files.write(file(1), List.of(lines.get(0), lines.get(1), lines.get(3)));
    assertThatThrownBy(() -> Journal.read(store, RUN))
        .hasMessageContaining("line 3: does not follow from the lines before it.");
  }

  /** U+2028 and the like end a line for some, and are written as they are. */
  @Test
  void whateverIsSaidCanBeReadAgain() {
    String said = "a\u2028b\u2029c\u0085d\u000be\nf\"g\\h,\"seal\":\"\ud83d\ude00";
    try (Lease lease = lease();
        Journal journal = Journal.open(store, RUN, lease)) {
      JournalEntry entry = journal.append(new AttemptEnded(1, said, 0, 0));
      journal.append(event(2));
      assertThat(Journal.read(store, RUN).get(0)).isEqualTo(entry);
    }
    assertThat(((AttemptEnded) Journal.read(store, RUN).get(0).event()).end()).isEqualTo(said);
  }

  @Test
  void aSegmentOfAnotherRunIsRefused() throws IOException {
    try (Lease lease = lease();
        Journal journal = Journal.open(store, RUN, lease)) {
      journal.append(event(1));
    }
    Path elsewhere = folder.resolve("runs/other/journal/000001.jsonl");
    Files.createDirectories(elsewhere.getParent());
    Files.copy(file(1), elsewhere);
    assertThatThrownBy(() -> Journal.read(store, "other"))
        .hasMessageContaining("belongs to another place.");
  }

  @Test
  void aLineIsValidByTheSchema() throws IOException {
    try (Lease lease = lease();
        Journal journal = Journal.open(store, RUN, lease)) {
      journal.append(event(1));
    }
    for (String line : Files.readAllLines(file(1))) {
      RunMetadata.requireValid("journal", line);
    }
    assertThatThrownBy(() -> RunMetadata.requireValid("journal", "{\"entry\":1,\"seal\":\"x\"}"))
        .isInstanceOf(IllegalStateException.class);
  }

  @Test
  void whatIsSealedCanBeCheckedWithOtherTools() throws Exception {
    try (Lease lease = lease();
        Journal journal = Journal.open(store, RUN, lease)) {
      journal.append(event(1));
    }
    String seal = "0".repeat(64);
    for (String line : Files.readAllLines(file(1))) {
      int end = line.length() - ",\"seal\":\"\"}".length() - 64;
      seal = Sha256.of(seal + line.substring(0, end) + "}").hex();
      assertThat(line).endsWith(",\"seal\":\"" + seal + "\"}");
    }
  }

  private void write(int... events) {
    try (Lease lease = lease();
        Journal journal = Journal.open(store, RUN, lease)) {
      for (int event : events) {
        journal.append(event(event));
      }
    }
  }

  /** Nor does it matter that the rest is damaged: who asks for one run is not kept by another. */
  @Test
  void whatARunBeganWithIsKnownWithoutTheRest() throws IOException {
    assertThat(Journal.first(store, RUN)).isEmpty();
    write(1, 2);
    assertThat(Journal.first(store, RUN)).contains(Journal.read(store, RUN).get(0));
    write(3);
    List<JournalEntry> all = Journal.read(store, RUN);
    Files.writeString(file(1), Files.readString(file(1)).replace("because of 2", "because of 7"));
    assertThat(Journal.first(store, RUN)).contains(all.get(0));
    Files.writeString(file(1), Files.readString(file(1)).replace("because of 1", "because of 7"));
    assertThatThrownBy(() -> Journal.first(store, RUN)).isInstanceOf(DamagedJournalException.class);
  }

  @Test
  void aSegmentThatIsGoneIsNamed() throws IOException {
    write(1);
    write(2);
    Files.delete(file(1));
    for (ThrowableAssert.ThrowingCallable read :
        List.<ThrowableAssert.ThrowingCallable>of(
            () -> Journal.read(store, RUN), () -> Journal.first(store, RUN))) {
      assertThatThrownBy(read)
          .isInstanceOf(DamagedJournalException.class)
          .hasMessageContaining("000001.jsonl: is not as the driver after it found it.");
    }
  }

  /** However long a run: what is handed on is not kept. */
  @Test
  void entriesAreReadOneAfterTheOther() {
    int[] numbers = IntStream.rangeClosed(1, 500).toArray();
    write(numbers);
    AtomicLong last = new AtomicLong();
    List<WeakReference<JournalEntry>> seen = new ArrayList<>();
    Journal.read(
        store,
        RUN,
        entry -> {
          last.set(entry.entry());
          seen.add(new WeakReference<>(entry));
          if (entry.entry() == 400) {
            System.gc();
            assertThat(seen.get(0).get()).isNull();
          }
        });
    assertThat(last).hasValue(500);
  }

  @Test
  void aJournalOfASchemaThatIsNotKnownIsNotRead() throws IOException {
    Segment.Sealer sealer = new Segment.Sealer();
    Files.createDirectories(file(1).getParent());
    Files.write(file(1), sealer.line(new Segment.Header(3, RUN, 1, 0, List.of())).bytes());
    assertThatThrownBy(() -> Journal.read(store, RUN))
        .hasMessageContaining("has schema 3, which this Retune does not read.");
    Files.write(
        file(1), new Segment.Sealer().line(new Segment.Header(1, RUN, 1, 0, List.of())).bytes());
    assertThat(Journal.read(store, RUN)).isEmpty();
  }
}
