package io.retune.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.retune.lineage.DamagedJournalException;
import io.retune.lineage.JournalEntry.AttemptEnded;
import io.retune.lineage.JournalEntry.Stepped;
import io.retune.store.Store;
import io.retune.train.GradientDigest;
import io.retune.train.StepRecord;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A run's journal, once its tables hold it, cannot lose, gain or change a line unseen. */
class TamperedJournalTest {
  private static final String RUN = "gloss-1";
  private static final int TAMPERINGS = 1000;

  @TempDir Path folder;

  private Store store;
  private Path journal;

  /** Three drivers, the first of which was killed in the middle of a line. */
  @BeforeEach
  void writeJournal() throws IOException {
    store = Store.open(folder.toString(), new Configuration());
    journal = folder.resolve("runs").resolve(RUN).resolve("journal");
    for (int driver = 1; driver <= 3; driver++) {
      try (RunFolder run = RunFolder.hold(store, RUN)) {
        for (int step = 1; step <= 8; step++) {
          run.append(new Stepped(driver, step(8 * (driver - 1) + step)));
        }
        run.append(new AttemptEnded(driver, driver < 3 ? "driver lost" : "finished", 0, 0));
        run.noteRecorded(run.history(), run.journalBytes());
      }
      if (driver == 1) {
        Files.writeString(segment(1), "{\"entry\":10,\"time\":\"20", StandardOpenOption.APPEND);
      }
    }
  }

  private Path segment(int number) {
    return journal.resolve("%06d.jsonl".formatted(number));
  }

  private static StepRecord step(int step) {
    List<String> digests = List.of("%032x".formatted(step), "%032x".formatted(-step));
    return new StepRecord(
        step,
        3.25 / step,
        1e-3,
        0.5,
        4,
        400,
        100,
        digests,
        GradientDigest.of(digests),
        1,
        2,
        3,
        4,
        5,
        10,
        1 << 20);
  }

  @Test
  void whatWasWrittenIsRead() {
    assertThat(RunFolder.history(store, RUN).steps()).hasSize(24);
    assertThat(RunFolder.history(store, RUN).gaps()).isEmpty();
  }

  @Test
  void aThousandOfAThousandTamperingsAreFound() throws IOException {
    Map<Path, byte[]> sound = read();
    Random random = new Random(20_261_124);
    Map<String, Integer> found = new TreeMap<>();
    for (int i = 0; i < TAMPERINGS; i++) {
      String how = tamper(random);
      assertThatThrownBy(() -> RunFolder.history(store, RUN))
          .as("%d: %s", i, how)
          .isInstanceOf(DamagedJournalException.class);
      found.merge(how.split(" ")[0], 1, Integer::sum);
      write(sound);
    }
    assertThat(found.values().stream().mapToInt(Integer::intValue).sum()).isEqualTo(TAMPERINGS);
    assertThat(found).containsOnlyKeys("deleted", "edited", "repeated", "swapped", "cut", "moved");
    assertThat(RunFolder.history(store, RUN).steps()).hasSize(24);
  }

  private Map<Path, byte[]> read() throws IOException {
    Map<Path, byte[]> files = new TreeMap<>();
    try (Stream<Path> list = Files.list(journal)) {
      for (Path file : (Iterable<Path>) list::iterator) {
        files.put(file, Files.readAllBytes(file));
      }
    }
    return files;
  }

  private static void write(Map<Path, byte[]> files) throws IOException {
    for (Map.Entry<Path, byte[]> file : files.entrySet()) {
      Files.write(file.getKey(), file.getValue());
    }
  }

  /** Does something to a line that counts, and says what. */
  private String tamper(Random random) throws IOException {
    int segment = 1 + random.nextInt(3);
    Path file = segment(segment);
    List<String> lines = new ArrayList<>(Arrays.asList(Files.readString(file).split("(?<=\n)")));
    // The header and nine entries; what follows in the first does not count.
    int line = random.nextInt(10);
    String what;
    switch (random.nextInt(6)) {
      case 0 -> {
        lines.remove(line);
        what = "deleted";
      }
      case 1 -> {
        byte[] bytes = lines.get(line).getBytes(StandardCharsets.UTF_8);
        int at = random.nextInt(bytes.length);
        bytes[at] ^= (byte) (1 << random.nextInt(7));
        lines.set(line, new String(bytes, StandardCharsets.ISO_8859_1));
        what = "edited byte " + at;
      }
      case 2 -> {
        lines.add(line + 1 + random.nextInt(10 - line), lines.get(line));
        what = "repeated";
      }
      case 3 -> {
        int other = (line + 1 + random.nextInt(9)) % 10;
        String moved = lines.get(line);
        lines.set(line, lines.get(other));
        lines.set(other, moved);
        what = "swapped with " + other;
      }
      case 4 -> {
        lines = lines.subList(0, line);
        what = "cut behind";
      }
      default -> {
        int other = 1 + segment % 3;
        List<String> others =
            new ArrayList<>(Arrays.asList(Files.readString(segment(other)).split("(?<=\n)")));
        others.add(random.nextInt(11), lines.remove(line));
        Files.writeString(segment(other), String.join("", others), StandardCharsets.ISO_8859_1);
        what = "moved to " + other;
      }
    }
    Files.writeString(file, String.join("", lines), StandardCharsets.ISO_8859_1);
    return what + " of line " + line + " in segment " + segment;
  }
}
