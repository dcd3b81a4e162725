package io.retune.dataset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.retune.config.DatasetSpec;
import io.retune.config.DatasetSpec.Format;
import io.retune.config.InvalidInputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.apache.spark.sql.Row;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DatasetsTest {
  @TempDir Path folder;
  private Workshop workshop;

  @BeforeEach
  void open() throws IOException {
    workshop = new Workshop(folder);
  }

  @Test
  void aLineOfTextIsARowWithItsFileAndWithoutItsLineEnd() throws IOException {
    DatasetVersion version =
        workshop.datasets.ingest("words", workshop.text("a.txt", "one\r\ntwo\rhalf\n\n"), "first");

    assertThat(
            workshop.datasets.rows(version).select("file", "text").collectAsList().stream()
                .map(Row::mkString))
        .containsExactlyInAnyOrder("a.txtone", "a.txttwo\rhalf", "a.txt");
    assertThat(version.version()).isEqualTo(1);
    assertThat(version.rows()).isEqualTo(3);
    assertThat(version.added()).isTrue();
    assertThat(version.message()).isEqualTo("first");
  }

  @Test
  void theSameRowsAddNoVersionAndOldVersionsStay() throws IOException {
    DatasetSpec old = workshop.jsonl("a.jsonl", "{\"a\":1,\"b\":\"x\"}\n{\"a\":2}\n");
    DatasetSpec sameRows = workshop.jsonl("b.jsonl", "{\"a\": 2}\n\n{\"b\": \"x\", \"a\": 1}\n");
    DatasetSpec changed = workshop.jsonl("c.jsonl", "{\"a\":1,\"b\":\"x\"}\n");

    DatasetVersion first = workshop.datasets.ingest("words", old, "first");
    DatasetVersion again = workshop.datasets.ingest("words", old, "again");
    DatasetVersion otherBytes = workshop.datasets.ingest("words", sameRows, "shuffled");
    DatasetVersion second = workshop.datasets.ingest("words", changed, "fewer");

    assertThat(again.added()).isFalse();
    assertThat(again.version()).isEqualTo(1);
    assertThat(otherBytes.added()).isFalse();
    assertThat(otherBytes.root()).isEqualTo(first.root());
    assertThat(second.added()).isTrue();
    assertThat(second.version()).isEqualTo(2);
    assertThat(second.root()).isNotEqualTo(first.root());
    assertThat(workshop.datasets.versions("words"))
        .extracting(DatasetVersion::message)
        .containsExactly("first", "fewer");
    assertThat(workshop.datasets.rows(workshop.datasets.version("words", 1)).count()).isEqualTo(2);
    assertThat(workshop.datasets.rows(second).count()).isEqualTo(1);
    assertThatThrownBy(() -> workshop.datasets.version("words", 3))
        .isInstanceOf(InvalidInputException.class)
        .hasMessage(
            "data.datasets.words.version: there is no version 3 of words in this store. [version-not-found]\n"
                + "  It has the versions 1, 2.");
  }

  @Test
  void bytesThatHaveTheRowsOfAVersionAreReadOnce() throws IOException {
    DatasetSpec spec = workshop.jsonl("a.jsonl", "{\"a\":1}\n{\"a\":2}\n");
    DatasetSpec sameRows = workshop.jsonl("b.jsonl", "{\"a\": 2}\n{\"a\": 1}\n");
    DatasetSpec others = workshop.jsonl("c.jsonl", "{\"a\":3}\n");
    DatasetVersion first = workshop.datasets.ingest("words", spec, "first");
    assertThat(workshop.datasets.holds("words", sameRows)).isFalse();
    assertThat(workshop.datasets.isOf(first, sameRows)).isFalse();
    workshop.datasets.ingest("words", others, "others");
    workshop.datasets.ingest("words", sameRows, "shuffled");
    Files.delete(folder.resolve("b.jsonl"));
    DatasetVersion again = workshop.datasets.ingest("words", sameRows, "not read");
    assertThat(again.version()).isEqualTo(1);
    assertThat(again.sourceSha256()).isEqualTo(spec.origin().sha256());
    assertThat(workshop.datasets.holds("words", sameRows)).isTrue();
    assertThat(workshop.datasets.isOf(first, sameRows)).isTrue();
    assertThat(workshop.datasets.isOf(workshop.datasets.version("words", 2), sameRows)).isFalse();
    assertThat(workshop.datasets.rows(first).count()).isEqualTo(2);
    assertThat(workshop.datasets.versions("words")).hasSize(2);
  }

  /** The ids of its rows are made of the key, so under another they would be other rows. */
  @Test
  void aVersionWithAnotherKeyIsRefused() throws IOException {
    DatasetSpec spec = workshop.jsonl("a.jsonl", "{\"a\":1}\n{\"a\":2}\n");
    DatasetSpec keyed =
        workshop.file("a.jsonl", "{\"a\":1}\n{\"a\":2}\n", Format.JSONL, List.of("a"));
    workshop.datasets.ingest("words", spec, "");
    assertThat(workshop.datasets.version("words", 1, spec).rows()).isEqualTo(2);
    assertThatThrownBy(() -> workshop.datasets.version("words", 1, keyed))
        .isInstanceOf(InvalidInputException.class)
        .hasMessage(
            "data.datasets.words.version: there is no version 1 of words with the key [a]: that version has the key []. [version-not-found]\n"
                + "  Set data.datasets.words.key = [], or leave version out, which makes a version of its own.");
  }

  @Test
  void equalRowsHaveIdsOfTheirOwnAndAnotherStoreHasOtherIdsButTheSameRoot() throws IOException {
    DatasetSpec spec = workshop.jsonl("a.jsonl", "{\"a\":1}\n{\"a\":1}\n{\"a\":2}\n");
    Workshop elsewhere = new Workshop(folder.resolve("elsewhere"));

    DatasetVersion here = workshop.datasets.ingest("words", spec, "");
    DatasetVersion there = elsewhere.datasets.ingest("words", spec, "");

    List<String> hereIds = ids(workshop, here);
    assertThat(hereIds)
        .hasSize(3)
        .doesNotHaveDuplicates()
        .allMatch(id -> id.matches("[0-9a-f]{32}"));
    assertThat(ids(elsewhere, there)).doesNotContainAnyElementsOf(hereIds);
    assertThat(there.root()).isEqualTo(here.root());
  }

  @Test
  void aKeyedRowKeepsItsIdWhenItsContentChanges() throws IOException {
    DatasetSpec.Format jsonl = DatasetSpec.Format.JSONL;
    DatasetSpec old = workshop.file("a.jsonl", "{\"k\":1,\"v\":\"a\"}\n", jsonl, List.of("k"));
    DatasetSpec changed = workshop.file("b.jsonl", "{\"k\":1,\"v\":\"b\"}\n", jsonl, List.of("k"));

    assertThat(ids(workshop, workshop.datasets.ingest("words", old, "")))
        .isEqualTo(ids(workshop, workshop.datasets.ingest("words", changed, "")));
  }

  @Test
  void aKeyThatIsNotUniqueOrNotThereIsRefused() throws IOException {
    String lines = "{\"id\":1,\"v\":\"a\"}\n{\"id\":1,\"v\":\"b\"}\n";
    DatasetSpec repeated = workshop.file("a.jsonl", lines, DatasetSpec.Format.JSONL, List.of("id"));
    DatasetSpec absent = workshop.file("a.jsonl", lines, DatasetSpec.Format.JSONL, List.of("idd"));

    assertThatThrownBy(() -> workshop.datasets.ingest("words", repeated, ""))
        .isInstanceOf(InvalidInputException.class)
        .hasMessage(
            "data.datasets.words.key: does not tell rows apart: 2 rows have id = 1. [key-not-unique]\n"
                + "  Name more columns, or leave key out: the content identifies a row then.");
    assertThatThrownBy(() -> workshop.datasets.ingest("words", absent, ""))
        .isInstanceOf(InvalidInputException.class)
        .hasMessage(
            "data.datasets.words.key: names the column \"idd\", which is not there. [column-not-found]\n"
                + "  Did you mean \"id\"? Known columns: id, v.");
    assertThat(workshop.datasets.versions("words")).isEmpty();
  }

  @Test
  void everyMalformedLineIsNamedWithItsFileAndNumber() throws IOException {
    DatasetSpec spec =
        workshop.jsonl("a.jsonl", "{\"a\":1}\n{\"a\":\n\n[1]\n{\"a\":1,\"a\":2}\n{\"a\":1} {}\n");

    assertThatThrownBy(() -> workshop.datasets.ingest("words", spec, ""))
        .isInstanceOfSatisfying(
            InvalidInputException.class,
            e ->
                assertThat(e.problems())
                    .extracting("place")
                    .containsExactly("a.jsonl:2", "a.jsonl:4", "a.jsonl:5", "a.jsonl:6"));
    assertThat(workshop.datasets.versions("words")).isEmpty();
  }

  private static List<String> ids(Workshop at, DatasetVersion version) {
    return at.datasets.rows(version).select("row_id").collectAsList().stream()
        .map(row -> row.getString(0))
        .toList();
  }
}
